"""The contract of a network, with a small one of this test's own making."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax import nnx
from tiny import draw_params

from rsstl_jax import Network, default_config, make_network
from rsstl_jax.errors import ConfigError
from rsstl_jax.models.network import init_params


class Windows(nn.Module):
    """A feature map float[B, 3, A / 3, 2] out of A inputs: [..., 0] the input, [..., 1] its square.

    A support, where given, is added to the inputs.
    """

    @nn.compact
    def __call__(self, x, *support, train=False):
        x = x + sum(support)[None] if support else x
        features = jnp.stack([x, x**2], axis=-1)
        return features.reshape(len(x), 3, -1, 2)


class Flatten(nn.Module):
    width: int = 4

    @nn.compact
    def __call__(self, features, *, train=False):
        return nn.Dense(self.width)(features.reshape(len(features), -1))


def make_toy(**parts):
    declared = {"frame_width": 2, "extract_width": 4, "extract_activation": "linear"}
    modules = {"framer": Windows(), "extractor": Flatten(), "regressor": make_place()}
    return Network(**modules | declared | parts)


class Place(nn.Module):
    width: int = 2

    @nn.compact
    def __call__(self, extract, *, train=False):
        return nn.Dense(self.width)(nn.Dropout(0.5, deterministic=not train)(extract))


def make_place(width=2):
    return Place(width)


def test_a_feature_map_of_any_rank_is_averaged_into_the_frame():
    x = jnp.array([[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [2.0, 2.0, 2.0, 2.0, 2.0, 2.0]])
    params = draw_params(make_toy(), x)
    out = make_toy().apply({"params": params}, x)
    # Row one: mean of 0...5, and of their squares (0 + 1 + 4 + 9 + 16 + 25) / 6 = 55 / 6.
    np.testing.assert_allclose(out.frame, [[2.5, 55 / 6], [2.0, 4.0]], rtol=1e-6)
    # The extractor sees the map, not the frame: 3 * 2 * 2 inputs.
    assert params["extractor"]["Dense_0"]["kernel"].shape == (12, 4)


def test_a_support_reaches_the_framer():
    x, support = jnp.zeros((1, 6)), jnp.arange(6.0)
    toy = make_toy()
    params = {"params": draw_params(toy, x)}
    np.testing.assert_array_equal(toy.apply(params, x).frame, [[0.0, 0.0]])
    np.testing.assert_allclose(toy.apply(params, x, support).frame, [[2.5, 55 / 6]], rtol=1e-6)


class Twice(Flatten):
    """A part that makes two arrays."""

    def __call__(self, features, *, train=False):
        return features, features


class OfTheBatch(Flatten):
    """A part that makes one representation of the whole batch."""

    def __call__(self, features, *, train=False):
        return super().__call__(features).mean(axis=0, keepdims=True)


class Rounded(Flatten):
    def __call__(self, features, *, train=False):
        return super().__call__(features).astype(int)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"framer": Twice()}, "framer makes a tuple; one array is expected"),
        ({"extractor": Twice()}, "extractor makes a tuple; one array is expected"),
        ({"frame_width": 3}, r"frame has shape \(2, 2\) .* its shape must be \(2, 3\)"),
        ({"extract_width": 5}, r"extract has shape \(2, 4\) .* its shape must be \(2, 5\)"),
        ({"regressor": make_place(3)}, r"location has shape \(2, 3\) .* must be \(2, 2\)"),
        ({"extractor": OfTheBatch()}, r"extract has shape \(1, 4\) .* its shape must be \(2, 4\)"),
        ({"extractor": Rounded()}, "extract has .* is int32; .* and its type floating-point"),
    ],
)
def test_a_part_whose_output_is_not_as_declared_is_an_error(parts, message):
    with pytest.raises(ConfigError, match=message):
        draw_params(make_toy(**parts), jnp.zeros((2, 6)))


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("frame_width", 2.0, "a whole number of at least 1"),
        ("extract_width", np.int64(4), "a whole number of at least 1"),
        ("learning_rate_factor", 0.0, "a number above 0"),
        ("learning_rate_factor", "1", "a number above 0"),
    ],
)
def test_a_number_that_a_run_could_not_use_is_refused(field, value, expected):
    with pytest.raises(ConfigError, match=f"^{field} is .*; it must be {expected}$"):
        make_toy(**{field: value})


def test_a_module_without_parameters_is_refused():
    with pytest.raises(ConfigError, match="Windows has no parameters"):
        jax.eval_shape(lambda: init_params(Windows(), jax.random.key(0), jnp.zeros((1, 6))))


def test_what_no_training_could_keep_or_imitate_is_refused():
    with pytest.raises(ConfigError, match="extract_activation is 'gelu'; it must be one of relu"):
        make_toy(extract_activation="gelu")
    for part in ("framer", "extractor", "regressor"):
        for wrong in (nn.Dense, len):
            with pytest.raises(ConfigError, match=f"^{part} is <.*; a part is a module of Flax L"):
                make_toy(**{part: wrong})
    module = nn.BatchNorm(use_running_average=True)
    with pytest.raises(ConfigError, match=r"keeps batch_stats beside .* LayerNorm for BatchNorm"):
        jax.eval_shape(lambda: init_params(module, jax.random.key(0), jnp.zeros((1, 6))))


@pytest.mark.parametrize("dtype", ["int32", "complex64"])
def test_parameters_that_no_training_has_a_gradient_of_are_refused(dtype):
    class Counted(nn.Module):
        @nn.compact
        def __call__(self, x):
            return x * jnp.abs(self.param("count", nn.initializers.ones, (), dtype))

    message = rf"params\['count'\] of Counted is {dtype}; only floating-point parameters"
    with pytest.raises(ConfigError, match=message):
        jax.eval_shape(lambda: init_params(Counted(), jax.random.key(0), jnp.zeros((1, 6))))


@pytest.mark.parametrize(
    ("part", "module", "message"),
    [
        (
            "framer",
            nn.Dense(2),
            r"a Dense, which cannot be called as framer\(x, train=\.\.\.\): got ",
        ),
        (
            "extractor",
            nn.Sequential([nn.Dense(2), nn.relu]),
            r"a Sequential that starts with Dense,",
        ),
        (
            "regressor",
            nn.Sequential([nn.tanh, nn.Dense(2)]),
            r"a Sequential that starts with tanh,",
        ),
        ("framer", Flatten(), r"a Flatten, .* as framer\(x, support, train=\.\.\.\): too many pos"),
        (
            "decoder",
            Flatten(),
            r"a Flatten, which cannot be called as decoder\(frame, A\): too many",
        ),
        (
            "framer",
            nnx.Linear(2, 2, rngs=nnx.Rngs(0)),
            r"Linear\(.*; a part is a module of Flax Lin",
        ),
        ("decoder", jnp.dot, r"<.*; a part is a module of Flax Linen"),
    ],
)
def test_a_part_that_cannot_be_called_as_it_will_be_is_refused(part, module, message):
    with pytest.raises(ConfigError, match=f"^{part} is {message}"):
        make_toy(**{part: module}, uses_support="support" in message)
    make_toy(extractor=nn.Sequential([Flatten(4), nn.relu]))


@pytest.mark.parametrize("layers", [list, tuple])
def test_a_field_of_a_part_may_be_a_list(layers):
    module = nn.Sequential(layers([nn.Dense(2), nn.Dense(3)]))
    params = jax.eval_shape(lambda: init_params(module, jax.random.key(0), jnp.zeros((1, 6))))
    assert jax.tree.map(jnp.shape, params["layers_1"]) == {"kernel": (2, 3), "bias": (3,)}


@pytest.mark.parametrize(
    ("fingerprints", "message"),
    [
        (jnp.zeros(6), r"fingerprints must be float\[B, A\]"),
        (jnp.zeros((2, 3, 2)), r"fingerprints must be float\[B, A\]"),
        (jnp.zeros((2, 6), jnp.int32), "fingerprints must be encoded floats"),
    ],
)
def test_what_is_no_batch_of_encoded_fingerprints_is_an_error(fingerprints, message):
    with pytest.raises(AssertionError, match=message):
        make_network(default_config()).init(jax.random.key(0), fingerprints)


def test_a_network_names_its_parts_in_one_line():
    expected = "Network(Windows 2, Flatten 4 linear, Place 2)"
    assert repr(make_toy()) == repr(make_toy().bind({})) == expected
    config = default_config()
    config.network = "agnostic"
    assert repr(make_network(config)).startswith("AgnosticNetwork(TokenFramer 48, SetExtractor 48")


@pytest.mark.parametrize("network", [make_toy(), make_network(default_config())])
def test_regress_is_the_path_to_the_location_without_dropout(network):
    x = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    params = {"params": draw_params(network, x)}
    out = jax.jit(network.apply)(params, x)
    regressed = jax.jit(partial(network.apply, method="regress"))(params, out.extract)
    np.testing.assert_array_equal(regressed, out.location)
    in_training = jax.jit(partial(network.apply, train=True))
    trained = in_training(params, x, rngs={"dropout": jax.random.key(2)})
    if isinstance(network.regressor, Place):
        assert not np.array_equal(trained.location, out.location)


def test_a_network_that_is_not_registered_is_refused_and_the_others_are_named():
    config = default_config()
    config.network = "dnm"
    with pytest.raises(ConfigError, match=r"network is 'dnm'; it must be one of .*dnn"):
        make_network(config)
