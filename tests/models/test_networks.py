"""CNNLoc, BayesCNN and bAaT: sizes by hand, and what each of them must see."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import draw_params

from rsstl_jax.config.schema import default_config
from rsstl_jax.errors import ConfigError
from rsstl_jax.models import NETWORKS, Regressor, make_network
from rsstl_jax.models.baat import Block, Dropout
from rsstl_jax.models.network import init_params

ACCESS_POINTS = {"uji": 520, "uts": 589, "tut7": 801, "tampere": 992}
SIDES = {520: 23, 589: 25, 801: 29, 992: 32}


SMALL = {
    "model.bayescnn.channels": (4, 8),
    "model.baat.num_tokens": 3,
    "model.baat.token_width": 16,
    "model.baat.num_heads": 2,
}


SLOW_INIT = ("cnnloc", "baat")


def configured(name, **fields):
    config = default_config()
    config.network = name
    config.update_from_flattened_dict(fields)
    return config


def dense(inputs, outputs):
    return inputs * outputs + outputs


def conv(window, inputs, outputs):
    return window * inputs * outputs + outputs


def cnnloc_size(n):
    encoder = dense(n, 128) + dense(128, 64)
    # 64 - 22 + 1 = 43 positions, then 22, then 1
    convolutions = conv(22, 1, 99) + conv(22, 99, 66) + conv(22, 66, 33)
    return encoder + convolutions + dense(33, 2)


def bayescnn_size(n):
    blocks = sum(
        conv(9, before, after) + conv(9, after, after)
        for before, after in ((1, 32), (32, 64), (64, 128))
    )
    # three halvings of the side, rounded down: 23 and 25 -> 2 and 3, 29 -> 3, 32 -> 4
    left = {520: 2, 589: 3, 801: 3, 992: 4}[n]
    return blocks + dense(left * left * 128, 128) + dense(128, 2)


def baat_size(n):
    tokens = dense(n, 64 * 128) + 128 + 65 * 128
    attention = 3 * dense(128, 128) + dense(128, 128)
    block = 2 * (128 + 128) + attention + dense(128, 512) + dense(512, 128)
    return tokens + 3 * block + (128 + 128) + dense(128, 2)


@pytest.mark.parametrize("n", ACCESS_POINTS.values(), ids=ACCESS_POINTS.keys())
@pytest.mark.parametrize(
    ("name", "size"), [("cnnloc", cnnloc_size), ("bayescnn", bayescnn_size), ("baat", baat_size)]
)
def test_parameter_counts_equal_hand_arithmetic(name, size, n):
    network = make_network(configured(name))
    shapes = jax.eval_shape(lambda: network.init(jax.random.key(0), jnp.zeros((1, n))))
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == size(n)


@pytest.mark.parametrize(
    ("name", "frame", "extract"), [("cnnloc", 64, 33), ("bayescnn", 32, 128), ("baat", 128, 128)]
)
def test_widths_do_not_depend_on_the_site(name, frame, extract):
    network = make_network(configured(name))
    for n in ACCESS_POINTS.values():
        out = jax.eval_shape(
            lambda n=n: network.init_with_output(jax.random.key(0), jnp.zeros((3, n)))[0]
        )
        assert (out.frame.shape, out.extract.shape) == ((3, frame), (3, extract))


def test_a_block_that_keeps_the_class_token_alone_computes_it_as_all_do():
    tokens = jax.random.normal(jax.random.key(0), (4, 7, 16))
    block = Block(num_heads=2, feed_width=32, dropout=0.0)
    params = {"params": draw_params(block, tokens)}
    apply = jax.jit(block.apply, static_argnames="first_only")
    kept = apply(params, tokens, first_only=True)
    assert kept.shape == (4, 1, 16)
    np.testing.assert_allclose(kept, apply(params, tokens)[:, :1], rtol=1e-5, atol=1e-6)


def test_dropout_of_tokens_hides_the_stated_part_of_an_odd_number_and_scales_the_rest():
    units, rate = jnp.ones((333, 333)), 0.1
    layer = Dropout(rate, deterministic=False)
    dropped = layer.apply({}, units, rngs={"dropout": jax.random.key(0)})
    hidden = float((dropped == 0).mean())
    # Within four standard deviations of a binomial.
    assert abs(hidden - rate) < 4 * (rate * (1 - rate) / units.size) ** 0.5
    np.testing.assert_allclose(dropped[dropped != 0], 1 / (1 - rate), rtol=1e-6)
    chex.assert_trees_all_equal(Dropout(rate, deterministic=True).apply({}, units), units)


@pytest.mark.parametrize(
    "name", ["dnn", "bayescnn", *(pytest.param(n, marks=pytest.mark.slow) for n in SLOW_INIT)]
)
def test_first_parameters_are_the_same_bits_as_operation_by_operation(name):
    network = make_network(configured(name, **SMALL))
    fingerprints = jnp.zeros((1, 64))
    compiled = init_params(network, jax.random.key(5), fingerprints)
    chex.assert_trees_all_equal(compiled, network.init(jax.random.key(5), fingerprints)["params"])


def test_class_token_of_baat_sees_every_token():
    fields = {"model.baat.num_tokens": 6, "model.baat.num_blocks": 1}
    network = make_network(configured("baat", **fields))
    params = draw_params(network, jnp.zeros((1, 20)))
    tokens = jax.jit(network.framer.apply)({"params": params["framer"]}, jnp.ones((1, 20)))

    def first_feature(tokens):
        return network.extractor.apply({"params": params["extractor"]}, tokens)[0, 0]

    reach = jnp.abs(jax.jit(jax.grad(first_feature))(tokens))[0].max(axis=-1)
    assert reach.shape == (7,)
    assert bool((reach > 0).all())


@pytest.mark.parametrize("n", SIDES)
def test_padding_of_bayescnn_carries_no_signal(n):
    network = make_network(configured("bayescnn"))
    fingerprints = np.random.default_rng(n).uniform(size=(2, n)).astype(np.float32)
    params = {"params": draw_params(network.framer, fingerprints)}
    padded = np.pad(fingerprints, ((0, 0), (0, SIDES[n] ** 2 - n)))
    assert padded.shape[1] >= n
    frame = jax.jit(network.framer.apply)
    np.testing.assert_array_equal(frame(params, fingerprints), frame(params, padded))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere:make", "; it must be one of"),
        ("os:none", "; it must be one of"),
        ("os:path", r", which is not called as make\(config\): .* is not a callable object"),
        ("os:getcwd", r", which is not called as make\(config\): too many positional arguments"),
        ("none", r", which is not called as make\(config\): None is not a callable object"),
    ],
)
def test_a_path_to_what_makes_no_network_is_refused(monkeypatch, path, message):
    monkeypatch.setitem(NETWORKS, "none", None)
    config = default_config()
    config.network = path
    with pytest.raises(ConfigError, match=f"network is '{path}'{message}"):
        make_network(config)


@pytest.mark.parametrize("name", ["builtins:repr", "my-repr", "my-part"])
def test_a_function_that_makes_something_else_is_refused_in_one_line(monkeypatch, name):
    monkeypatch.setitem(NETWORKS, "my-repr", lambda config: "Regressor")
    monkeypatch.setitem(NETWORKS, "my-part", lambda config: Regressor())
    config = default_config()
    config.network = name
    message = f"network is '{name}', which makes no Network: "
    with pytest.raises(ConfigError, match=message) as raised:
        make_network(config)
    assert "\n" not in str(raised.value)


def test_heads_that_do_not_divide_the_token_are_refused():
    from rsstl_jax.config.schema import validate

    with pytest.raises(ConfigError, match=r"model\.baat\.num_heads, 7, must divide it"):
        validate(configured("baat", **{"model.baat.num_heads": 7}))


def test_functional_information_is_left_out_for_baat_unless_forced():
    from rsstl_jax.phases.student_specs import StudentSpec, plan_student

    def terms(name, **fields):
        config = configured(name, **fields)
        return plan_student(config, make_network(config), StudentSpec()).terms

    both = ("similarity", "mutual_information")
    assert terms("baat") == both
    forced = terms("baat", **{"distill.force_functional_information": True})
    assert forced == (*both, "functional_information")
    assert terms("dnn") == (*both, "functional_information")


@pytest.mark.parametrize(("n", "fits"), [(50, True), (49, False)])
def test_an_image_that_cannot_be_halved_often_enough_is_refused_in_words(n, fits):
    """Three blocks need a side of 2^3 = 8, the root of 50 rounded up."""
    network = make_network(configured("bayescnn"))
    assert len(network.extractor.channels) == 2
    if fits:
        assert jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, n)))
        return
    with pytest.raises(
        ConfigError, match=r"model.bayescnn.channels has more blocks than the image"
    ):
        jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, n)))


def test_an_error_inside_the_module_of_a_network_stays_what_it_is(tmp_path, monkeypatch):
    (tmp_path / "broken_maker.py").write_text("{}['width']\n")
    (tmp_path / "needy_maker.py").write_text("import a_package_that_is_not_there\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(KeyError, match="width"):
        make_network(configured("broken_maker:make"))
    with pytest.raises(ModuleNotFoundError, match="a_package_that_is_not_there"):
        make_network(configured("needy_maker:make"))
    (tmp_path / "wrong_maker.py").write_text("None.width\n")
    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'width'"):
        make_network(configured("wrong_maker:make"))
