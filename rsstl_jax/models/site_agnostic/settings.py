"""Sizes of the site-agnostic network."""

from dataclasses import dataclass

from ml_collections import ConfigDict

__all__ = ["AgnosticSettings"]


@dataclass(frozen=True)
class AgnosticSettings:
    """Sizes of a site-agnostic network; none depends on a site.

    Args:
        num_access_points: K, a fingerprint's strongest access points that become tokens.
        num_neighbours: M, positions of support fingerprints that become tokens.
        width: of a token's embedding, of frame and extract.
        num_blocks: attention blocks.
        num_heads: attention heads, which must divide the width.
        feed_width: units of the feed-forward layers.

    Raises:
        ValueError: if a size is below 1, or the heads do not divide the width.

    Example:
        >>> AgnosticSettings(width=64, num_heads=4).num_blocks
        3
        >>> AgnosticSettings(width=50)
        Traceback (most recent call last):
        ...
        ValueError: width is 50; num_heads, 8, must divide it
    """

    num_access_points: int = 24
    num_neighbours: int = 16
    width: int = 48
    num_blocks: int = 3
    num_heads: int = 8
    feed_width: int = 96

    def __post_init__(self) -> None:
        for name, size in vars(self).items():
            if size < 1:
                raise ValueError(f"{name} is {size}; it must be at least 1")
        if self.width % self.num_heads:
            raise ValueError(f"width is {self.width}; num_heads, {self.num_heads}, must divide it")

    @classmethod
    def from_config(cls, config: ConfigDict) -> "AgnosticSettings":
        """The sizes that a run's configuration names under `model.agnostic`."""
        sizes = config.model.agnostic.to_dict()
        del sizes["learning_rate_factor"]
        return cls(**sizes)
