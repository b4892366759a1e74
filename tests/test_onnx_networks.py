"""Every network as an ONNX file gives the positions of its forward pass, to a millimetre."""

import jax
import numpy as np
import pytest

from rsstl_jax import load_pretrained, load_site, make_config
from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.onnx_writer import to_onnx

REASON = "needs onnx and onnxruntime, which the extra 'dev' brings"
pytest.importorskip("onnx", reason=REASON)
onnxruntime = pytest.importorskip("onnxruntime", reason=REASON)

SITE = load_site("synthetic-office")
NUM_ROWS = (1, 7, 64)


def centered_m(site_network, members):
    """The mean position of ensemble members, metres from the origin, as a function of dBm."""

    def locate(rss_dbm):
        positions = [site_network.represent(params, rss_dbm).location for params in members]
        return sum(positions) / len(members) * site_network.preprocessor.scale_m

    return locate


def network_position(network, **fields):
    config = make_config("tuned", target="synthetic-office", sources="synthetic-mall")
    config.update_from_flattened_dict({"network": network, **fields})
    job = make_site_job(config, SITE.train)
    return centered_m(job.site_network, [job.init(jax.random.key(0))])


def written(function, **options):
    return to_onnx(function, SITE.train.num_access_points, output_names=["position_m"], **options)


def run(content, rss_dbm):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {"rss_dbm": rss_dbm})[0]


def assert_same_positions(function, content):
    rss_dbm = SITE.test.rss_dbm[: NUM_ROWS[-1]].copy()
    rss_dbm[3] = np.nan  # A scan that detects nothing has a position too.
    wanted = np.asarray(jax.jit(function)(rss_dbm))
    assert wanted.std(axis=0).min() > 0.01
    for number in NUM_ROWS:
        got = run(content, rss_dbm[:number])
        np.testing.assert_allclose(got, wanted[:number], rtol=0, atol=1e-3)


@pytest.mark.parametrize("network", ["dnn", "cnnloc", "bayescnn", "baat", "agnostic"])
def test_a_network_keeps_its_positions(network):
    function = network_position(network)
    assert_same_positions(function, written(function))


@pytest.mark.parametrize("network", ["cnnloc", "bayescnn"])
def test_the_librarys_own_convolution_keeps_its_positions(network):
    function = network_position(network, **{"model.convolution": "convolution"})
    assert_same_positions(function, written(function))


@pytest.mark.slow
def test_the_pretrained_network_at_a_site_keeps_its_positions():
    at_site = load_pretrained().fit(SITE.train.take(range(0, len(SITE.train), 3)))
    function = centered_m(at_site.site_network, at_site.members)
    assert_same_positions(function, written(function))


def test_an_encoding_keeps_its_positions():
    function = network_position("dnn", **{"input.encoding": "powed", "input.exponent": 2.5})
    assert_same_positions(function, written(function))
