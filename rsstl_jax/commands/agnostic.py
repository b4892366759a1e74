r"""Trains a site-agnostic network on some sites and measures it on another, without training there.

    rsstl agnostic --target=uji --sources=tampere,tut7
    rsstl agnostic --target=tampere --sources=uji,tut7 --evaluate_on=validation \
        --set=episodes.grouped=False --set=network.num_neighbours=8 --workdir=results/ablation
    rsstl agnostic --sources=uji,tampere,tut7 --pretrain=rsstl_jax/pretrained

The first two leave result.json in --workdir and, below --output, a table. The last one trains on
all sites at once and writes what `rsstl evaluate --student=pretrained` uses. The same command
started again goes on where it stopped.
"""

from absl import flags

from rsstl_jax.commands.shared.flag_definitions import define_data_dir, define_folder


def define_flags() -> None:
    flags.DEFINE_string("target", None, "Names the site that is located in.")
    flags.DEFINE_list(
        "sources", ["uji", "tampere", "tut7"], "Lists the sites that are learnt from."
    )
    flags.DEFINE_list(
        "shares", ["0.01", "0.1", "1"], "Lists the fractions of the target's training set."
    )
    flags.DEFINE_integer("subsets", 3, "Sets the random subsets of each fraction below 1.")
    flags.DEFINE_enum(
        "evaluate_on", "test", ["test", "validation"], "Names the part that is measured on."
    )
    flags.DEFINE_list("seeds", ["0", "1", "2"], "Lists the seeds, one for each ensemble member.")
    flags.DEFINE_integer("epochs", 30, "Sets the epochs of 100 episodes.")
    flags.DEFINE_integer("tune_epochs", 0, "Sets the epochs of the target's own episodes.")
    flags.DEFINE_multi_string(
        "set", [], "Sets part.field=value of the parts network, episodes and tune_episodes."
    )
    flags.DEFINE_bool("rivals", True, "Measures kNN and the centroid, too.")
    define_data_dir()
    define_folder("workdir", None, "Sets the folder of the run: results/agnostic-<target>.")
    define_folder("output", "results/report/agnostic", "Names the folder of table and receipt.")
    define_folder("pretrain", None, "Names the folder of a bundle to be made instead of a table.")


def main() -> None:
    # JAX loads from here on: --help answers without it.
    from rsstl_jax.commands.agnostic_run import run

    run()
