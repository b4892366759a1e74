"""Sizes of the site-agnostic network."""

from dataclasses import dataclass

from ml_collections import ConfigDict

__all__ = ["KINDS", "AgnosticSettings"]

KINDS = ("access_points", "neighbours")

CONFIGURED = (
    "num_access_points",
    "num_neighbours",
    "width",
    "num_blocks",
    "num_heads",
    "feed_width",
)


@dataclass(frozen=True)
class AgnosticSettings:
    """Sizes of a site-agnostic network; none depends on a site.

    Args:
        num_access_points: K, a fingerprint's strongest access points that become tokens.
        num_neighbours: M, places of support fingerprints that become tokens.
        num_candidates: support fingerprints that are compared closely, at least M.
        num_compared: strongest access points on which they are compared.
        kinds: kinds of tokens that are used, of "access_points" and "neighbours".
        width: of a token's embedding, of frame and extract.
        num_blocks: attention blocks.
        num_heads: attention heads, which must divide the width.
        feed_width: units of the feed-forward layers.

    Raises:
        ValueError: if a size is below 1, the heads do not divide the width, or a kind is unknown.

    Example:
        >>> AgnosticSettings().width
        48
    """

    num_access_points: int = 24
    num_neighbours: int = 16
    num_candidates: int = 64
    num_compared: int = 64
    kinds: tuple[str, ...] = KINDS
    width: int = 48
    num_blocks: int = 3
    num_heads: int = 8
    feed_width: int = 96

    def __post_init__(self) -> None:
        for name, size in vars(self).items():
            if name != "kinds" and size < 1:
                raise ValueError(f"{name} is {size}; it must be at least 1")
        if self.width % self.num_heads:
            raise ValueError(f"width is {self.width}; num_heads, {self.num_heads}, must divide it")
        if not set(self.kinds) <= set(KINDS):
            raise ValueError(f"kinds is {self.kinds}; they must be of {', '.join(KINDS)}")

    @classmethod
    def from_config(cls, config: ConfigDict) -> "AgnosticSettings":
        """The sizes that a run's configuration names under `model.agnostic`."""
        own = config.model.agnostic
        return cls(**{name: own[name] for name in CONFIGURED})
