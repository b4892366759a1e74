"""Makes a site's table from walks through a building: the Indoor Location Competition 2.0.

    git clone https://github.com/location-competition/indoor-location-competition-20 malls
    rsstl traces --traces=malls/data/site1 --name=mall-1
    rsstl traces --traces=malls/data/site2 --name=mall-2

Writes <data_dir>/<name>/{train,test}.csv.gz, which every command then takes as a dataset's name.
"""

from pathlib import Path

from absl import flags, logging

from rsstl_jax.commands.shared.flag_definitions import define_data_dir, define_folder, require
from rsstl_jax.errors import ConfigError

FLAGS = flags.FLAGS


def define_flags() -> None:
    define_folder("traces", None, "Names the folder of one building, with a folder for each floor.")
    require("traces", "--traces is missing; name the folder of one building")
    flags.DEFINE_string("name", None, "Names the site that is made.")
    require("name", "--name is missing; name the site that is made, such as mall-1")
    define_data_dir()
    flags.DEFINE_integer(
        "min_scans",
        50,
        "Leaves out access points that fewer scans than this detected.",
        lower_bound=1,
    )
    flags.DEFINE_float(
        "max_age_s", 3.0, "Leaves out readings that are older, in seconds.", lower_bound=0.0
    )


def main() -> None:
    # pandas loads from here on: --help answers without it.
    from rsstl_jax.data import read_traces, write_table

    logging.set_verbosity(logging.INFO)
    folder = _own_folder(FLAGS.name)
    site = read_traces(
        FLAGS.name, FLAGS.traces, min_scans=FLAGS.min_scans, max_age_s=FLAGS.max_age_s
    )
    folder.mkdir(parents=True, exist_ok=True)
    for part in (site.train, site.test):
        write_table(part, folder / f"{part.part}.csv.gz")
        print(f"{folder / part.part}.csv.gz: {len(part)} fingerprints, digest {part.digest()[:12]}")


def _own_folder(name: str) -> Path:
    """The folder of the site, in which nothing may lie that would be read in place of its table."""
    from rsstl_jax.config.rules import DATASET_NAME
    from rsstl_jax.data.load import resolve_data_dir
    from rsstl_jax.data.readers import READERS

    if not DATASET_NAME.fullmatch(name) or name in READERS or name.startswith("synthetic-"):
        raise ConfigError(
            f"--name={name}: a name of letters, digits, '.', '_' and '-' is expected that no known "
            "dataset has, such as mall-1"
        )
    folder = resolve_data_dir(FLAGS.data_dir)[0] / name
    for file in ("train.csv", "test.csv", "layout.json"):
        if (folder / file).exists():
            raise ConfigError(f"{folder / file} would be read with the new table; move it away")
    return folder
