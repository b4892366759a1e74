"""Whole result tables: trains the rows asked for, then renders all receipts of the recipe.

    python experiments/tables.py --targets=tampere --networks=dnn,cnnloc --seeds=0,1,2
    python experiments/tables.py --table=1,2,3 --rows=students --seeds=0,1,2,3,4,5,6,7,8,9
    python experiments/tables.py --table=4 --shares=0.01,0.1
    python experiments/tables.py --figure=2 --networks=dnn,cnnloc,bayescnn,baat
    python experiments/tables.py --rows=students --label=literal --set=teacher.conditioning=none
    python experiments/tables.py --rows=agnostic --students=standalone,soft-target
    python experiments/tables.py --render --output=docs/results --document=docs/results.md

Tables as the paper counts them: 1 all methods, 2 single terms, 3 single sources, 4 a share of the
target, and its Figure 2, whose students are those of table 1 and which is drawn with every table.
The students of a row are replicas of one compiled program. Every row trains in a workdir of its own
below --workdir, where the same command started again goes on; its receipt is copied to
<output>/<recipe>/receipts/, from which --render alone rebuilds everything, of all recipes unless
--recipe names one.
"""

from collections.abc import Iterator
from pathlib import Path

from absl import flags

from rsstl_jax import cli, load_site
from rsstl_jax.baselines.knn import check_installed
from rsstl_jax.config.overrides import SEED, read_assignments, read_numbers
from rsstl_jax.config.recipes import RECIPES
from rsstl_jax.config.rules import SHARE
from rsstl_jax.config.schema import validate
from rsstl_jax.errors import ConfigError
from rsstl_jax.models import make_network
from rsstl_jax.paper.comparison import compare, insert_table, plot_methods, render_comparison
from rsstl_jax.paper.cost import cost_frame, render_cost
from rsstl_jax.paper.distribution import distribution_frame, plot_distribution, render_distribution
from rsstl_jax.paper.frame import TABLE_NAMES, results_frame, select_table
from rsstl_jax.paper.receipts import read_receipts, run_row
from rsstl_jax.paper.rows import (
    ROWS,
    SITES,
    TABLE_ROWS,
    TABLES,
    has_no_network,
    row_config,
    row_name,
    row_students,
)
from rsstl_jax.store.files import write_json, write_text

_TABLE = flags.DEFINE_list(
    "table", None, "which of the paper's tables, of 1, 2, 3 and 4; 1 where no figure is asked for"
)
_FIGURE = flags.DEFINE_enum("figure", None, ["2"], "which of its figures of results")
_TARGETS = flags.DEFINE_list("targets", ["tampere"], "datasets of the students")
_SITES = flags.DEFINE_list("sites", list(SITES), "the sources, but the target")
_NETWORKS = flags.DEFINE_list("networks", ["dnn"], "architectures")
_ROWS = flags.DEFINE_list("rows", None, f"of {', '.join(ROWS)}; by default all that a table needs")
_SHARES = flags.DEFINE_list(
    "shares", ["0.01", "0.1"], "shares of the target's train part, for table 4"
)
_SEEDS = flags.DEFINE_list("seeds", ["0"], "one student of each kind is trained for each")
_STUDENTS = flags.DEFINE_list("students", None, "of those that a row trains; by default all")
_REPLICAS = flags.DEFINE_enum(
    "replicas", "loop", ["loop", "vmap"], "how the students of a row are trained"
)
_RECIPE = flags.DEFINE_string("recipe", "tuned", "paper or tuned, or their smoke versions")
_SET = flags.DEFINE_multi_string("set", [], "field=value on top of the recipe, as --set=a.b=1")
_LABEL = flags.DEFINE_string("label", "", "what other settings are called; needed to compare them")
_WORKDIR = flags.DEFINE_string("workdir", "results/tables", "where the rows are trained")
_OUTPUT = flags.DEFINE_string("output", "results/report", "where tables and receipts are kept")
_DOCUMENT = flags.DEFINE_string("document", None, "Markdown page that has places for the tables")
_RENDER = flags.DEFINE_bool("render", False, "train nothing; rebuild the tables from the receipts")


def tables() -> list[str]:
    """The tables asked for."""
    if unknown := set(_TABLE.value or ()) - set(TABLES):
        raise ConfigError(f"--table has {min(unknown)!r}; it must be of {', '.join(TABLES)}")
    return _TABLE.value or ([] if _FIGURE.value else ["1"])


def wanted() -> Iterator[tuple[str, str, str, float]]:
    """(target, network, row, share) of every row asked for."""
    needed = {row for table in tables() for row in TABLE_ROWS.get(table, ())}
    needed |= {"students"} if _FIGURE.value else set()
    rows = _ROWS.value or [row for row in ROWS if row in needed]
    shares = read_numbers("--shares", _SHARES.value, SHARE)
    for target in _TARGETS.value:
        for network in _NETWORKS.value:
            for row in rows:
                if has_no_network(row) and network != _NETWORKS.value[0]:
                    continue
                for share in shares if row in TABLE_ROWS["4"] else [1.0]:
                    yield target, network, row, share


def train(receipts: Path) -> None:
    workdir = Path(_WORKDIR.value) / str(_RECIPE.value)
    seeds = read_numbers("--seeds", _SEEDS.value, SEED)
    of_seeds = f"seeds-{'-'.join(map(str, seeds))}"
    if seeds == list(range(seeds[0], seeds[-1] + 1)) and len(seeds) > 1:
        of_seeds = f"seeds-{seeds[0]}-to-{seeds[-1]}"
    rows, students = list(wanted()), _STUDENTS.value or ()
    if any(row.startswith("knn") for _, _, row, _ in rows):
        check_installed()
    configs = []
    for target, network, row, share in rows:
        config = row_config(
            row,
            target=target,
            network=network,
            sites=_SITES.value,
            recipe=_RECIPE.value,
            seeds=seeds,
            share=share,
            overrides=read_assignments(_SET.value),
        )
        config.bundle_dir = str(workdir / "teachers")
        config.run.replicas = _REPLICAS.value
        validate(config)
        make_network(config)
        row_students(row, config, tables(), students)
        configs.append(config)
    for target, data_dir in sorted({(config.target, config.data_dir) for config in configs}):
        load_site(target, data_dir=data_dir or None)
    # Every row can be run: now the hours begin.
    for (target, network, row, share), config in zip(rows, configs, strict=True):
        name = row_name(row, network, share=share, label=_LABEL.value)
        folder = workdir / target / name
        receipt = run_row(
            row, config, folder, tables=tables(), label=_LABEL.value, students=students
        )
        # What has no seed is the same whatever the seeds.
        told = [target, name] if receipt["row"] in ("knn", "centroid") else [target, name, of_seeds]
        write_json(receipts / f"{'-'.join(told)}.json", receipt)


def show(name: str, text: str) -> None:
    """Puts a table on the page, if there is one that keeps a place for it, and prints it."""
    page = Path(_DOCUMENT.value) if _DOCUMENT.value else None
    if page and f"<!-- table {name} -->" in page.read_text(encoding="utf-8"):
        write_text(page, insert_table(page.read_text(encoding="utf-8"), name, text))
    elif page:
        print(f"\n{page} keeps no place for table {name}")
    print(f"\n{name}:\n\n{text}")


def render(recipe: str) -> None:
    output = Path(_OUTPUT.value) / recipe
    kept = list(read_receipts(output / "receipts"))
    frame = results_frame(kept)
    frame.to_csv(output / "seeds.csv", index=False, float_format="%.4f")
    for target in frame["target"].unique():
        for table in TABLE_NAMES:
            selected = select_table(frame, table, target)
            if selected.empty:
                continue
            name = f"{target}-table-{table}"
            compared = compare(selected, table)
            text = render_comparison(compared)
            csv = compared.to_csv(index=False, float_format="%.4f")
            write_text(output / f"{name}.csv", csv)
            write_text(output / f"{name}.md", f"{text}\n")
            title = f"{target}, recipe {recipe}: table {table}"
            plot_methods(output / f"{name}.png", selected, title)
            show(f"{recipe} {target} {table}", text)
        cost = cost_frame(kept, target)
        write_text(output / f"{target}-cost.csv", cost.to_csv(index=False))
        show(f"{recipe} {target} cost", render_cost(cost))
        distribution = distribution_frame(kept, target)
        if not distribution.empty:
            name, text = f"{target}-figure-2", render_distribution(distribution)
            csv = distribution.drop(columns="within_10_m").to_csv(index=False, float_format="%.3f")
            write_text(output / f"{name}.csv", csv)
            write_text(output / f"{name}.md", f"{text}\n")
            plot_distribution(output / f"{name}.png", distribution, target)
            show(f"{recipe} {target} figure 2", text)


def main() -> None:
    if _DOCUMENT.value and not Path(_DOCUMENT.value).is_file():
        raise ConfigError(f"--document={_DOCUMENT.value} is no file")
    output = Path(_OUTPUT.value)
    if not _RENDER.value:
        receipts = output / str(_RECIPE.value) / "receipts"
        receipts.mkdir(parents=True, exist_ok=True)
        train(receipts)
    kept = [recipe for recipe in RECIPES if (output / recipe / "receipts").is_dir()]
    all_of_them = _RENDER.value and not flags.FLAGS["recipe"].present
    for recipe in kept if all_of_them and kept else [str(_RECIPE.value)]:
        render(recipe)


if __name__ == "__main__":
    cli.run(main)
