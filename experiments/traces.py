"""Makes a site's table of walks through a building: the Indoor Location Competition 2.0.

    git clone https://github.com/location-competition/indoor-location-competition-20 malls
    python experiments/traces.py --traces=malls/data/site1 --name=mall-1
    python experiments/traces.py --traces=malls/data/site2 --name=mall-2

Writes <data_dir>/<name>/{train,test}.csv.gz, which every command then takes as a dataset's name.
"""

from absl import flags, logging

from rsstl_jax import cli
from rsstl_jax.data import read_traces, write_table
from rsstl_jax.data.load import resolve_data_dir

_TRACES = flags.DEFINE_string("traces", None, "one building: a folder per floor", required=True)
_NAME = flags.DEFINE_string("name", None, "what the site is called", required=True)
_DATA_DIR = flags.DEFINE_string("data_dir", "", "folder of the datasets; else RSSTL_DATA_DIR")
_MIN_SCANS = flags.DEFINE_integer(
    "min_scans", 50, "access points detected in fewer scans are left out"
)
_MAX_AGE_S = flags.DEFINE_float("max_age_s", 3.0, "readings older than this are left out, seconds")


def main() -> None:
    logging.set_verbosity(logging.INFO)
    site = read_traces(
        _NAME.value, _TRACES.value, min_scans=_MIN_SCANS.value, max_age_s=_MAX_AGE_S.value
    )
    folder = resolve_data_dir(_DATA_DIR.value)[0] / site.name
    folder.mkdir(parents=True, exist_ok=True)
    for part in (site.train, site.test):
        write_table(part, folder / f"{part.part}.csv.gz")
        print(f"{folder / part.part}.csv.gz: {len(part)} fingerprints, digest {part.digest()[:12]}")


if __name__ == "__main__":
    cli.run(main)
