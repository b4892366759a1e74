"""Fields that a run would not use, by its network and its teachers."""

import pytest

from rsstl_jax import make_config
from rsstl_jax.config.schema import FIELDS
from rsstl_jax.config.unused import why_unused
from rsstl_jax.models import NETWORKS, make_network

OTHERS = {
    int: lambda value: value + 8,
    float: lambda value: value / 2 + 0.125,
    str: {"auto": "convolution"}.get,
    tuple: lambda value: tuple(size + 8 for size in value),
}


def make(network="dnn", kind="surrogate"):
    config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
    config.network, config.teacher.kind = network, kind
    return config


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_the_fields_that_a_network_reads_are_those_that_are_used(network):
    """A field is read if the network that is made differs when it does."""
    config, made = make(network, "agnostic"), []
    fields = [path for path in FIELDS if path.startswith("model.")]
    for path in fields:
        other = make(network, "agnostic")
        value = config
        for name in path.split("."):
            value = value[name]
        other.update_from_flattened_dict({path: OTHERS[type(value)](value)})
        made.append(make_network(other) != make_network(config))
    read = {path for path, differs in zip(fields, made, strict=True) if differs}
    used = {path for path in fields if why_unused(config, path) is None}
    assert used - read <= {"model.cnnloc.pretrain_epochs"} and read <= used


@pytest.mark.parametrize(
    ("network", "kind", "path", "why"),
    [
        ("dnn", "surrogate", "model.cnnloc.dropout", "with network=dnn"),
        ("dnn", "surrogate", "agnostic.members", "with teacher.kind=surrogate"),
        ("dnn", "both", "agnostic.members", None),
        ("dnn", "both", "agnostic.fractions", "on students; rsstl agnostic reads it"),
        ("dnn", "agnostic", "agnostic.tune.episodes.max_support", "with network=dnn"),
        ("agnostic", "agnostic", "agnostic.tune.episodes.max_support", None),
        ("agnostic", "agnostic", "input.encoding", "with network=agnostic, whose input is always "),
        ("dnn", "agnostic", "teacher.latent_width", "with teacher.kind=agnostic"),
        ("dnn", "agnostic", "specialise.epochs", "with teacher.kind=agnostic"),
        ("dnn", "agnostic", "teacher.seed", None),
        ("dnn", "untrained", "teacher.num_critic_steps", "with teacher.kind=untrained"),
        ("dnn", "untrained", "teacher.latent_width", None),
        ("dnn", "both", "teacher.num_critic_steps", None),
        ("dnn", "surrogate", "data.fraction_seed", "with data.fraction=1, the whole train part"),
        ("my.module:make", "surrogate", "model.cnnloc.dropout", None),
        ("my.module:make", "surrogate", "agnostic.tune.episodes.max_support", None),
    ],
)
def test_what_a_run_uses_follows_from_network_and_teachers(network, kind, path, why):
    said = why_unused(make(network, kind), path)
    assert said is None if why is None else said.startswith(why)
