r"""Students trained without some phones, measured at positions that none of them was trained on.

    python experiments/phones.py --config=uji:tuned --config.sources=tut7 --config.seeds=0,1,2 \
        --fold=13 --fold=14 --fold=6,7,8,10,18,19 --fold=1,3,11,17,22,23,24

For each seed a fifth of the positions is held out. Each fold of phones is left out of the training
set in turn, and once none is. Errors are compared at the held-out positions that both the fold and
other phones visited; each position counts alike. Run the same command again to continue.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from absl import flags
from ml_collections import ConfigDict

from rsstl_jax import cli
from rsstl_jax.commands.shared.flag_definitions import define_config, define_folder, fix_fields
from rsstl_jax.config.rules import name_list
from rsstl_jax.config.schema import flatten
from rsstl_jax.data import Fingerprints, load_radio_map
from rsstl_jax.data.splits import position_numbers
from rsstl_jax.data.target import split_parts
from rsstl_jax.errors import DataError
from rsstl_jax.pipeline import run_distillation
from rsstl_jax.report.result_table import markdown_table, mean_and_spread
from rsstl_jax.report.statistics import paired_t_difference
from rsstl_jax.store.files import write_json

FIGURES = {
    "fold_with_m": "fold, trained with it",
    "fold_without_m": "fold, trained without",
    "others_with_m": "others, trained with it",
    "others_without_m": "others, trained without",
}


def define_flags() -> None:
    define_config()
    flags.DEFINE_multi_string(
        "fold",
        None,
        "Lists phones, as 6,7, that are left out together; may be given many times.",
        required=True,
    )
    define_folder("workdir", "results/phones", "Names the folder of the runs.")
    define_folder("output", "results/phones", "Names the folder of the records.")


def at_shared_positions(table: pd.DataFrame, phones: Sequence[str], column: str) -> pd.DataFrame:
    """Mean errors of these phones (True) and of others (False) at each position of both."""
    place = [name for name in ("x_m", "y_m", "floor", "building") if name in table]
    marked = table.assign(fold=table["phone"].astype(str).isin(phones))
    means = marked.pivot_table(column, index=place, columns="fold", aggfunc="mean")
    return means.reindex(columns=[False, True]).dropna()


def without(config: ConfigDict, fold: str, seed: int) -> ConfigDict:
    """The run of a seed that a fold is left out of."""
    own = config.copy_and_resolve_references()
    own.seeds, own.data.validation_seed = (seed,), seed
    own.data.held_out_phones = fold
    return own


def check_fold(radio_map: Fingerprints, own: ConfigDict) -> None:
    """Refuses a fold before anything is trained where there is nothing to compare."""
    _, held_out = split_parts(radio_map, None, own.data)
    phones = own.data.held_out_phones
    in_fold = np.isin(held_out.groups()["phone"], name_list(phones))
    position = position_numbers(held_out)
    if not np.intersect1d(position[in_fold], position[~in_fold]).size:
        raise DataError(
            f"--fold={phones}, seed {own.seeds[0]}: no held-out position of {own.target} was "
            "measured both by these phones and by others"
        )


def measure(tables: dict[str, pd.DataFrame], fold: str, seed: int) -> list[dict[str, Any]]:
    """A record of each method: errors with the fold in the training set and without it."""
    names = map(str, tables[""])
    methods = [name.removesuffix("_error_m") for name in names if name.endswith("_error_m")]
    records = []
    for method in methods:
        record: dict[str, Any] = {"method": method, "fold": fold, "seed": seed}
        for trained, table in (("with", tables[""]), ("without", tables[fold])):
            means = at_shared_positions(table, name_list(fold), f"{method}_error_m")
            record["positions"] = len(means)
            record[f"num_train_{trained}"] = table.attrs["num_train"]
            record |= {f"fold_{trained}_m": means[True].mean()}
            record |= {f"others_{trained}_m": means[False].mean()}
        records.append(record)
    return records


def render(records: pd.DataFrame, reference: str) -> str:
    """What the folds lose by being unknown, and what other phones lose by the smaller training set.

    The seed is the unit: of each the mean over folds.
    """
    means = records.groupby(["method", "seed"])[list(FIGURES)].mean()
    means["fold loses"] = means.fold_without_m - means.fold_with_m
    means["others lose"] = means.others_without_m - means.others_with_m
    means["unknown costs"] = means["fold loses"] - means["others lose"]
    rows = []
    costs = {method: own["unknown costs"].tolist() for method, own in means.groupby("method")}
    for method, own in means.groupby("method"):
        row = {"method": str(method)}
        row |= {label: mean_and_spread(own[name].tolist()) for name, label in FIGURES.items()}
        row["unknown costs"] = _interval(costs[method], [0.0] * len(own))
        beside = "" if method == reference else _interval(costs[method], costs[reference])
        rows.append(row | {f"minus that of {reference}": beside})
    return markdown_table(rows)


def _interval(values: Sequence[float], reference: Sequence[float]) -> str:
    found = paired_t_difference(values, reference)
    return f"{found.mean:+z.2f} [{found.low:+z.2f}, {found.high:+z.2f}], p {found.p_value:.2f}"


def main() -> None:
    config, folds = flags.FLAGS.config, flags.FLAGS.fold
    part = {"data.evaluate_on": "validation", "data.validation_fraction": 0.2}
    drawn = {"data.validation_seed": 0, "data.held_out_phones": ""}
    fix_fields("here, where each seed holds out positions, and each fold its phones", part | drawn)
    workdir, output = Path(flags.FLAGS.workdir), Path(flags.FLAGS.output)
    output.mkdir(parents=True, exist_ok=True)
    records: list[dict[str, Any]] = []
    radio_map = load_radio_map(config.target, data_dir=config.data_dir or None)
    for seed, fold in product(config.seeds, folds):
        check_fold(radio_map, without(config, fold, seed))
    for seed in config.seeds:
        tables = {}
        for fold in ("", *folds):
            own = without(config, fold, seed)
            folder = workdir / f"seed-{seed}-without-{'+'.join(name_list(fold)) or 'none'}"
            result = run_distillation(own, folder)
            tables[fold] = pd.read_csv(folder / "predictions.csv", dtype={"phone": str})
            tables[fold].attrs["num_train"] = result["num_train"]
        for fold in folds:
            records += measure(tables, fold, seed)
        own_to_each = ("seeds", "data_dir", "bundle_dir")
        fields = {n: v for n, v in flatten(config).items() if n not in own_to_each}
        content = {"config": fields, "records": records}
        write_json(output / f"{config.target}-phones.json", content)
    print(f"\n{render(pd.DataFrame(records), 'standalone')}")


if __name__ == "__main__":
    define_flags()
    cli.run(main)
