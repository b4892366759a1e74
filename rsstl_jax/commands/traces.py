"""Makes a site's table from walks through a building: the Indoor Location Competition 2.0.

    git clone https://github.com/location-competition/indoor-location-competition-20 malls
    rsstl traces --traces=malls/data/site1 --name=mall-1
    rsstl traces --traces=malls/data/site2 --name=mall-2

Writes <data_dir>/<name>/{train,test}.csv.gz, which every command then takes as a dataset's name.
"""

from absl import flags, logging

from rsstl_jax.commands.shared.flag_definitions import define_folder
from rsstl_jax.commands.shared.new_site import define_new_site, new_site_folder, write_site

FLAGS = flags.FLAGS


def define_flags() -> None:
    define_folder(
        "traces",
        None,
        "Names the folder of one building, with a folder for each floor.",
        required=True,
    )
    define_new_site()
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
    folder = new_site_folder(FLAGS.name, FLAGS.data_dir)
    from rsstl_jax.data import read_traces

    logging.set_verbosity(logging.INFO)
    site = read_traces(
        FLAGS.name, FLAGS.traces, min_scans=FLAGS.min_scans, max_age_s=FLAGS.max_age_s
    )
    write_site(site, folder, ".csv.gz")
