"""Sites of a few rows and networks of a few units, and each program compiled once for all tests."""

import atexit
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from functools import partial
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rsstl_jax import make_config, make_network
from rsstl_jax.config.recipes import site_config
from rsstl_jax.data import Fingerprints
from rsstl_jax.engine.saved_student import Student, save_student
from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.phases.bundle import generator_shapes, make_card
from rsstl_jax.report import run_result
from rsstl_jax.site_agnostic.training import init_agnostic
from rsstl_jax.store.recorder import Recorder

# Compiling is nearly all that a tiny training costs, and a test often trains the same one again.
COMPILED = os.environ.get("JAX_COMPILATION_CACHE_DIR") or tempfile.mkdtemp(prefix="rsstl-jax-")
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    atexit.register(shutil.rmtree, COMPILED, ignore_errors=True)
jax.config.update("jax_compilation_cache_dir", COMPILED)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)

NUM_ACCESS_POINTS = {"home": 6, "mall": 7, "campus": 5}
NUM_ROWS = {"train": 21, "test": 9}


def make_part(dataset="home", part="train"):
    """Readings that fall with the distance to access points; some are not detected."""
    rng = np.random.default_rng([len(dataset), len(part)])
    num_rows, num_access_points = NUM_ROWS[part], NUM_ACCESS_POINTS[dataset]
    position_m = rng.uniform([1000.0, -50.0], [1040.0, -20.0], (num_rows, 2))
    access_points_m = np.random.default_rng(7).uniform(
        [1000.0, -50.0], [1040.0, -20.0], (num_access_points, 2)
    )
    apart_m = np.linalg.norm(position_m[:, None] - access_points_m[None], axis=-1)
    rss_dbm = np.rint(-40 - 1.5 * apart_m + rng.normal(0, 2, apart_m.shape))
    return Fingerprints(
        dataset=dataset,
        part=part,
        rss_dbm=np.where(rss_dbm < -85, np.nan, rss_dbm).astype(np.float32),
        position_m=np.round(position_m, 3),
        floor=None,
        building=None,
        access_points=tuple(f"AP{a}" for a in range(num_access_points)),
    )


def make_tiny_config(sources="mall", **fields):
    """The tuned recipe with augmentation, dropout and all terms, on narrow networks."""
    config = make_config("tuned-smoke", target="home", sources=sources)
    config.update_from_flattened_dict(
        {
            "model.dnn.hidden_width": 8,
            "teacher.hidden_width": 8,
            "teacher.latent_width": 4,
            "distill.estimator_width": 8,
            "train.batch_size": 8,
            "run.log_every_epochs": 2,
            "run.baselines": "",
            "run.checkpoint_every_s": 0.0,
        }
        | fields
    )
    return config


# A student of one term, under teachers that are not trained: its programs are the smallest.
ONE_TERM = {
    "teacher.kind": "untrained",
    "distill.weights.mutual_information": 0.0,
    "distill.weights.functional_information": 0.0,
}


def make_bundle_card(config, source="mall", part=None):
    """The card that a run of this configuration asks a source's teacher for."""
    config = site_config(config, source)
    digest = None if part is None else part.digest()
    return make_card(config, make_network(config), source, digest)


def draw_bundle(card):
    """Parameters of a bundle of that card, drawn as `draw_params` does."""
    return _draw(generator_shapes(card), 0)


def make_jobs(config, *parts):
    """{source: its job} under each source's own recipe."""
    return {part.dataset: make_site_job(site_config(config, part.dataset), part) for part in parts}


def write_sites(folder, *names):
    """Tables of one's own for `load_site`: <folder>/<name>/{train,test}.csv."""
    for name in names:
        (folder / name).mkdir(parents=True)
        for part in ("train", "test"):
            fingerprints = make_part(name, part)
            readings = np.nan_to_num(fingerprints.rss_dbm, nan=100.0)
            np.savetxt(
                folder / name / f"{part}.csv",
                np.column_stack([readings, fingerprints.position_m]),
                fmt="%.3f",
                delimiter=",",
                header=",".join([*fingerprints.access_points, "x", "y"]),
                comments="",
            )
    return folder


def name_phones(folder):
    """Adds phones a, b and c in turn to a site's tables, and a month to every nine fingerprints."""
    for file in folder.glob("*.csv"):
        header, *lines = file.read_text().splitlines()
        lines = [f"{line},{'abc'[n % 3]},2024-0{1 + n // 9}-01" for n, line in enumerate(lines)]
        file.write_text("\n".join([f"{header},phone,time", *lines]))
    (folder / "layout.json").write_text(json.dumps({"phone": "phone", "time": "time"}))


def draw_params(module, *inputs, seed=0):
    """Parameters of a module as its `init` shapes them; drawn by NumPy, which compiles nothing."""
    return _draw(jax.eval_shape(module.init, jax.random.key(0), *inputs)["params"], seed)


def draw_members(settings, number=2):
    """Parameters of site-agnostic networks, drawn in the same way."""
    shapes = jax.eval_shape(partial(init_agnostic, settings), jax.random.key(0))
    return tuple(_draw(shapes, seed) for seed in range(number))


def _draw(shapes, seed):
    rng = np.random.default_rng(seed)
    draw = lambda leaf: rng.normal(0, leaf.shape[0] ** -0.5, leaf.shape)  # noqa: E731
    return jax.tree.map(lambda leaf: jnp.asarray(draw(leaf), leaf.dtype), shapes)


def assert_same_bits(tree, other):
    """Equal structure, and equal to the last bit."""
    assert jax.tree.structure(tree) == jax.tree.structure(other)
    for leaf, other_leaf in zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(np.asarray(leaf), np.asarray(other_leaf))


def differing(tree, other):
    """Paths of the leaves that are not equal to the last bit."""
    pairs = zip(jax.tree.leaves_with_path(tree), jax.tree.leaves(other), strict=True)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/")
        for (path, leaf), other_leaf in pairs
        if not np.array_equal(np.asarray(leaf), np.asarray(other_leaf))
    }


@contextmanager
def broken_off(monkeypatch, *, at):
    """A training in here stops with this epoch's metrics on disk and an earlier state."""
    save_latest = Recorder.save_latest

    def stop(self, name, state, epoch, **options):
        if epoch == at:
            raise KeyboardInterrupt
        save_latest(self, name, state, epoch, **options)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Recorder, "save_latest", stop)
        yield


def write_result(*args, **facts):
    """What a run leaves but for its two pictures, which take a second to draw."""
    with mock.patch.object(run_result, "_draw"):
        return run_result.write_result(*args, **facts)


def save_untrained(workdir, name="seed-0/standalone", part=None, seed=0):
    """A student without training in the folder of a run."""
    part = part or make_part()
    config = make_tiny_config()
    site_network = make_site_job(config, part).site_network
    params = site_network.init(jax.random.key(seed), part.num_access_points)
    student = Student(site_network, params, part.access_points, part.dataset)
    save_student(workdir / "students" / name, config, student)
    return student
