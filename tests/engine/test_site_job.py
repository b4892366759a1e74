"""A job refuses at once a network that its training would refuse hours later."""

import pytest
from flax import linen as nn
from tiny import make_part, make_tiny_config

from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.errors import ConfigError
from rsstl_jax.models import NETWORKS, Network, Regressor


class Dense(nn.Module):
    """Dropout that is on outside training, too, or a mean over the batch."""

    dropped: bool = False
    averaged: bool = False

    @nn.compact
    def __call__(self, x, *, train=False):
        x = nn.Dropout(0.5, deterministic=not self.dropped)(nn.Dense(4)(x))
        return x.mean(axis=0, keepdims=True) if self.averaged else x


@pytest.mark.parametrize(
    ("extractor", "message"),
    [
        (Dense(dropped=True), "a part of Network.* draws random numbers without train=True"),
        (Dense(averaged=True), r"extract has shape \(1, 4\) .* its shape must be \(2, 4\)"),
    ],
)
def test_a_network_that_cannot_locate_fingerprints_is_refused(extractor, message, monkeypatch):
    make = lambda config: Network(Dense(), extractor, Regressor(), 4, 4, "linear")  # noqa: E731
    monkeypatch.setitem(NETWORKS, "own", make)
    with pytest.raises(ConfigError, match=message):
        make_site_job(make_tiny_config(network="own"), make_part())
