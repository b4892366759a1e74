"""Three synthetic sites by a multi-floor propagation model: no download, and a known truth.

The strength of access point a, at p, with device k, is that of the multi-wall model
[Motley and Keenan 1988] with spatially correlated shadowing [Gudmundson 1991]:

    r = -35 - 10 n log10(max(d, 1)) - walls * wall_db - floors * floor_db
        + S_a(p) + g_k + e,    e ~ N(0, noise_db^2), g_k ~ N(0, device_db^2)

d is the distance in space, walls and floors are those that the straight line crosses. S_a is a
sum of random cosines, which has the correlation shadowing_db^2 exp(-|p - q|^2 / (2 L^2)) with
L = shadowing_m [Rahimi and Recht 2007]. Readings are whole dBm; below -95 dBm: undetected.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rsstl_jax.data.site import Fingerprints, Site
from rsstl_jax.errors import DataError

SYNTHETIC_PREFIX = "synthetic-"  # of the names of all synthetic sites
REFERENCE_DBM = -35.0  # strength of an access point at one metre
DETECTION_DBM = -95.0  # weaker signals are not detected
NUM_WAVES = 24  # cosines per access point whose sum is its shadowing field
FLOOR_HEIGHT_M = 3.5

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Building:
    """A synthetic building and how it was surveyed."""

    seed: int  # of everything random
    origin_m: tuple[float, float]  # south-west corner in the site's coordinates
    size_m: tuple[float, float]  # width and depth
    room_m: float  # distance between walls, in both directions
    num_floors: int  # 3.5 m apart
    num_access_points: int  # at random positions
    num_positions: int  # surveyed positions
    scans_per_position: int  # train fingerprints at each, by a random train device
    num_test: int  # test fingerprints, at random positions, by devices that train does not know
    path_loss_exponent: float  # decay with distance; 2 is free space
    wall_db: float  # attenuation by a wall
    floor_db: float = 14.0  # attenuation by a floor
    shadowing_db: float = 4.0  # standard deviation of the shadowing
    shadowing_m: float = 8.0  # distance over which it is correlated
    device_db: float = 3.0  # standard deviation of the devices' gains
    noise_db: float = 2.0  # standard deviation between two readings at one position


SYNTHETIC_SITES: dict[str, Building] = {
    "synthetic-office": Building(
        seed=1,
        origin_m=(0.0, 0.0),
        size_m=(60.0, 20.0),
        room_m=5.0,
        num_floors=3,
        num_access_points=60,
        num_positions=200,
        scans_per_position=3,
        num_test=200,
        path_loss_exponent=2.4,
        wall_db=3.0,
    ),
    "synthetic-mall": Building(
        seed=2,
        origin_m=(500.0, -200.0),
        size_m=(150.0, 90.0),
        room_m=18.0,
        num_floors=2,
        num_access_points=96,
        num_positions=250,
        scans_per_position=4,
        num_test=250,
        path_loss_exponent=2.8,
        wall_db=4.0,
        floor_db=10.0,
        shadowing_m=15.0,
    ),
    # coordinates as large as a map projection's, which float32 cannot hold
    "synthetic-campus": Building(
        seed=3,
        origin_m=(-7500.0, 4864800.0),
        size_m=(120.0, 70.0),
        room_m=8.0,
        num_floors=4,
        num_access_points=140,
        num_positions=500,
        scans_per_position=3,
        num_test=300,
        path_loss_exponent=2.2,
        wall_db=5.0,
        floor_db=17.0,
    ),
}
"""The synthetic sites by name: different sizes, walls, floors and numbers of access points."""


def make_synthetic_site(name: str) -> Site:
    """One of the synthetic sites; the same name gives the same readings each time."""
    if name not in SYNTHETIC_SITES:
        known = ", ".join(SYNTHETIC_SITES)
        raise DataError(f"{name!r} is not a synthetic site; these are: {known}")
    return survey_building(name, SYNTHETIC_SITES[name])


def survey_building(name: str, building: Building) -> Site:
    """A synthetic site of one's own, by the model of `make_synthetic_site`."""
    rng = np.random.default_rng(building.seed)
    transmitters = _random_positions(rng, building, building.num_access_points)
    shadowing_db = _make_shadowing(rng, building)
    surveyed = _random_positions(rng, building, building.num_positions)
    positions = {
        "train": np.repeat(surveyed, building.scans_per_position, axis=0),
        "test": _random_positions(rng, building, building.num_test),
    }
    parts = {}
    for part, position in positions.items():
        mean_dbm = _mean_rss_dbm(building, position, transmitters) + shadowing_db(position)
        parts[part] = Fingerprints(
            dataset=name,
            part=part,
            rss_dbm=_measure(rng, building, mean_dbm),
            position_m=position[:, :2] + np.array([building.origin_m]),
            floor=position[:, 2].astype(np.int32),
            building=None,
            access_points=tuple(f"AP{a:03d}" for a in range(1, building.num_access_points + 1)),
        )
    return Site(name, parts["train"], parts["test"])


def _random_positions(rng: np.random.Generator, building: Building, number: int) -> Array:
    """Float64[number, 3]: x and y from the building's corner, metres, and the floor."""
    plane = rng.uniform(0, building.size_m, (number, 2))
    return np.column_stack([plane, rng.integers(0, building.num_floors, number)])


def _mean_rss_dbm(building: Building, position: Array, transmitters: Array) -> Array:
    """Float64[n, A]: path loss, walls and floors."""
    height = np.array([1.0, 1.0, FLOOR_HEIGHT_M])
    apart = (position[:, None, :] - transmitters[None, :, :]) * height[None, None, :]
    distance_m = np.maximum(np.linalg.norm(apart, axis=-1), 1.0)
    rooms = [np.floor_divide(ends[:, :2], building.room_m) for ends in (position, transmitters)]
    walls = np.abs(rooms[0][:, None, :] - rooms[1][None, :, :]).sum(axis=-1)
    floors = np.abs(position[:, None, 2] - transmitters[None, :, 2])
    loss_db = 10 * building.path_loss_exponent * np.log10(distance_m)
    return REFERENCE_DBM - loss_db - building.wall_db * walls - building.floor_db * floors


def _make_shadowing(rng: np.random.Generator, building: Building) -> Callable[[Array], Array]:
    """A function from positions to float64[n, A], the shadowing: a sum of random cosines."""
    shape = (building.num_access_points, NUM_WAVES)
    frequency = rng.normal(0, 1 / building.shadowing_m, (*shape, 3))
    phase = rng.uniform(0, 2 * math.pi, shape)
    amplitude_db = building.shadowing_db * math.sqrt(2 / NUM_WAVES)

    def shadowing_db(position: Array) -> Array:
        space_m = position * np.array([[1.0, 1.0, FLOOR_HEIGHT_M]])
        angle = np.einsum("nd,awd->naw", space_m, frequency) + phase[None, :, :]
        return amplitude_db * np.cos(angle).sum(axis=-1)

    return shadowing_db


def _measure(rng: np.random.Generator, building: Building, mean_dbm: Array) -> NDArray[np.float32]:
    """Float32[n, A]: whole dBm as devices of random gain report them, NaN where undetected."""
    num_devices = 4
    gain_db = rng.normal(0, building.device_db, num_devices)
    device = rng.integers(0, num_devices, len(mean_dbm))
    noise_db = rng.normal(0, building.noise_db, mean_dbm.shape)
    rss_dbm = np.rint(np.minimum(mean_dbm + gain_db[device][:, None] + noise_db, 0.0))
    return np.where(rss_dbm < DETECTION_DBM, np.nan, rss_dbm).astype(np.float32)
