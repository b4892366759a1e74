"""The configuration file that --config=<site>[:recipe] means, where no file is named."""

from ml_collections import ConfigDict

from rsstl_jax.config.recipes import make_config

__all__ = ["get_config"]

_TARGETS = {"synthetic": "synthetic-office"}
_SOURCES = {
    "synthetic-office": "synthetic-mall,synthetic-campus",
    "tampere": "uji,uts",
    "uji": "uts,tampere",
}


def get_config(name: str) -> ConfigDict:
    """The site's configuration; one that is not known is a dataset of one's own."""
    site, _, recipe = name.partition(":")
    target = _TARGETS.get(site, site)
    sources = _SOURCES.get(target, "uji,tampere")
    return make_config(recipe or "paper", target=target, sources=sources)
