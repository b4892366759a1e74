"""Makes a site's table from a .mat file of the collection that many papers on fingerprinting use.

    rsstl convert --mat=databases/TUT7.mat --name=tut7
    rsstl convert --mat=databases/LIB1.mat --name=lib1 --data_dir=~/sites

The file holds a struct `database` with trainingMacs, trainingLabels, testMacs and testLabels, as in
the supplementary materials https://doi.org/10.5281/zenodo.3751042 (DSI1, DSI2, LIB1, LIB2, TUT1 to
TUT7, UJI1 and others). Writes <data_dir>/<name>/train.csv and test.csv, which every command then
takes as a dataset's name. Heights (z) are left out.
"""

from absl import flags, logging

from rsstl_jax.commands.shared.flag_definitions import define_folder
from rsstl_jax.commands.shared.new_site import define_new_site, new_site_folder, write_site

FLAGS = flags.FLAGS


def define_flags() -> None:
    define_folder(
        "mat",
        None,
        "Names the .mat file, saved by MATLAB or Octave up to version 7.",
        required=True,
    )
    define_new_site()


def main() -> None:
    folder = new_site_folder(FLAGS.name, FLAGS.data_dir)
    from rsstl_jax.data import read_mat

    logging.set_verbosity(logging.INFO)
    write_site(read_mat(FLAGS.name, FLAGS.mat), folder, ".csv")
