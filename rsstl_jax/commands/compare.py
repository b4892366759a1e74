"""Compares finished runs of one target, paired by fingerprint: differences, intervals, a picture.

    rsstl compare --workdirs=results/tampere-dnn-tuned,results/tampere-cnnloc-tuned \\
        --students=distilled
    rsstl compare --workdirs=results/tampere-tuned-knn,results/tampere-dnn-tuned \\
        --students=knn,standalone

The first student of the first workdir is the reference; a negative difference is a smaller error.
Seeds are the unit where two students share more than one that changes either: the interval then
speaks of trainings. Else whole test positions are drawn again, and it speaks of these trained
students. Fewer than six seeds or positions decide nothing. Floors and the field's protocols stand
in a second table, where the runs have them, with intervals over positions.
Writes comparison.json, which holds all intervals, and comparison.png.
"""

from pathlib import Path

from absl import flags

from rsstl_jax.commands.shared.flag_definitions import define_folder, define_names
from rsstl_jax.commands.shared.outputs import check_folder

FLAGS = flags.FLAGS


def define_flags() -> None:
    define_names(
        "workdirs",
        None,
        "Lists the folders of finished runs of distill or baselines.",
        required=True,
    )
    define_names(
        "students",
        [],
        "Lists the students, or baselines such as knn. By default all students of the runs.",
    )
    define_folder("output", "results/comparison", "Names the folder of the table and the picture.")


def main() -> None:
    check_folder("--output", FLAGS.output)
    from rsstl_jax.report.comparison_table import render_comparison_of_runs
    from rsstl_jax.report.plots import plot_comparison
    from rsstl_jax.report.run_comparison import (
        choose_methods,
        compare_methods,
        mean_difference,
        read_run,
    )
    from rsstl_jax.store.files import write_json

    runs = [read_run(workdir) for workdir in FLAGS.workdirs]
    methods = choose_methods(runs, FLAGS.students)
    # A run of an earlier version names no floors.
    places = max((run.places for run in runs), key=lambda one: one.shape[1])
    rows = compare_methods(methods, places)
    output, part = Path(FLAGS.output), runs[0].measured_on
    output.mkdir(parents=True, exist_ok=True)
    content = {
        "part": part,
        "workdirs": FLAGS.workdirs,
        "mean_m": {m.label: {s: float(e.mean()) for s, e in m.errors_m.items()} for m in methods},
        "protocols": {m.label: m.protocols for m in methods},
        "differences": rows,
    }
    write_json(output / "comparison.json", content)
    reference, *others = methods
    title = f"Errors on {part}\nreference: {reference.label}; right: means over the seeds"
    plot_comparison(
        output / "comparison.png",
        {m.label: m.errors_m.to_numpy() for m in methods},
        {m.label: mean_difference(m.errors_m, reference.errors_m) for m in others},
        title,
        dataset=runs[0].target,
    )
    print(f"\n{render_comparison_of_runs(part, methods, rows)}\n")
    print(f"{output}/comparison.json {output}/comparison.png")
