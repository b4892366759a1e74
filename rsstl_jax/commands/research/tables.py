"""Trains rows of the result tables, then renders all receipts of the recipe.

    rsstl tables --targets=tampere --networks=dnn,cnnloc --seeds=0,1,2
    rsstl tables --table=1,2,3 --rows=students --seeds=0,1,2,3,4,5,6,7,8,9
    rsstl tables --table=4 --shares=0.01,0.1
    rsstl tables --figure=2 --networks=dnn,cnnloc,bayescnn,baat
    rsstl tables --rows=students --variant=literal --set=teacher.conditioning=none
    rsstl tables --rows=agnostic --students=standalone,soft-target
    rsstl tables --render --output=docs/results --document=docs/results.md

The tables are numbered as in the paper: 1 all methods, 2 single terms, 3 single sources, 4 a
fraction of the target's training set. Figure 2 shows the students of Table 1 and is drawn with
every table. Floors and the field's protocols are a further table, where receipts have them. The
students of a row are replicas of one compiled program. Every row is trained in a separate folder
below --workdir; run the same command again to continue. Its receipt is written to
<output>/<recipe>/<target>.jsonl. --render trains nothing and rebuilds everything from these
receipts, of all recipes unless --recipe names one.

Tables and pictures are written to <output>/<recipe>/. With --document the tables are written into
that page instead, between its marks, and only the pictures that the page shows are drawn.
"""

from absl import flags

from rsstl_jax.commands.shared.flag_definitions import define_folder, define_names
from rsstl_jax.commands.shared.launch import define_processes
from rsstl_jax.config.recipes import RECIPES

# As rsstl_jax.paper.rows has them, which loads JAX.
SOURCES = ("uji", "tampere", "tut7")


def define_flags() -> None:
    define_names(
        "table",
        None,
        "Lists the paper's tables, of 1, 2, 3 and 4. By default 1; none with --figure.",
    )
    flags.DEFINE_enum("figure", None, ["2"], "Names the paper's figure of results.")
    define_names("targets", ["tampere"], "Lists the sites of the students.")
    define_names("sources", list(SOURCES), "Lists the sources; a target is not its own source.")
    define_names("networks", ["dnn"], "Lists the networks.")
    define_names(
        "rows", None, "Lists rows, such as students or knn. By default all that a table needs."
    )
    define_names("shares", ["0.01", "0.1"], "Lists fractions of the full training set for table 4.")
    define_names("seeds", ["0"], "Lists the seeds; each trains one student of each kind.")
    define_names("students", None, "Lists students of a row. By default all are trained.")
    flags.DEFINE_enum(
        "replicas",
        "loop",
        ["loop", "vmap"],
        "Chooses whether the students of a row are trained in turn (loop) or at once (vmap).",
    )
    flags.DEFINE_string("recipe", "tuned", f"Names the recipe, one of {', '.join(RECIPES)}.")
    flags.DEFINE_multi_string(
        "set", [], "Sets a field on top of the recipe, as field=value; may be given many times."
    )
    flags.DEFINE_string(
        "variant",
        "",
        "Names settings other than the recipe's, so that they can be compared. The rows students, "
        "share and agnostic have variants.",
    )
    define_folder("workdir", "results/tables", "Names the folder in which the rows are trained.")
    define_folder("output", "results/report", "Names the folder of tables and receipts.")
    define_folder("document", None, "Names a Markdown page that has marks for the tables.")
    flags.DEFINE_bool("render", False, "Trains nothing and renders the receipts that are there.")
    define_processes()


def main() -> None:
    from rsstl_jax.commands.research.table_run import run

    run()
