"""From dBm to a network's input, and from metres to centred metres and back.

With f the floor, below 0 dBm, and x >= f the reading, the field uses four maps
[Torres-Sospedra et al. 2015, Expert Systems with Applications 42(23)], all but raw from 0 to 1:

    linear:      (x - f) / (0 - f)
    powed:       linear ** exponent
    exponential: exp((x - f) / 24) / exp(-f / 24) = exp(x / 24)
    raw:         x / 100
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from numpy.typing import NDArray

from rsstl_jax._numerics import check_known
from rsstl_jax.config.rules import is_number
from rsstl_jax.data.readers.layout import Layout, check_one_origin
from rsstl_jax.data.site import MAX_DBM, Fingerprints
from rsstl_jax.errors import DataError, shown_name

ENCODINGS = ("linear", "powed", "exponential", "raw")
"""Names of the maps from dBm to a number."""

EXPONENTIAL_SCALE_DB = 24.0  # alpha of the exponential map [Torres-Sospedra et al. 2015]
# Stands for NaN on the device: far below every floor, and within half precision.
UNDETECTED_DBM = -6e4


def to_device(rss_dbm: ArrayLike) -> jax.Array:
    """Readings of the host as an array on the device, UNDETECTED_DBM where they were NaN."""
    # Filled on the host: with jax_debug_nans no array on the device may hold a NaN.
    readings = rss_dbm if isinstance(rss_dbm, jax.Array) else np.asarray(rss_dbm)
    check_levels(readings)
    if isinstance(readings, jax.Array):
        return readings
    filled = np.where(np.isnan(readings), UNDETECTED_DBM, readings)
    return jnp.asarray(filled.astype(readings.dtype))


def check_levels(rss_dbm: jax.Array | NDArray[Any]) -> None:
    """TypeError for integers, ValueError where one is above 0 dBm, such as 100, unless traced."""
    if not jnp.issubdtype(rss_dbm.dtype, jnp.floating):
        raise TypeError(f"rss_dbm is {rss_dbm.dtype}; a floating type is expected, NaN: undetected")
    is_traced = isinstance(rss_dbm, jax.core.Tracer)
    if is_traced or not getattr(rss_dbm, "is_fully_addressable", True):
        return
    known = np.asarray(rss_dbm)
    above = known[known > MAX_DBM]
    if above.size:
        raise ValueError(
            f"rss_dbm holds {float(above[0]):g}; a level is at most {MAX_DBM:g} dBm, and "
            "undetected is NaN here"
        )


def encode_rss(
    rss_dbm: ArrayLike,
    *,
    encoding: str = "linear",
    floor_dbm: ArrayLike,
    exponent: ArrayLike = math.e,
) -> jax.Array:
    """A network's input, float[..., A], of dBm, NaN where undetected: 0, and for raw 1."""
    if encoding not in ENCODINGS:
        raise ValueError(f"encoding is {encoding!r}; it must be one of {', '.join(ENCODINGS)}")
    check_known("floor_dbm", floor_dbm, lambda x: (x < 0) & np.isfinite(x), "a level below 0 dBm")
    check_known("exponent", exponent, lambda x: (x > 0) & np.isfinite(x), "a number above 0")
    rss_dbm = to_device(rss_dbm)
    floor_dbm = jnp.asarray(floor_dbm, rss_dbm.dtype)
    detected = rss_dbm >= floor_dbm
    reading = jnp.where(detected, rss_dbm, floor_dbm)
    if encoding == "raw":
        return jnp.where(detected, reading / 100, 1.0)
    if encoding == "exponential":
        scaled = jnp.exp(reading / EXPONENTIAL_SCALE_DB)
    else:
        scaled = 1 - reading / floor_dbm
        # At the floor itself XLA's rounding leaves 0 or 6e-8, by its version and flags.
        detected = rss_dbm > floor_dbm
    if encoding == "powed":
        scaled = jnp.where(detected, jnp.clip(scaled, 0, 1), 1) ** exponent
    return jnp.where(detected, jnp.clip(scaled, 0, 1), 0.0)


@dataclass(frozen=True, eq=False)
class Preprocessor:
    """What a network's input and output u mean at a site: a position is origin_m + scale_m * u."""

    encoding: str  # of `ENCODINGS`
    exponent: float  # of the powed map, above 0
    floor_dbm: float  # below it a reading counts as undetected; below 0
    origin_m: NDArray[np.float64]  # [2]: mean position of the train part
    scale_m: float  # of both axes, above 0

    def __post_init__(self) -> None:
        if self.encoding not in ENCODINGS:
            raise ValueError(f"encoding is {self.encoding!r}; it must be in {', '.join(ENCODINGS)}")
        for name, sign in (("exponent", 1), ("floor_dbm", -1), ("scale_m", 1)):
            value = getattr(self, name)
            if not (is_number(value) and sign * value > 0):
                raise ValueError(
                    f"{name} is {value!r}; it must be {'above' if sign > 0 else 'below'} 0"
                )
        origin_m = np.asarray(self.origin_m)
        is_position = origin_m.shape == (2,) and origin_m.dtype == np.float64
        if not is_position or not np.isfinite(origin_m).all():
            raise ValueError(f"origin_m is {self.origin_m!r}; float64[2] is expected, finite")

    def encode(self, rss_dbm: ArrayLike) -> jax.Array:
        """The network's input, float[..., A], by `encode_rss`; may be called inside jit."""
        return encode_rss(
            rss_dbm, encoding=self.encoding, floor_dbm=self.floor_dbm, exponent=self.exponent
        )

    def center(self, position_m: NDArray[np.float64] | list[list[float]]) -> NDArray[np.float32]:
        """Centred positions in metres, float32[n, 2], from float64[n, 2], subtracted in float64."""
        position_m = np.asarray(position_m)
        if position_m.dtype in (np.float32, np.float16):
            raise TypeError(
                f"position_m is {position_m.dtype}, which has lost up to half a metre already; "
                "float64 is expected"
            )
        return (position_m - self.origin_m[None, :]).astype(np.float32)

    def uncenter(self, centered_m: ArrayLike) -> NDArray[np.float64]:
        """Positions in metres, float64[n, 2], from centred ones, float[n, 2]; on the host."""
        return np.asarray(centered_m).astype(np.float64) + self.origin_m[None, :]

    def to_dict(self) -> dict[str, Any]:
        """The fitted values as JSON knows them; `from_dict` gives every bit back."""
        return {**asdict(self), "origin_m": self.origin_m.tolist()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Preprocessor":
        """The preprocessor that `to_dict` wrote; ValueError names a field that is wrong."""
        names = {field.name for field in fields(cls)}
        if set(values) != names:
            odd = ", ".join(shown_name(str(name)) for name in sorted(set(values) ^ names))
            raise ValueError(f"preprocessor fields missing or unknown: {odd}")
        return cls(**{**values, "origin_m": np.asarray(values["origin_m"], np.float64)})


def fit_preprocessor(
    train: Fingerprints, *, encoding: str = "linear", exponent: float = math.e
) -> Preprocessor:
    """With the lowest reading - 1 dB, the mean position, and the root mean square around it."""
    readings = train.rss_dbm[~np.isnan(train.rss_dbm)]
    if readings.size == 0:
        raise DataError(f"{train.dataset} {train.part}: no access point was detected anywhere")
    origin_m = train.position_m.mean(axis=0)
    deviation_m = train.position_m - origin_m[None, :]
    # the mean of equal numbers may differ from them in the last bit
    spread_m = math.sqrt(float(np.square(deviation_m).mean()))
    return Preprocessor(
        encoding=encoding,
        exponent=float(exponent),
        floor_dbm=float(readings.min()) - 1,
        origin_m=origin_m,
        scale_m=spread_m if spread_m > 1e-6 else 1.0,
    )


def check_same_site(
    part: Fingerprints,
    origin_m: NDArray[np.float64],
    scale_m: float,
    dataset: str,
    layout: Layout,
) -> None:
    """DataError where a part lies elsewhere than the site that a locator was fitted to."""
    check_one_origin(part.layout, layout, part.dataset)
    away_m = part.position_m - origin_m
    apart_m = float(np.linalg.norm(away_m.mean(axis=0)))
    if apart_m > max(float(away_m.std(axis=0).max()), scale_m):
        raise DataError(
            f"{part.dataset}: its fingerprints lie {apart_m:,.0f} m from those of {dataset}, where "
            "the locator was trained; it knows floors, radii and positions of that site alone"
        )
