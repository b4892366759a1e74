"""The few array bundles that every layer of the package shares."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

__all__ = ["Batch", "Params", "Representations", "TeacherFn"]

Params = Any
"""A pytree of arrays: a network's, a teacher's or an estimator's parameters."""


class Representations(NamedTuple):
    """A network's outputs for a batch of fingerprints, one field per part of the network.

    The paper's (Z^F, Z^E, Y): framer, extractor and regressor outputs (Sec. 3.1).

    Args:
        frame: float[B, F]. Z^F; feature maps are averaged over space or tokens.
        extract: float[B, D]. Z^E, the specialised representation that teachers model.
        location: float[B, 2]. The predicted position u in units of the site's scale;
            metres = origin + scale * u.

    Example:
        >>> import numpy as np
        >>> out = Representations(np.ones((1, 300)), np.ones((1, 300)), np.array([[0.5, -1.0]]))
        >>> print(np.array([[100.0, 200.0]]) + 20.0 * out.location)  # of a site 20 m in scale
        [[110. 180.]]
    """

    frame: jax.Array
    extract: jax.Array
    location: jax.Array


class Batch(NamedTuple):
    """One minibatch, or a whole part, of a site as arrays on the device.

    Args:
        rss_dbm: float[B, A]. Received signal strengths, dBm; far below any receiver's where
            undetected (-6e4), since a NaN on the device would stop jax_debug_nans.
        centered_m: float[B, 2]. Positions minus the site's origin, metres.
        row: int[B]. Row in the train part: names a sample's fixed noise code.

    Example:
        >>> import numpy as np
        >>> rss_dbm = np.array([[-70.0, -6e4, -82.0], [-6e4, -64.0, -6e4]])
        >>> batch = Batch(rss_dbm, np.zeros((2, 2)), np.arange(2))
        >>> print((batch.rss_dbm > -130).sum(axis=1))  # access points detected
        [2 1]
    """

    rss_dbm: jax.Array
    centered_m: jax.Array
    row: jax.Array


TeacherFn = Callable[[Params, jax.Array, Batch], tuple[jax.Array, jax.Array]]
"""(stacked params, key, batch) -> (frame [N, B, F], extract [N, B, D]): what a teacher is."""
