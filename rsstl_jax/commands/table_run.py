"""The work of the command tables: trains rows of result tables and renders their receipts."""

from collections.abc import Iterator
from pathlib import Path

from absl import flags

from rsstl_jax.baselines.knn import check_installed
from rsstl_jax.config.overrides import SEED, read_assignments, read_numbers
from rsstl_jax.config.recipes import RECIPES
from rsstl_jax.config.rules import SHARE
from rsstl_jax.config.schema import validate
from rsstl_jax.data import load_site
from rsstl_jax.errors import ConfigError
from rsstl_jax.models import make_network
from rsstl_jax.paper.comparison import compare, insert_table, plot_methods, render_comparison
from rsstl_jax.paper.cost import cost_frame, render_cost
from rsstl_jax.paper.distribution import distribution_frame, plot_distribution, render_distribution
from rsstl_jax.paper.frame import TABLE_NAMES, results_frame, select_table
from rsstl_jax.paper.receipts import read_receipts, run_row
from rsstl_jax.paper.rows import (
    ROWS,
    TABLE_ROWS,
    TABLES,
    has_no_network,
    row_config,
    row_name,
    row_students,
)
from rsstl_jax.store.files import write_json, write_text

FLAGS = flags.FLAGS


def tables() -> list[str]:
    """The tables asked for."""
    if unknown := set(FLAGS.table or ()) - set(TABLES):
        raise ConfigError(f"--table has {min(unknown)!r}; it must be of {', '.join(TABLES)}")
    return FLAGS.table or ([] if FLAGS.figure else ["1"])


def wanted() -> Iterator[tuple[str, str, str, float]]:
    """(target, network, row, share) of every row asked for."""
    needed = {row for table in tables() for row in TABLE_ROWS.get(table, ())}
    needed |= {"students"} if FLAGS.figure else set()
    rows = FLAGS.rows or [row for row in ROWS if row in needed]
    shares = read_numbers("--shares", FLAGS.shares, SHARE)
    for target in FLAGS.targets:
        for network in FLAGS.networks:
            for row in rows:
                if has_no_network(row) and network != FLAGS.networks[0]:
                    continue
                for share in shares if row in TABLE_ROWS["4"] else [1.0]:
                    yield target, network, row, share


def train(receipts: Path) -> None:
    workdir = Path(FLAGS.workdir) / str(FLAGS.recipe)
    seeds = read_numbers("--seeds", FLAGS.seeds, SEED)
    of_seeds = f"seeds-{'-'.join(map(str, seeds))}"
    if seeds == list(range(seeds[0], seeds[-1] + 1)) and len(seeds) > 1:
        of_seeds = f"seeds-{seeds[0]}-to-{seeds[-1]}"
    rows, students = list(wanted()), FLAGS.students or ()
    if any(row.startswith("knn") for _, _, row, _ in rows):
        check_installed()
    configs = []
    for target, network, row, share in rows:
        config = row_config(
            row,
            target=target,
            network=network,
            sites=FLAGS.sites,
            recipe=FLAGS.recipe,
            seeds=seeds,
            share=share,
            overrides=read_assignments(FLAGS.set),
        )
        config.bundle_dir = str(workdir / "teachers")
        config.run.replicas = FLAGS.replicas
        validate(config)
        make_network(config)
        row_students(row, config, tables(), students)
        configs.append(config)
    for target, data_dir in sorted({(config.target, config.data_dir) for config in configs}):
        load_site(target, data_dir=data_dir or None)
    # Every row can be run: now the hours begin.
    for (target, network, row, share), config in zip(rows, configs, strict=True):
        name = row_name(row, network, share=share, label=FLAGS.label)
        folder = workdir / target / name
        receipt = run_row(
            row, config, folder, tables=tables(), label=FLAGS.label, students=students
        )
        # What has no seed is the same whatever the seeds.
        told = [target, name] if receipt["row"] in ("knn", "centroid") else [target, name, of_seeds]
        write_json(receipts / f"{'-'.join(told)}.json", receipt)


def show(name: str, text: str) -> None:
    """Puts a table on the page, if there is one that keeps a place for it, and prints it."""
    page = Path(FLAGS.document) if FLAGS.document else None
    if page and f"<!-- table {name} -->" in page.read_text(encoding="utf-8"):
        write_text(page, insert_table(page.read_text(encoding="utf-8"), name, text))
    elif page:
        print(f"\n{page} keeps no place for table {name}")
    print(f"\n{name}:\n\n{text}")


def render(recipe: str) -> None:
    output = Path(FLAGS.output) / recipe
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


def run() -> None:
    if FLAGS.document and not Path(FLAGS.document).is_file():
        raise ConfigError(f"--document={FLAGS.document} is no file")
    output = Path(FLAGS.output)
    if not FLAGS.render:
        receipts = output / str(FLAGS.recipe) / "receipts"
        receipts.mkdir(parents=True, exist_ok=True)
        train(receipts)
    kept = [recipe for recipe in RECIPES if (output / recipe / "receipts").is_dir()]
    all_of_them = FLAGS.render and not FLAGS["recipe"].present
    for recipe in kept if all_of_them and kept else [str(FLAGS.recipe)]:
        render(recipe)
