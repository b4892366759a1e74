"""Multi-surrogate-teacher representation alignment for fingerprint-based indoor localisation.

The names below load on first use, so that `import rsstl_jax.losses` in another JAX project
loads JAX and nothing else.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rsstl_jax.config.recipes import make_config
    from rsstl_jax.config.schema import default_config, validate
    from rsstl_jax.data import Fingerprints, Site, load_site
    from rsstl_jax.models import NETWORKS, Network, make_network
    from rsstl_jax.pipeline import run_distillation
    from rsstl_jax.types import Batch, Representations

_HOME = {
    "Batch": "types",
    "Fingerprints": "data",
    "NETWORKS": "models",
    "Network": "models",
    "Representations": "types",
    "Site": "data",
    "default_config": "config.schema",
    "load_site": "data",
    "make_config": "config.recipes",
    "make_network": "models",
    "run_distillation": "pipeline",
    "validate": "config.schema",
}

__all__ = [
    "NETWORKS",
    "Batch",
    "Fingerprints",
    "Network",
    "Representations",
    "Site",
    "default_config",
    "load_site",
    "make_config",
    "make_network",
    "run_distillation",
    "validate",
]
__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'rsstl_jax' has no attribute {name!r}")
    return getattr(import_module(f"rsstl_jax.{_HOME[name]}"), name)
