"""From dBm to a network's input, and from metres to centred metres and back."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from numpy.typing import NDArray

from rsstl_jax._numerics import check_known, check_rank
from rsstl_jax.config.rules import is_number
from rsstl_jax.data.site import Fingerprints
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
    if not jnp.issubdtype(readings.dtype, jnp.floating):
        raise TypeError(
            f"rss_dbm is {readings.dtype}; a floating type is expected, NaN: undetected"
        )
    if isinstance(readings, jax.Array):
        return readings
    return jnp.asarray(np.where(np.isnan(readings), UNDETECTED_DBM, readings), readings.dtype)


def encode_rss(
    rss_dbm: ArrayLike,
    *,
    encoding: str = "linear",
    floor_dbm: ArrayLike,
    exponent: ArrayLike = math.e,
) -> jax.Array:
    """A network's input from readings in dBm, by one of the four maps that the field uses.

    With f the floor and x the reading, for x >= f:

        linear:      (x - f) / (0 - f)
        powed:       linear ** exponent
        exponential: exp((x - f) / 24) / exp(-f / 24) = exp(x / 24)
        raw:         x / 100

    A reading that is NaN or below the floor is undetected: 0, and 100 / 100 = 1 for raw, which
    keeps the published files' 100. Results are clipped to 0...1 but for raw.

    Args:
        rss_dbm: float[..., A]. Readings, dBm; NaN where undetected.
        encoding: 'linear', 'powed', 'exponential' or 'raw'.
        floor_dbm: float[]. The floor f, below 0 dBm.
        exponent: float[]. Of the powed map, above 0.

    Returns:
        float[..., A]. In 0...1; in -1.3...0 and 1 for raw. The dtype of `rss_dbm`.

    Raises:
        ValueError: the encoding is unknown, or floor or exponent is known and outside its range.
        TypeError: `rss_dbm` is not of a floating type, which alone can be NaN.

    The gradient is 0 at undetected and at clipped readings; for an exponent below 1 it is infinite
    at the floor itself.

    Example:
        >>> encode_rss(jnp.array([-25.0, -100.0, jnp.nan]), floor_dbm=-100.0).tolist()
        [0.75, 0.0, 0.0]
        >>> encode_rss(jnp.array([-25.0, jnp.nan]), encoding="raw", floor_dbm=-100.0).tolist()
        [-0.25, 1.0]

    Reference: J. Torres-Sospedra et al., Comprehensive analysis of distance and similarity
    measures for Wi-Fi fingerprinting indoor positioning systems, Expert Systems with Applications
    42(23), 2015.
    """
    rss_dbm = to_device(rss_dbm)
    if encoding not in ENCODINGS:
        raise ValueError(f"encoding is {encoding!r}; it must be one of {', '.join(ENCODINGS)}")
    check_rank("floor_dbm", floor_dbm, 0)
    check_known("floor_dbm", floor_dbm, lambda x: (x < 0) & np.isfinite(x), "a level below 0 dBm")
    check_known("exponent", exponent, lambda x: (x > 0) & np.isfinite(x), "a number above 0")
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
    """What a network's input and output mean at a site, fitted on its train part.

    A network's output u stands for the position origin_m + scale_m * u. `encode` makes the input;
    `center` and `uncenter` subtract and add the origin, in float64.

    Args:
        encoding: 'linear', 'powed', 'exponential' or 'raw'; see `encode_rss`.
        exponent: of the powed map, above 0.
        floor_dbm: level below which a reading counts as undetected, dBm, below 0.
        origin_m: float64[2]. Mean position of the train part, metres.
        scale_m: one scale for both axes, metres, above 0.

    Raises:
        ValueError: a value is outside its range.

    Example:
        >>> prep = Preprocessor("linear", math.e, -100.0, np.array([4.0, 4864900.0]), 50.0)
        >>> prep.center([[4.0, 4864900.25]]).tolist()
        [[0.0, 0.25]]
        >>> prep.uncenter([[1.0, 0.125]]).tolist()
        [[5.0, 4864900.125]]
    """

    encoding: str
    exponent: float
    floor_dbm: float
    origin_m: NDArray[np.float64]
    scale_m: float

    def __post_init__(self) -> None:
        if self.encoding not in ENCODINGS:
            raise ValueError(f"encoding is {self.encoding!r}; it must be in {', '.join(ENCODINGS)}")
        if not (is_number(self.exponent) and self.exponent > 0):
            raise ValueError(f"exponent is {self.exponent!r}; it must be above 0")
        if not (is_number(self.floor_dbm) and self.floor_dbm < 0):
            raise ValueError(f"floor_dbm is {self.floor_dbm!r}; it must be below 0 dBm")
        if not (is_number(self.scale_m) and self.scale_m > 0):
            raise ValueError(f"scale_m is {self.scale_m!r}; it must be above 0 m")
        if not isinstance(self.origin_m, np.ndarray):
            raise ValueError(f"origin_m is {self.origin_m!r}; float64[2] is expected")
        if self.origin_m.shape != (2,) or self.origin_m.dtype != np.float64:
            raise ValueError(
                f"origin_m is {self.origin_m.dtype}{list(self.origin_m.shape)}; "
                "float64[2] is expected"
            )
        if not np.isfinite(self.origin_m).all():
            raise ValueError(f"origin_m is {self.origin_m.tolist()}; it must be finite")

    def encode(self, rss_dbm: ArrayLike) -> jax.Array:
        """The network's input, float[..., A], by `encode_rss`; may be called inside jit."""
        return encode_rss(
            rss_dbm, encoding=self.encoding, floor_dbm=self.floor_dbm, exponent=self.exponent
        )

    def center(self, position_m: NDArray[np.float64] | list[list[float]]) -> NDArray[np.float32]:
        """Centred positions in metres, float32[n, 2], from float64[n, 2].

        The origin is subtracted in float64: float32 is 0.5 m coarse at UJIIndoorLoc's northing.
        ValueError says which shape it has where that is another.
        """
        position_m = _in_plane("position_m", position_m)
        if position_m.dtype in (np.float32, np.float16):
            raise TypeError(
                f"position_m is {position_m.dtype}, which has lost up to half a metre already; "
                "float64 is expected"
            )
        centered_m: NDArray[np.float64] = position_m.astype(np.float64) - self.origin_m[None, :]
        return centered_m.astype(np.float32)

    def uncenter(self, centered_m: ArrayLike) -> NDArray[np.float64]:
        """Positions in metres, float64[n, 2], from centred ones, float[n, 2]; on the host."""
        return _in_plane("centered_m", centered_m).astype(np.float64) + self.origin_m[None, :]

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
        numbers = {"exponent": (), "floor_dbm": (), "scale_m": (), "origin_m": (2,)}
        for name, shape in numbers.items():
            array = np.asarray(values[name])
            if array.shape != shape or array.dtype.kind not in "if":
                raise ValueError(f"{name} is {values[name]!r}; it must be made of numbers")
        return cls(**{**values, "origin_m": np.asarray(values["origin_m"], np.float64)})


def _in_plane(name: str, position: Any) -> NDArray[Any]:
    array = np.asarray(position)
    real = any(jnp.issubdtype(array.dtype, kind) for kind in (np.floating, np.integer))
    if not real or array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"{name} is {array.dtype}{list(array.shape)}; float64[n, 2] is expected")
    return array


def fit_preprocessor(
    train: Fingerprints, *, encoding: str = "linear", exponent: float = math.e
) -> Preprocessor:
    """A preprocessor with floor, origin and scale of a train part, and of nothing else.

        floor  = lowest reading - 1 dB
        origin = mean position
        scale  = sqrt(mean over fingerprints and both axes of (position - origin)^2)

    A site with a single position, to a micrometre, has scale 1 m.

    Args:
        train: the part to fit on.
        encoding: 'linear', 'powed', 'exponential' or 'raw'.
        exponent: of the powed map, above 0.

    Returns:
        Preprocessor. The fitted values.

    Raises:
        DataError: no access point was detected anywhere in the part.
        ValueError: the encoding is unknown or the exponent not above 0.

    Example:
        >>> from rsstl_jax.data import make_synthetic_site
        >>> prep = fit_preprocessor(make_synthetic_site("synthetic-office").train)
        >>> prep.floor_dbm, prep.origin_m.round(1).tolist(), round(prep.scale_m, 1)
        (-96.0, [31.2, 9.8], 13.0)
    """
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
    part: Fingerprints, origin_m: NDArray[np.float64], scale_m: float, dataset: str
) -> None:
    """DataError where a part lies elsewhere than the site that a locator was fitted to."""
    away_m = part.position_m - origin_m
    apart_m = float(np.linalg.norm(away_m.mean(axis=0)))
    if apart_m > max(float(away_m.std(axis=0).max()), scale_m):
        raise DataError(
            f"{part.dataset}: its fingerprints lie {apart_m:,.0f} m from those of {dataset}, where "
            "the locator was trained; it knows floors, radii and positions of that site alone"
        )
