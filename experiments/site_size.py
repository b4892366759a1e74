"""The pretrained network on square synthetic buildings of 20 to 400 m, beside its baselines.

    python experiments/site_size.py --output=docs/results/agnostic

Every building has one floor, 200 surveyed positions with three scans each, 60 access points, walls
every 8 m, and test fingerprints of other devices at other positions; three of each size.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from absl import flags

from rsstl_jax import cli
from rsstl_jax.baselines.knn import centroid_m, choose_neighbours, locate_neighbours
from rsstl_jax.commands.shared.flag_definitions import define_folder
from rsstl_jax.config.overrides import read_numbers
from rsstl_jax.config.rules import COUNTS, SEEDS
from rsstl_jax.data.synthetic import Building, survey_building
from rsstl_jax.metrics import error_m
from rsstl_jax.report.result_table import markdown_table, mean_and_spread
from rsstl_jax.site_agnostic.cross_fitting import choose_at_site
from rsstl_jax.site_agnostic.training import make_agnostic_site_network, predict_members_m
from rsstl_jax.site_agnostic.weights import load_pretrained
from rsstl_jax.store.files import write_text

_SIZES = flags.DEFINE_list(
    "sizes", ["20", "50", "100", "200", "400"], "Lists the widths, in metres."
)
_SEEDS = flags.DEFINE_list(
    "seeds", ["10", "11", "12"], "Lists the seeds, each of a building of every size."
)
define_folder("output", "results/site-size", "Names the folder of the table.")


def measure(size_m: float, seed: int) -> dict[str, float]:
    """Mean error of each method, metres."""
    building = Building(
        seed=seed,
        origin_m=(0.0, 0.0),
        size_m=(size_m, size_m),
        room_m=8.0,
        num_floors=1,
        num_access_points=60,
        num_positions=200,
        scans_per_position=3,
        num_test=200,
        path_loss_exponent=2.5,
        wall_db=3.0,
    )
    site = survey_building(f"square-{size_m:g}", building)
    pretrained = load_pretrained()
    as_trained = make_agnostic_site_network(pretrained.settings, site.train)
    site_network = choose_at_site(as_trained, pretrained.members)
    neighbours = choose_neighbours(site.train, encodings=("linear", "powed"))[0]
    predicted_m: dict[str, np.ndarray] = {
        "pretrained": predict_members_m(site_network, pretrained.members, site.test.rss_dbm),
        "kNN": locate_neighbours(neighbours, site.train, site.test.rss_dbm).position_m,
        "centroid": centroid_m(site.train, site.test.rss_dbm),
        "middle of the radio map": np.tile(site.train.position_m.mean(axis=0), (len(site.test), 1)),
    }
    return {
        name: float(error_m(positions, site.test.position_m).mean())
        for name, positions in predicted_m.items()
    }


def main() -> None:
    lines = []
    sizes_m = read_numbers("--sizes", _SIZES.value, COUNTS)
    seeds = read_numbers("--seeds", _SEEDS.value, SEEDS)
    for size_m in sizes_m:
        figures = pd.DataFrame([measure(size_m, seed) for seed in seeds])
        cells = {str(name): mean_and_spread(column.tolist()) for name, column in figures.items()}
        lines.append({"size (m)": f"{size_m}", **cells})
    text = markdown_table(lines)
    output = Path(flags.FLAGS.output)
    output.mkdir(parents=True, exist_ok=True)
    write_text(output / "site-size.md", f"{text}\n")
    print(f"\nmean error (m), mean ± sd over {len(seeds)} buildings:\n\n{text}")


if __name__ == "__main__":
    cli.run(main)
