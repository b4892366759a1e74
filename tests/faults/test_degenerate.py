"""Data and settings at the edge of what there can be: they work and stay finite, or are refused."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import make_part, make_tiny_config, write_sites

from rsstl_jax import run_distillation
from rsstl_jax.baselines.knn import Neighbours, choose_neighbours, locate_neighbours
from rsstl_jax.data import Fingerprints
from rsstl_jax.data.target import target_parts
from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.errors import DataError
from rsstl_jax.losses import (
    angular_similarity_loss,
    critic_loss,
    functional_information,
    generator_loss,
    gradient_penalty,
    localization_loss,
    mutual_information_loss,
)
from rsstl_jax.models.generator import Critic, make_generator
from rsstl_jax.phases.expert_training import SourceBatch, init_expert_state, make_expert_step
from rsstl_jax.phases.specialise import specialise
from rsstl_jax.phases.teacher_quality import teacher_quality
from rsstl_jax.pipeline import run_expert
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.types import Batch

NAMES = tuple(f"campus{number}" for number in range(20))


def assert_finite(tree):
    assert all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(tree))


def write_table(folder, part, rss_dbm, position_m):
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"AP{number}" for number in range(rss_dbm.shape[1])]
    cells = np.column_stack([np.nan_to_num(rss_dbm, nan=100.0), position_m])
    header = ",".join([*names, "x", "y"])
    np.savetxt(folder / f"{part}.csv", cells, "%.3f", ",", header=header, comments="")


def rewrite(folder, change):
    """Both parts of a tiny site, changed by a function of (readings, positions)."""
    for name in ("train", "test"):
        part = make_part(folder.name, name)
        write_table(folder, name, *change(part.rss_dbm.copy(), part.position_m.copy()))


def run(tmp_path, sources="mall", **fields):
    """A whole run on the controls' untrained teachers; every figure of its result is finite."""
    common = {"teacher.kind": "untrained", "run.baselines": "knn"}
    fields = {"data_dir": str(tmp_path / "data")} | common | fields
    result = run_distillation(make_tiny_config(sources, **fields), tmp_path / "run")
    for student in ("standalone", "distilled"):
        assert_finite(result["students"][student])
    losses = [record for record in Recorder(tmp_path / "run").records() if "epoch" in record]
    assert losses
    assert_finite([v for record in losses for v in record.values() if isinstance(v, float)])
    return result


@pytest.fixture
def data(tmp_path):
    return write_sites(tmp_path / "data", "home", "mall")


@pytest.mark.slow
def test_a_site_of_one_position_has_scale_one_and_errors_that_training_lowers(tmp_path, data):
    """Stands on a map projection's coordinates, where the mean differs in the last bit."""
    position_m = np.array([-7541.264, 4864920.778])
    rewrite(data / "home", lambda rss, _: (rss, np.tile(position_m, (len(rss), 1))))
    config = make_tiny_config(data_dir=str(data))
    assert (
        make_site_job(config, target_parts(config).train).site_network.preprocessor.scale_m == 1.0
    )
    result = run(tmp_path)
    assert max(result["students"]["distilled"]["mae_m"]) < 2.0


def test_a_teacher_of_a_site_of_one_position_is_finite_and_so_is_its_card(tmp_path, data):
    rewrite(data / "mall", lambda rss, _: (rss, np.zeros((len(rss), 2))))
    teachers = run_expert(make_tiny_config(data_dir=str(data)), tmp_path / "run")
    assert_finite(teachers.params)
    assert_finite(teachers.reports["mall"]["quality"])


def test_one_position_cannot_be_split_for_validation(tmp_path, data):
    rewrite(data / "home", lambda rss, position_m: (rss, np.zeros_like(position_m)))
    with pytest.raises(DataError, match=r"^home train: one position only, which cannot be split$"):
        run(tmp_path, **{"data.evaluate_on": "validation"})
    with pytest.raises(DataError, match=r"^home train: one position only"):
        choose_neighbours(target_parts(make_tiny_config(data_dir=str(data))).train)


def test_positions_a_rounding_apart_count_as_one():
    part = make_part()
    for apart_m in (1e-200, 1e-9):
        position_m = np.zeros_like(part.position_m)
        position_m[0] = apart_m
        close = dataclasses.replace(part, position_m=position_m)
        assert make_site_job(make_tiny_config(), close).site_network.preprocessor.scale_m == 1.0


def test_an_access_point_that_train_never_detects_is_a_constant_input(tmp_path, data):
    """Three fingerprints have no reading; the test part detects all; twenty teachers teach."""
    part = make_part("home", "train")
    rss_dbm = part.rss_dbm.copy()
    rss_dbm[:, 2], rss_dbm[:3] = np.nan, np.nan
    write_table(data / "home", "train", rss_dbm, part.position_m)
    train = target_parts(make_tiny_config(data_dir=str(data))).train
    for encoding in ("raw", "linear", "powed", "exponential"):
        site_network = make_site_job(
            make_tiny_config(**{"input.encoding": encoding}), train
        ).site_network
        column = np.asarray(site_network.preprocessor.encode(train.rss_dbm))[:, 2]
        assert set(column.tolist()) == {1.0 if encoding == "raw" else 0.0}
    result = run(tmp_path, ",".join(NAMES))
    assert result["num_train"] == len(part) and result["sources"] == list(NAMES)


@pytest.mark.parametrize("site", ["home", "mall"])
def test_a_site_without_a_detection_is_refused_before_anything_is_trained(tmp_path, data, site):
    rewrite(data / site, lambda rss, position_m: (np.full_like(rss, np.nan), position_m))
    message = f"^{site} train: no access point was detected anywhere$"
    with pytest.raises(DataError, match=message):
        run(tmp_path, **{"teacher.kind": "surrogate"})
    assert not (tmp_path / "run" / "checkpoints").exists()


@pytest.mark.parametrize("site", ["home", "mall"])
def test_a_site_of_one_fingerprint_is_refused_before_anything_is_trained(tmp_path, data, site):
    part = make_part(site)
    write_table(data / site, "train", part.rss_dbm[:1], part.position_m[:1])
    message = f"^{site} train: has one fingerprint; a network needs at least two"
    with pytest.raises(DataError, match=message):
        run(tmp_path, **{"teacher.kind": "surrogate"})
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_a_share_that_leaves_one_fingerprint_is_refused_too(tmp_path, data):
    with pytest.raises(DataError, match=r"^home train: has one fingerprint"):
        run(tmp_path, **{"data.fraction": 0.01})


def test_two_fingerprints_and_a_batch_larger_than_the_site_train(tmp_path, data):
    part = make_part()
    write_table(data / "home", "train", part.rss_dbm[:2], part.position_m[:2])
    result = run(tmp_path, **{"train.batch_size": 4096})
    records = Recorder(tmp_path / "run").records()
    assert {record["batch_size"] for record in records if "epoch" in record} == {2}
    assert result["num_train"] == 2


def test_kNN_takes_all_where_there_are_fewer_than_k():  # noqa: N802
    part = make_part()
    few = part.take([0, 1])
    predicted_m = locate_neighbours(
        Neighbours("linear", "euclidean", 11, "uniform"), few, part.rss_dbm
    ).position_m
    np.testing.assert_allclose(predicted_m, np.tile(few.position_m.mean(0), (len(part), 1)))


def test_no_teacher_is_refused_with_what_would_be_right(tmp_path):
    with pytest.raises(DataError, match=r"^sources is empty; name at least one dataset, such as"):
        run(tmp_path, sources="")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_twenty_teachers_are_trained_and_found_again(tmp_path, data):
    """On the paper's terms; the sites differ in a reading."""
    for number, name in enumerate(NAMES):
        for part in ("train", "test"):
            small = make_part("campus", part)
            small.rss_dbm[0, 0] = -40 - number
            write_table(data / name, part, small.rss_dbm, small.position_m)
    config = make_tiny_config(",".join(NAMES), data_dir=str(data))
    config.specialise.epochs = config.teacher.epochs = 1
    first = run_expert(config, tmp_path / "run")
    assert list(first.reports) == list(NAMES)
    assert_finite([report["quality"] for report in first.reports.values()])
    kernels = first.params["hidden"]["kernel"]
    assert kernels.shape[0] == len({kernel.tobytes() for kernel in np.asarray(kernels)}) == 20
    records = Recorder(tmp_path / "run").records()
    assert sum(record.get("epoch") == 1 for record in records) == 2 * 20
    again = run_expert(config, tmp_path / "other")
    assert again.reports == first.reports


CONSTANT = {
    "zeros": jnp.zeros((6, 4)),
    "ones": jnp.ones((6, 4)),
    "tiny": jnp.full((6, 4), 1e-30, jnp.float32),
}


@jax.jit
def values_and_gradients(z, other):
    critic = Critic(4)
    params = critic.init(jax.random.key(0), z)["params"]

    def score(x):
        return critic.apply({"params": params}, x)

    losses = {
        "similarity": lambda x: angular_similarity_loss(x, other),
        "functional": lambda x: functional_information(x, other),
        "information": lambda x: mutual_information_loss(x, other),
        "localization": lambda x: localization_loss(x[:, :2], other[:, :2]).mean(),
        "penalty": lambda x: gradient_penalty(score, x, other, jax.random.key(1)),
        "critic": lambda x: critic_loss(score(x), score(other)) + generator_loss(score(x)),
    }
    return {name: jax.value_and_grad(loss)(z) for name, loss in losses.items()}


@pytest.mark.parametrize("teacher", CONSTANT)
@pytest.mark.parametrize("student", CONSTANT)
def test_losses_of_constant_representations_have_finite_values_and_gradients(student, teacher):
    assert_finite(values_and_gradients(CONSTANT[student], CONSTANT[teacher]))


def test_a_source_of_constant_representations_teaches_without_nan():
    """A dead extractor, and a regressor that reads one position off it."""
    config, part = make_tiny_config(), make_part("mall")
    site_network = make_site_job(config, part).site_network
    params = site_network.init(jax.random.key(0), part.num_access_points)
    dead = jax.tree.map(jnp.zeros_like, params)
    batch = Batch(jnp.asarray(part.rss_dbm), jnp.zeros((len(part), 2)), jnp.arange(len(part)))
    extract = site_network.represent(dead, batch.rss_dbm).extract
    assert not extract.any()
    source = SourceBatch(extract, batch.centered_m, batch.row)
    generator = make_generator(site_network.network, config.teacher.hidden_width)
    critic = Critic(8)
    step = make_expert_step(site_network, generator, critic, config.teacher)
    state = init_expert_state(generator, critic, config.teacher, source)
    state, metrics = jax.jit(step)(state, source, jax.random.key(1), dead)
    assert_finite((state.params, metrics))


@pytest.mark.parametrize("real", CONSTANT)
@pytest.mark.parametrize("generated", CONSTANT)
def test_the_quality_of_a_constant_teacher_is_finite_and_can_be_written(real, generated):
    quality = teacher_quality(CONSTANT[real], CONSTANT[generated], jnp.zeros(6))
    assert_finite(list(quality.values()))
    assert quality["collapsed"] is True
    json.dumps(quality, allow_nan=False)


def test_readings_all_alike_are_learnt_from(tmp_path):
    """Nothing tells positions apart: the best prediction is one position for all."""
    part = make_part()
    alike = Fingerprints(
        "home",
        "train",
        np.zeros_like(part.rss_dbm),
        part.position_m,
        None,
        None,
        part.access_points,
    )
    config = make_tiny_config(**{"input.encoding": "linear"})
    job = make_site_job(config, alike)
    params = specialise(job, seed=0, name="home", recorder=Recorder(tmp_path))
    assert_finite(params)
