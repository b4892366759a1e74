"""Whole result tables: trains the rows asked for, then renders all receipts of the recipe.

    python experiments/tables.py --targets=tampere --networks=dnn,cnnloc --seeds=0,1,2
    python experiments/tables.py --table=1,2,3 --rows=students --seeds=0,1,2,3,4,5,6,7,8,9
    python experiments/tables.py --table=4 --shares=0.01,0.1
    python experiments/tables.py --figure=2 --networks=dnn,cnnloc,bayescnn,baat
    python experiments/tables.py --rows=students --label=literal --set=teacher.conditioning=none
    python experiments/tables.py --rows=agnostic --students=standalone,soft-target
    python experiments/tables.py --render --output=docs/results --document=docs/results.md

The tables are numbered as in the paper: 1 all methods, 2 single terms, 3 single sources, 4 a
fraction of the target's training set. Figure 2 shows the students of Table 1 and is drawn with
every table. The students of a row are replicas of one compiled program. Every row trains in a
workdir of its own below --workdir, where the same command started again goes on. Its receipt is
kept in <output>/<recipe>/<target>.jsonl. --render trains nothing and rebuilds everything from
these receipts, of all recipes unless --recipe names one.

Tables and pictures are written to <output>/<recipe>/. With --document the tables stand in that page
instead, between its marks, and only the pictures that the page shows are drawn.
"""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from absl import flags

from rsstl_jax import cli, load_site
from rsstl_jax.baselines.knn import check_installed
from rsstl_jax.baselines.run_baseline import UNTRAINED
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
from rsstl_jax.paper.receipts import run_row
from rsstl_jax.paper.records import add_receipt, has_receipts, read_receipts
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
from rsstl_jax.store.files import write_text

_TABLE = flags.DEFINE_list(
    "table",
    None,
    "tables of the paper, among 1, 2, 3 and 4; by default 1, unless --figure is given",
)
_FIGURE = flags.DEFINE_enum("figure", None, ["2"], "figure of the paper to draw")
_TARGETS = flags.DEFINE_list("targets", ["tampere"], "datasets of the students")
_SITES = flags.DEFINE_list("sites", list(SITES), "the target and its sources")
_NETWORKS = flags.DEFINE_list("networks", ["dnn"], "architectures")
_ROWS = flags.DEFINE_list(
    "rows", None, f"rows to train, among {', '.join(ROWS)}; by default all of the tables"
)
_SHARES = flags.DEFINE_list(
    "shares", ["0.01", "0.1"], "fractions of the target's training set, for table 4"
)
_SEEDS = flags.DEFINE_list("seeds", ["0"], "one student of each kind is trained for each")
_STUDENTS = flags.DEFINE_list("students", None, "students of the rows to train; by default all")
_REPLICAS = flags.DEFINE_enum(
    "replicas", "auto", ["auto", "loop", "map", "vmap"], "how the students of a row are trained"
)
_RECIPE = flags.DEFINE_string("recipe", "tuned", "paper or tuned, or their smoke versions")
_SET = flags.DEFINE_multi_string("set", [], "field=value on top of the recipe, as --set=a.b=1")
_LABEL = flags.DEFINE_string(
    "label", "", "name of the settings that --set changes, for the table of other settings"
)
_WORKDIR = flags.DEFINE_string("workdir", "results/tables", "where the rows are trained")
_OUTPUT = flags.DEFINE_string("output", "results/report", "folder of tables and receipts")
_DOCUMENT = flags.DEFINE_string("document", None, "Markdown page that has marks for the tables")
_RENDER = flags.DEFINE_bool("render", False, "train nothing; rebuild the tables from the receipts")

_SUBJECTS = {
    "1": "all methods",
    "2": "single alignment terms",
    "3": "teachers of single sources",
    "4": "fractions of the training set",
    "settings": "other settings",
}


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


def train(output: Path) -> None:
    workdir = Path(_WORKDIR.value) / str(_RECIPE.value)
    seeds = read_numbers("--seeds", _SEEDS.value, SEED)
    seeds_name = f"seeds-{'-'.join(map(str, seeds))}"
    if seeds == list(range(seeds[0], seeds[-1] + 1)) and len(seeds) > 1:
        seeds_name = f"seeds-{seeds[0]}-to-{seeds[-1]}"
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
        names = [target, name] if row in UNTRAINED else [target, name, seeds_name]
        add_receipt(output / f"{target}.jsonl", "-".join(names), receipt)


class Output:
    """Where the tables and pictures of a recipe go: a page, or files of their own."""

    def __init__(self, folder: Path, page: str | None) -> None:
        self.folder = folder
        self.page = Path(page) if page else None

    def table(self, name: str, text: str, csv: str) -> None:
        """Keeps a table and prints it."""
        title = f"{self.folder.name} {name}"
        if self.page is None:
            stem = name.replace(" ", "-")
            write_text(self.folder / f"{stem}.csv", csv)
            write_text(self.folder / f"{stem}.md", f"{text}\n")
        elif f"<!-- {title} -->" in (content := self.page.read_text(encoding="utf-8")):
            write_text(self.page, insert_table(content, title, text))
        else:
            print(f"\n{self.page} has no marks <!-- {title} -->")
        print(f"\n{title}:\n\n{text}")

    def picture(self, name: str) -> Path | None:
        """The file of a picture; None where there is a page and it does not show the picture."""
        file = self.folder / f"{name.replace(' ', '-')}.png"
        link = f"{self.folder.name}/{file.name})"
        return file if self.page is None or link in self.page.read_text(encoding="utf-8") else None


def render(recipe: str) -> None:
    folder = Path(_OUTPUT.value) / recipe
    output = Output(folder, _DOCUMENT.value)
    receipts = list(read_receipts(folder))
    frame = results_frame(receipts)
    if output.page is None:
        csv = frame.to_csv(index=False, float_format="%.4f")
        write_text(folder / "seeds.csv", csv)
    for target in frame["target"].unique():
        for table in TABLE_NAMES:
            selected = select_table(frame, table, target)
            if not selected.empty:
                render_table(output, selected, target, table)
        cost = cost_frame(receipts, target)
        output.table(f"{target} cost", render_cost(cost), cost.to_csv(index=False))
        distribution = distribution_frame(receipts, target)
        if not distribution.empty:
            csv = distribution.drop(columns="within_10_m").to_csv(index=False, float_format="%.3f")
            name = f"{target} figure 2"
            output.table(name, render_distribution(distribution), csv)
            if file := output.picture(name):
                title = f"Distribution of the errors on {target}, mean over seeds\nrecipe {recipe}"
                plot_distribution(file, distribution, title)


def render_table(output: Output, selected: pd.DataFrame, target: str, table: str) -> None:
    compared = compare(selected, table)
    csv = compared.to_csv(index=False, float_format="%.4f")
    output.table(f"{target} table {table}", render_comparison(compared), csv)
    if file := output.picture(f"{target} table {table}"):
        parts = " and ".join(selected["part"].unique())
        title = f"Mean error on the {parts} part of {target}: {_SUBJECTS[table]}"
        plot_methods(file, selected, f"{title}\nrecipe {output.folder.name}")


def main() -> None:
    if _DOCUMENT.value and not Path(_DOCUMENT.value).is_file():
        raise ConfigError(f"--document={_DOCUMENT.value} is no file")
    output = Path(_OUTPUT.value)
    if not _RENDER.value:
        folder = output / str(_RECIPE.value)
        folder.mkdir(parents=True, exist_ok=True)
        train(folder)
    recipes = [recipe for recipe in RECIPES if has_receipts(output / recipe)]
    every_recipe = _RENDER.value and not flags.FLAGS["recipe"].present and recipes
    for recipe in recipes if every_recipe else [str(_RECIPE.value)]:
        render(recipe)


if __name__ == "__main__":
    cli.run(main)
