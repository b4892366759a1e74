"""Fields that exclude each other, and what is said of them."""

import pytest

from rsstl_jax.config.overrides import override
from rsstl_jax.config.schema import default_config, validate
from rsstl_jax.errors import ConfigError


def test_a_batch_of_one_has_nothing_to_compare():
    config, weight = default_config(), "distill.weights.mutual_information"
    override(config, {"train.batch_size": 1, weight: 0.0})
    validate(config)
    override(config, {weight: 0.5})
    with pytest.raises(ConfigError) as error:
        validate(config)
    assert str(error.value) == (
        f"train.batch_size is 1 and {weight} is above 0, which compares the fingerprints of a "
        "batch with one another; take at least 2, or 0 for the weight"
    )
    override(config, {"train.batch_size": 2})
    validate(config)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"distill.weights.soft_target": 1.0}, "teacher.kind is 'surrogate'; only a site-agnostic"),
        ({"distill.num_unlabelled": 8}, "teacher.kind is 'surrogate'; only a site-agnostic"),
        (
            {"distill.num_unlabelled": 8, "teacher.kind": "both"},
            "data.fraction is 1, which leaves no fingerprint of the training set unlabelled",
        ),
        ({"data.unlabelled": "file"}, "data.unlabelled is 'file' and distill.num_unlabelled is 0"),
    ],
)
def test_only_a_site_agnostic_teacher_predicts_positions(fields, message):
    config = default_config()
    override(config, fields)
    with pytest.raises(ConfigError, match=message):
        validate(config)
    agreeing = {"teacher.kind": "agnostic", "data.fraction": 0.1, "distill.num_unlabelled": 8}
    override(config, agreeing)
    validate(config)


def test_heads_must_divide_the_width_of_a_token():
    config = default_config()
    config.model.baat.num_heads = 7
    message = r"^model.baat.token_width is 128; model.baat.num_heads, 7, must divide it$"
    with pytest.raises(ConfigError, match=message):
        validate(config)


def test_the_smallest_radio_map_of_an_episode_is_not_above_the_largest():
    config = default_config()
    config.agnostic.tune.episodes.min_support = 4000
    message = (
        "agnostic.tune.episodes.min_support is 4000 and agnostic.tune.episodes.max_support is 2048"
    )
    with pytest.raises(ConfigError, match=message):
        validate(config)
    config.agnostic.tune.episodes.max_support = 4000
    validate(config)
