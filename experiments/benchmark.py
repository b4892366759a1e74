"""Times this package against PyTorch and against plainer forms of itself, side by side in one run.

    pip install torch==2.13.0
    python experiments/benchmark.py                        # all parts
    python experiments/benchmark.py --parts=step,spectral
    python experiments/benchmark.py --render --parts=step  # draws <output>/step.csv again

step      the distilling step (paper's DNN, 520 access points, B = 128, two teachers, all terms)
networks  an epoch of each network at Tampere
teachers  the step under 1 to 16 teachers
replicas  the step of 1 to 64 students, or --counts, in all modes
samples   an epoch of the step over growing data
compile   until the step's program is there, cold and cached
spectral  the spectral term: power iteration against a full SVD, time and gradient memory
supports  a fingerprint located by the site-agnostic network and by kNN, against the site's size

Only `step` and `networks` need PyTorch. Every part is printed and stored as <output>/<part>.csv,
and where the guide shows it as <part>.png. The fingerprints are drawn, but for those of networks.
"""

from importlib.util import find_spec
from pathlib import Path

import jax
import pandas as pd
from absl import flags
from benchmarks.distill_step import BATCH, FORMS, draw_site, floor_s, make_floor_runs, make_run
from benchmarks.pictures import TITLES, plot_part
from benchmarks.scaling import (
    time_compile,
    time_replicas,
    time_samples,
    time_spectral,
    time_supports,
    time_teachers,
)
from benchmarks.timing import interleaved

from rsstl_jax import cli, default_config
from rsstl_jax.commands.shared.flag_definitions import define_folder
from rsstl_jax.config.overrides import read_numbers
from rsstl_jax.config.rules import COUNTS
from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.engine.site_network import make_batch
from rsstl_jax.errors import ConfigError
from rsstl_jax.store.files import write_text

_PARTS = flags.DEFINE_list(
    "parts",
    ["step", "networks", "teachers", "replicas", "samples", "spectral", "compile", "supports"],
    "Lists the parts that are timed.",
)
_REPEATS = flags.DEFINE_integer(
    "repeats", 7, "Sets the rounds, of which the median counts.", lower_bound=1
)
_COUNTS = flags.DEFINE_list(
    "counts", ["1", "4", "16", "64"], "Lists numbers of students for the part `replicas`."
)
_RENDER = flags.DEFINE_bool("render", False, "Times nothing and draws the tables that are there.")
define_folder("output", "results/benchmark", "Names the folder of the tables.")

_WITH_TORCH = {"step", "networks"}
STEPS = 155  # an epoch of UJIIndoorLoc


def time_step() -> pd.DataFrame:
    """Milliseconds of a distilling step in all its forms, and the floor of its arithmetic."""
    from benchmarks.torch_step import make_torch_run

    train = draw_site(STEPS * BATCH)
    site_network = make_site_job(default_config(), train).site_network
    batch = make_batch(train, site_network.preprocessor)
    data = jax.device_get((site_network.preprocessor.encode(batch.rss_dbm), batch.centered_m))
    runs = {form: make_run(form, num_steps=STEPS) for form in FORMS}
    for compiled, name in ((False, "PyTorch eager"), (True, "torch.compile")):
        runs[name] = make_torch_run(*data, compiled=compiled)
    # Side by side with the step, or another load would be another floor.
    measured = interleaved({**runs, **make_floor_runs()}, repeats=_REPEATS.value, at_least_s=0.1)
    seconds = {name: measured[name] / STEPS for name in runs}
    seconds |= {f"floor: {part}": value for part, value in floor_s(measured).items()}
    return pd.DataFrame(
        {"form": name, "milliseconds": 1e3 * s, "relative to ours": s / seconds["ours"]}
        for name, s in seconds.items()
    )


def time_networks() -> pd.DataFrame:
    from benchmarks import networks

    return networks.time_networks(repeats=_REPEATS.value)


PARTS = {
    "step": time_step,
    "networks": time_networks,
    "teachers": lambda: time_teachers((1, 2, 4, 8, 16), repeats=_REPEATS.value),
    "replicas": lambda: time_replicas(
        read_numbers("--counts", _COUNTS.value, COUNTS), repeats=_REPEATS.value
    ),
    "samples": lambda: time_samples((5, 10, 20, 40, 80), repeats=_REPEATS.value),
    "spectral": lambda: time_spectral((1, 3, 10, 30, 100), repeats=_REPEATS.value),
    "compile": time_compile,
    "supports": lambda: time_supports((100, 1000, 5000, 20000), repeats=_REPEATS.value),
}


def main() -> None:
    output = Path(flags.FLAGS.output)
    if unknown := set(_PARTS.value) - set(PARTS):
        raise ConfigError(f"--parts has {min(unknown)!r}; it must be of {', '.join(PARTS)}")
    if not (_RENDER.value or _WITH_TORCH.isdisjoint(_PARTS.value) or find_spec("torch")):
        raise ConfigError(
            "PyTorch is not installed, and step and networks are compared with it; pip install "
            "torch, or leave them out of --parts"
        )
    output.mkdir(parents=True, exist_ok=True)
    for part in _PARTS.value:
        table = output / f"{part}.csv"
        if not _RENDER.value:
            write_text(table, PARTS[part]().to_csv(index=False, float_format="%.4g"))
        elif not table.is_file():
            raise ConfigError(f"--render draws {table}, which is no file; time the part first")
        frame = pd.read_csv(table)
        if part in TITLES:
            plot_part(output / f"{part}.png", frame, part)
        print(f"\n{part}:\n\n{frame.to_string(index=False, float_format='{:.3g}'.format)}")


if __name__ == "__main__":
    cli.run(main)
