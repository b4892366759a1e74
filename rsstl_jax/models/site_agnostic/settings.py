"""Sizes of the site-agnostic network."""

from dataclasses import dataclass

from ml_collections import ConfigDict


@dataclass(frozen=True)
class AgnosticSettings:
    """Sizes of a site-agnostic network; none depends on a site."""

    num_access_points: int = 24  # K, a fingerprint's strongest access points that become tokens
    num_neighbours: int = 16  # M, positions of support fingerprints that become tokens
    width: int = 48  # of a token's embedding, of frame and extract
    num_blocks: int = 3  # attention blocks
    num_heads: int = 8  # attention heads, which must divide the width
    feed_width: int = 96  # units of the feed-forward layers

    @classmethod
    def from_config(cls, config: ConfigDict) -> "AgnosticSettings":
        """The sizes that a run's configuration names under `model.agnostic`."""
        sizes = config.model.agnostic.to_dict()
        del sizes["learning_rate_factor"]
        return cls(**sizes)
