"""Whole result tables: trains the rows asked for, then renders all receipts of the recipe.

    python experiments/tables.py --targets=tampere --networks=dnn,cnnloc --seeds=0,1,2
    python experiments/tables.py --targets=uji --networks=dnn --rows=students,knn
    python experiments/tables.py --render --document=docs/results.md

Every row trains in a workdir of its own below --workdir, where the same command started again goes
on; its receipt is copied to <output>/receipts/, from which --render alone rebuilds the tables.
"""

import ast
from pathlib import Path
from typing import Any

from absl import flags

from rsstl_jax import cli
from rsstl_jax.config import ConfigError
from rsstl_jax.files import write_json, write_text
from rsstl_jax.report import comparison_frame, insert_table, plot_methods, render_comparison
from rsstl_jax.tables import ROWS, read_receipts, row_config, row_name, run_row

_TARGETS = flags.DEFINE_list("targets", ["tampere"], "datasets of the students")
_SITES = flags.DEFINE_list("sites", ["uji", "tampere", "tut7"], "the sources, but the target")
_NETWORKS = flags.DEFINE_list("networks", ["dnn"], "architectures")
_ROWS = flags.DEFINE_list("rows", list(ROWS), f"which rows, of {', '.join(ROWS)}")
_SEEDS = flags.DEFINE_list("seeds", ["0"], "one student of each kind is trained for each")
_RECIPE = flags.DEFINE_string("recipe", "tuned", "paper or tuned, or their smoke versions")
_SET = flags.DEFINE_multi_string("set", [], "field=value on top of the recipe, as --set=a.b=1")
_WORKDIR = flags.DEFINE_string("workdir", "results/tables", "where the rows are trained")
_OUTPUT = flags.DEFINE_string("output", "docs/results", "where tables and receipts are kept")
_DOCUMENT = flags.DEFINE_string("document", None, "Markdown page that has places for the tables")
_RENDER = flags.DEFINE_bool("render", False, "train nothing; rebuild the tables from the receipts")


def overrides() -> dict[str, Any]:
    """The fields of --set; a value that is no Python literal is a text."""
    fields = {}
    for assignment in _SET.value:
        field, equals, text = assignment.partition("=")
        if not equals:
            raise ConfigError(f"--set={assignment}: it must read field=value")
        try:
            fields[field] = ast.literal_eval(text)
        except (SyntaxError, ValueError):
            fields[field] = text
    return fields


def train(receipts: Path) -> None:
    workdir, seeds = Path(_WORKDIR.value) / str(_RECIPE.value), [int(s) for s in _SEEDS.value]
    for target in _TARGETS.value:
        for network in _NETWORKS.value:
            for row in _ROWS.value:
                config = row_config(
                    row,
                    target=target,
                    network=network,
                    sites=_SITES.value,
                    recipe=_RECIPE.value,
                    seeds=seeds,
                    overrides=overrides(),
                )
                config.bundle_dir = str(workdir / "teachers")
                name = row_name(row, network)
                receipt = run_row(row, config, workdir / target / name)
                write_json(receipts / f"{target}-{name}.json", receipt)


def main() -> None:
    output = Path(_OUTPUT.value) / str(_RECIPE.value)
    receipts = output / "receipts"
    receipts.mkdir(parents=True, exist_ok=True)
    if not _RENDER.value:
        train(receipts)
    frame = comparison_frame(read_receipts(receipts))
    write_text(output / "methods.csv", frame.to_csv(index=False, float_format="%.4f"))
    for target in frame["target"].unique():
        table = render_comparison(frame, target)
        write_text(output / f"{target}.md", f"{table}\n")
        plot_methods(output / f"{target}.png", frame, target)
        if _DOCUMENT.value:
            page = Path(_DOCUMENT.value)
            text = page.read_text(encoding="utf-8")
            write_text(page, insert_table(text, f"{_RECIPE.value} {target}", table))
        print(f"\n{target}, recipe {_RECIPE.value}:\n\n{table}")


if __name__ == "__main__":
    cli.run(main)
