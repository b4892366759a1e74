"""The few array bundles that every layer of the package shares."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

__all__ = ["Batch", "Params", "Representations", "TeacherFn"]

Params = Any
"""A pytree of arrays: a network's, a teacher's or an estimator's parameters."""


class Representations(NamedTuple):
    """What a network says of a batch of fingerprints, one field per part of the network.

    The paper's (Z^F, Z^E, Y): framer, extractor and regressor outputs (Sec. 3.1).

    Args:
        frame: float[B, F]. Z^F; feature maps are averaged over space or tokens.
        extract: float[B, D]. Z^E, the specialised representation that teachers model.
        location: float[B, 2]. The predicted place u in units of the site's scale;
            metres = origin + scale * u.
        penalty: float scalar. What the network itself adds to its training loss, metres; 0 for
            most networks.

    Example:
        >>> import jax.numpy as jnp
        >>> out = Representations(jnp.ones((4, 300)), jnp.ones((4, 300)), jnp.zeros((4, 2)))
        >>> out.extract.shape
        (4, 300)
    """

    frame: jax.Array
    extract: jax.Array
    location: jax.Array
    penalty: jax.Array | float = 0.0


class Batch(NamedTuple):
    """One minibatch, or a whole part, of a site as arrays on the device.

    Args:
        rss_dbm: float[B, A]. Received signal strengths, dBm; NaN where undetected.
        centered_m: float[B, 2]. Positions minus the site's origin, metres.
        row: int[B]. Row in the train part: names a sample's fixed noise code.

    Example:
        >>> import jax.numpy as jnp
        >>> Batch(jnp.full((4, 9), -70.0), jnp.zeros((4, 2)), jnp.arange(4)).rss_dbm.shape
        (4, 9)
    """

    rss_dbm: jax.Array
    centered_m: jax.Array
    row: jax.Array


TeacherFn = Callable[[Params, jax.Array, Batch], tuple[jax.Array, jax.Array]]
"""(stacked params, key, batch) -> (frame [N, B, F], extract [N, B, D]): what a teacher is."""
