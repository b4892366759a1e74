"""Phase 1 on a made-up set: 64 places on a plane, 16 features that follow from them."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from tiny import assert_same_bits, draw_params, make_part, make_tiny_config

from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.models.generator import Critic, make_generator
from rsstl_jax.phases.expert_training import (
    SourceBatch,
    init_expert_state,
    make_expert_step,
    represent_source,
    train_expert,
)
from rsstl_jax.phases.generators import draw_inputs
from rsstl_jax.phases.teacher_quality import teacher_quality
from rsstl_jax.store.recorder import Recorder

FIELDS = {
    "model.dnn.hidden_width": 16,
    "teacher.hidden_width": 32,
    "teacher.epochs": 60,
    "teacher.learning_rate": 3e-3,
    "teacher.num_critic_steps": 2,
    "train.batch_size": 32,
}


class Below(nn.Module):
    @nn.compact
    def __call__(self, x, *, train=False):
        return jnp.tanh(x) - 50.0


@pytest.fixture(scope="module")
def source():
    """A regressor that reads the places off the features without error (least squares)."""
    rng = np.random.default_rng(0)
    place = rng.uniform(-1.7, 1.7, (64, 2))
    extract = np.maximum(place @ rng.normal(size=(2, 16)) + rng.normal(size=16) + 1, 0)
    job = make_site_job(make_tiny_config(**FIELDS), make_part())
    params = draw_params(job.network, jnp.zeros((1, 6)))
    columns = np.column_stack([extract, np.ones(64)])
    solution = np.linalg.lstsq(columns, place, rcond=None)[0]
    params["regressor"]["Dense_0"] = {
        "kernel": jnp.asarray(solution[:-1], jnp.float32),
        "bias": jnp.asarray(solution[-1], jnp.float32),
    }
    centered_m = jnp.asarray(place * job.site_network.preprocessor.scale_m, jnp.float32)
    batch = SourceBatch(jnp.asarray(extract, jnp.float32), centered_m, jnp.arange(64))
    return job, params, batch


def train(source, workdir):
    generator = make_generator(source[0].network, FIELDS["teacher.hidden_width"])
    recorder = Recorder(workdir)
    return generator, train_expert(
        source[0], generator, *source[1:], name="expert", recorder=recorder
    )


@pytest.fixture(scope="module")
def trained(source, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("expert")
    return workdir, *train(source, workdir)


def measure(source, generator, *teachers):
    job, params, batch = source

    @jax.jit
    def decode(teacher):
        place = batch.centered_m / job.site_network.preprocessor.scale_m
        inputs = draw_inputs(job.config.teacher, jax.random.key(9), batch.row, place)
        generated = generator.apply({"params": teacher}, inputs)[1]
        decoded_m = job.site_network.regress(params, generated)
        return generated, jnp.linalg.norm(decoded_m - batch.centered_m, axis=1)

    return [teacher_quality(batch.extract, *decode(teacher)) for teacher in teachers]


def test_a_conditioned_teacher_learns_what_belongs_to_a_place(source, trained):
    _, generator, teacher = trained
    untrained = draw_params(generator, jnp.zeros((1, 6)))
    before, after = measure(source, generator, untrained, teacher)
    assert before["pair_cosine"] < 0.7 < 0.9 < after["pair_cosine"]
    assert after["decoded_error_m"] < before["decoded_error_m"] / 2
    # It knows the places and not the middle of them alone.
    distance_m = jnp.linalg.norm(source[2].centered_m, axis=1).mean()
    assert after["decoded_error_m"] < distance_m / 2
    assert not after["collapsed"]


def test_each_epoch_is_logged_with_all_terms(trained):
    records = Recorder(trained[0]).records()
    assert [record["epoch"] for record in records] == list(range(1, 61))
    terms = {"wasserstein", "similarity", "localization"}
    terms |= {"gradient_norm", "critic_gradient_norm"}
    assert all(record.keys() == {"run", "epoch", "batch_size"} | terms for record in records)
    assert records[-1]["localization"] < records[0]["localization"] / 2


def test_a_finished_training_is_loaded(source, trained):
    workdir, _, teacher = trained
    assert_same_bits(train(source, workdir)[1], teacher)
    assert len(Recorder(workdir).records()) == 60


def test_the_critic_is_updated_so_many_times_per_update_of_the_generator(source):
    job, params, batch = source
    settings = make_tiny_config(**FIELDS | {"teacher.num_critic_steps": 3}).teacher
    generator, critic = make_generator(job.network, 32), Critic(32)
    state = init_expert_state(generator, critic, settings, batch)
    step = jax.jit(make_expert_step(job.site_network, generator, critic, settings))
    for seed in range(2):
        state, _ = step(state, batch, jax.random.key(seed), params)
    counts = {part: int(own[0].count) for part, own in state.opt_state.items()}
    assert counts == {"generator": 2, "critic": 2 * 3}


def test_a_source_is_represented_without_dropout_and_augmentation():
    part = make_part()
    job = make_site_job(make_tiny_config(), part)
    params = draw_params(job.network, jnp.zeros((1, 6)))
    source = represent_source(job, params)
    encoded = job.site_network.preprocessor.encode(part.rss_dbm)
    plain = job.network.apply({"params": params}, encoded).extract
    np.testing.assert_allclose(source.extract, plain, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(source.centered_m, job.data.centered_m)
    np.testing.assert_array_equal(source.row, np.arange(len(part)))


@pytest.mark.parametrize(("activation", "warned"), [("linear", False), ("elu", True)])
def test_an_extractor_below_its_declared_range_is_said(source, caplog, activation, warned):
    job, params, _ = source
    network = job.network.clone(extractor=Below(), extract_activation=activation)
    job = replace(job, site_network=replace(job.site_network, network=network))
    lowest = float(represent_source(job, params).extract.min())
    assert -60 < lowest < -40
    message = f"makes {lowest:.3g}, and extract_activation 'elu' means at least -1"
    assert (message in caplog.text) == warned
