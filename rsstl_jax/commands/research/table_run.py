"""The work of the command tables: trains rows of result tables and renders their receipts."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from absl import flags

from rsstl_jax.baselines.knn import check_installed
from rsstl_jax.baselines.run_baseline import METHODS, UNTRAINED, WITH_SOURCES
from rsstl_jax.commands.shared.flag_definitions import refuse_unused
from rsstl_jax.commands.shared.outputs import check_folder
from rsstl_jax.config.overrides import read_assignments, read_numbers
from rsstl_jax.config.recipes import RECIPES
from rsstl_jax.config.rules import DATASET_NAME, FRACTIONS, SEEDS, name_list
from rsstl_jax.config.schema import validate
from rsstl_jax.config.unused import why_unused
from rsstl_jax.data import check_sources, load_site
from rsstl_jax.errors import ConfigError
from rsstl_jax.models import make_network
from rsstl_jax.paper.comparison import (
    compare,
    insert_table,
    plot_methods,
    render_comparison,
    render_protocols,
)
from rsstl_jax.paper.cost import cost_frame, render_cost
from rsstl_jax.paper.distribution import distribution_frame, plot_distribution, render_distribution
from rsstl_jax.paper.frame import (
    TABLES,
    VARIANT_ROWS,
    protocol_frame,
    results_frame,
    select_table,
)
from rsstl_jax.paper.receipts import run_row
from rsstl_jax.paper.records import add_receipt, has_receipts, read_receipts
from rsstl_jax.paper.rows import (
    ROWS,
    TABLE_ROWS,
    has_no_network,
    row_config,
    row_name,
    row_students,
)
from rsstl_jax.store.files import write_text
from rsstl_jax.store.processes import in_first

FLAGS = flags.FLAGS

_OF_TRAINING = (
    *("table", "figure", "targets", "sources", "networks", "rows", "shares", "seeds", "students"),
    *("replicas", "set", "variant"),
)

_SET_BY_FLAG = {
    "bundle_dir": "workdir",
    "network": "networks",
    "recipe": "recipe",
    "run.replicas": "replicas",
    "seeds": "seeds",
    "sources": "sources",
    "target": "targets",
}
"""The flag that sets a field, so that --set may not."""

_SUBJECTS = {
    "1": "all methods",
    "2": "single alignment terms",
    "3": "teachers of single sources",
    "4": "fractions of the training set",
    "settings": "other settings",
}


def tables() -> list[str]:
    """The tables asked for."""
    if unknown := set(FLAGS.table or ()) - set(TABLE_ROWS):
        raise ConfigError(f"--table has {min(unknown)!r}; it must be of {', '.join(TABLE_ROWS)}")
    return FLAGS.table or ([] if FLAGS.figure else ["1"])


def wanted() -> Iterator[tuple[str, str, str, float]]:
    """(target, network, row, share) of every row asked for."""
    needed = {row for table in tables() for row in TABLE_ROWS[table]}
    needed |= {"students"} if FLAGS.figure else set()
    rows = FLAGS.rows or [row for row in ROWS if row in needed]
    shares = read_numbers("--shares", FLAGS.shares, FRACTIONS)
    for target in FLAGS.targets:
        for network in FLAGS.networks:
            for row in rows:
                if has_no_network(row) and network != FLAGS.networks[0]:
                    continue
                for share in shares if row in TABLE_ROWS["4"] else [1.0]:
                    yield target, network, row, share


def train(output: Path) -> None:
    workdir = Path(FLAGS.workdir) / str(FLAGS.recipe)
    seeds = read_numbers("--seeds", FLAGS.seeds, SEEDS)
    seeds_name = f"seeds-{'-'.join(map(str, seeds))}"
    if seeds == list(range(seeds[0], seeds[-1] + 1)) and len(seeds) > 1:
        seeds_name = f"seeds-{seeds[0]}-to-{seeds[-1]}"
    rows, students = list(wanted()), FLAGS.students or ()
    if not any(row in TABLE_ROWS["4"] for _, _, row, _ in rows):
        refuse_unused("without a row of table 4", "shares")
    if FLAGS.variant and not DATASET_NAME.fullmatch(FLAGS.variant):
        raise ConfigError(
            f"--variant={FLAGS.variant}: it names a folder, and must be of ASCII letters, digits, "
            "'.', '_' and '-'"
        )
    unshown = {row for _, _, row, _ in rows} - set(VARIANT_ROWS)
    if FLAGS.variant and unshown:
        raise ConfigError(
            f"--variant={FLAGS.variant}: no table shows a variant of the row {min(unshown)}; take "
            f"--rows of {', '.join(VARIANT_ROWS)}"
        )
    overrides = read_assignments(FLAGS.set)
    for field, flag in _SET_BY_FLAG.items():
        if field in overrides:
            raise ConfigError(f"--set={field} has no effect; --{flag} sets it")
    if any(row.startswith("knn") for _, _, row, _ in rows):
        check_installed()
    configs = []
    for target, network, row, share in rows:
        config = row_config(
            row,
            target=target,
            network=network,
            sources=FLAGS.sources,
            recipe=FLAGS.recipe,
            seeds=seeds,
            share=share,
            overrides=overrides,
        )
        config.bundle_dir = str(workdir / "teachers")
        config.run.replicas = FLAGS.replicas
        validate(config)
        if row in WITH_SOURCES or row.removesuffix("-share") not in METHODS:
            check_sources(target, name_list(config.sources))
        make_network(config)
        row_students(row, config, tables(), students)
        configs.append(config)
    for field in overrides:
        idle = [why_unused(config, field) for config in configs]
        if all(idle):
            raise ConfigError(f"--set={field} has no effect {idle[0]}; leave it out")
    for target, data_dir in sorted({(config.target, config.data_dir) for config in configs}):
        load_site(target, data_dir=data_dir or None)
    # Every row can be run: now the hours begin.
    for (target, network, row, share), config in zip(rows, configs, strict=True):
        name = row_name(row, network, share=share, variant=FLAGS.variant)
        folder = workdir / target / name
        receipt = run_row(
            row, config, folder, tables=tables(), variant=FLAGS.variant, students=students
        )
        # What has no seed is the same whatever the seeds.
        key = f"{target}-{name}" if row in UNTRAINED else f"{target}-{name}-{seeds_name}"
        add_receipt(output / f"{target}.jsonl", key, receipt)


class Output:
    """Where the tables and pictures of a recipe go: a page, or files of their own."""

    def __init__(self, folder: Path, page: str | None) -> None:
        self.folder = folder
        self.page = Path(page) if page else None

    def table(
        self, name: str, text: str, frame: pd.DataFrame, *, digits: str | None = "%.4f"
    ) -> None:
        """Keeps a table and prints it."""
        title = f"{self.folder.name} {name}"
        if self.page is None:
            file = self.folder / f"{name.replace(' ', '-')}.md"
            write_text(file, f"{text}\n")
            write_text(file.with_suffix(".csv"), frame.to_csv(index=False, float_format=digits))
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
    folder = Path(FLAGS.output) / recipe
    output = Output(folder, FLAGS.document)
    receipts = list(read_receipts(folder))
    frame = results_frame(receipts)
    if output.page is None:
        seeds = frame.drop(columns="percentiles_m", errors="ignore")
        write_text(folder / "seeds.csv", seeds.to_csv(index=False, float_format="%.4f"))
    for target in frame["target"].unique():
        for table in TABLES:
            selected = select_table(frame, table, target)
            if not selected.empty:
                render_table(output, selected, target, table)
        protocols = protocol_frame(frame, target)
        if not protocols.empty:
            output.table(f"{target} protocols", render_protocols(protocols), protocols)
        cost = cost_frame(receipts, target)
        output.table(f"{target} cost", render_cost(cost), cost, digits=None)
        distribution = distribution_frame(frame, target)
        if not distribution.empty:
            name, kept = f"{target} figure 2", distribution.drop(columns="within_10_m")
            output.table(name, render_distribution(distribution), kept, digits="%.3f")
            if file := output.picture(name):
                title = f"Distribution of the errors on {target}, mean over seeds\nrecipe {recipe}"
                plot_distribution(file, distribution, title, dataset=target)


def render_table(output: Output, selected: pd.DataFrame, target: str, table: str) -> None:
    compared, name = compare(selected, table), f"{target} table {table}"
    output.table(name, render_comparison(compared), compared)
    if file := output.picture(name):
        parts = " and ".join(selected["part"].unique())
        title = f"Mean error on the {parts} part of {target}: {_SUBJECTS[table]}"
        title = f"{title}\nrecipe {output.folder.name}"
        plot_methods(file, selected, title, dataset=target)


def run() -> None:
    if FLAGS.document:
        if not Path(FLAGS.document).is_file():
            raise ConfigError(f"--document={FLAGS.document} is no file")
        check_folder("--document", Path(FLAGS.document).parent)
    output = Path(FLAGS.output)
    check_folder("--output", output)
    if FLAGS.render:
        refuse_unused("with --render, which renders every receipt", *_OF_TRAINING)
    else:
        check_folder("--workdir", FLAGS.workdir)
        folder = output / str(FLAGS.recipe)
        in_first(folder.mkdir)(parents=True, exist_ok=True)
        train(folder)
    render_all(output)


@in_first
def render_all(output: Path) -> None:
    recipes = [recipe for recipe in RECIPES if has_receipts(output / recipe)]
    every_recipe = FLAGS.render and not FLAGS["recipe"].present and recipes
    for recipe in recipes if every_recipe else [str(FLAGS.recipe)]:
        render(recipe)
