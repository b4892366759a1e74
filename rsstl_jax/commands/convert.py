"""Makes a site's table from a .mat file of the collection that many papers on fingerprinting use.

    rsstl convert --mat=databases/TUT7.mat --name=tut7
    rsstl convert --mat=databases/LIB1.mat --name=lib1 --data_dir=~/sites

The file holds a struct `database` with trainingMacs, trainingLabels, testMacs and testLabels, as in
the supplementary materials https://doi.org/10.5281/zenodo.3751042 (DSI1, DSI2, LIB1, LIB2, TUT1 to
TUT7, UJI1 and others). Writes <data_dir>/<name>/train.csv and test.csv, which every command then
takes as a dataset's name. Heights (z) are printed and left out.
"""

from pathlib import Path

from absl import flags, logging

from rsstl_jax.commands.shared.flag_definitions import define_data_dir, define_folder, require
from rsstl_jax.config.rules import DATASET_NAME
from rsstl_jax.errors import ConfigError

FLAGS = flags.FLAGS


def define_flags() -> None:
    define_folder("mat", None, "Names the .mat file, saved by MATLAB or Octave up to version 7.")
    require("mat", "--mat is missing; name the .mat file of one site")
    flags.DEFINE_string("name", None, "Names the site that is made.")
    require("name", "--name is missing; name the site that is made, such as tut7")
    define_data_dir()


def main() -> None:
    name = str(FLAGS.name)
    # pandas loads from here on: --help answers without it.
    from rsstl_jax.data import CARDS, read_mat, write_table
    from rsstl_jax.data.cards import check_card
    from rsstl_jax.data.load import resolve_data_dir
    from rsstl_jax.data.readers import READERS
    from rsstl_jax.data.synthetic import SYNTHETIC_PREFIX

    if not DATASET_NAME.fullmatch(name) or name.startswith(SYNTHETIC_PREFIX) or name in READERS:
        raise ConfigError(
            f"--name={name} cannot be the name of a table: it must be of letters, digits, '.', '_' "
            f"and '-', none of {', '.join(READERS)}, and not begin with {SYNTHETIC_PREFIX}"
        )
    folder = resolve_data_dir(FLAGS.data_dir)[0] / name
    _refuse_to_overwrite(folder)
    logging.set_verbosity(logging.INFO)
    site = read_mat(name, FLAGS.mat)
    if name in CARDS:
        check_card(CARDS[name], site)
    folder.mkdir(parents=True, exist_ok=True)
    for part in (site.train, site.test):
        write_table(part, folder / f"{part.part}.csv")
        print(f"{folder / part.part}.csv: {len(part)} fingerprints, digest {part.digest()[:12]}")


def _refuse_to_overwrite(folder: Path) -> None:
    present = [path for path in folder.glob("*.csv*") if path.name.startswith(("train.", "test."))]
    if present:
        raise ConfigError(f"{min(present)} is there already; choose another --name or remove it")
