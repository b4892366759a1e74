"""Cards and plans of version 0.1, which knew more settings of network and episodes."""

from collections.abc import Mapping
from typing import Any

from rsstl_jax.config.retired import renew

_SIZES = {
    "num_candidates": 64,
    "num_compared": 64,
    "kinds": ["access_points", "neighbours"],
}
_EPISODES = {"hidden_radius": 0.0, "access_points_merged": 0.0, "turn": True, "grouped": True}


def renew_sizes(sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Sizes of a network without those that never varied."""
    return renew(sizes, _SIZES, {})


def renew_episodes(episodes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of episodes without those that never varied."""
    return renew(episodes, _EPISODES, {"whole_places": "all_scans"})
