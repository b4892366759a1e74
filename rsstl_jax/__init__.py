"""Multi-surrogate-teacher representation alignment for fingerprint-based indoor localisation.

`help(rsstl_jax.load_site)` and its like show how to use the names below.

The packages behind them, each importing only those before it in this list:

    spectral, losses   the paper's equations: pure functions of arrays that import only JAX
    config             every field with its meaning and rule; recipes for each site
    metrics, data      errors in metres; read, check, preprocess and split fingerprints
    models             networks, surrogate teachers, the estimator, the registry
    engine             how any network is trained, and how it answers scans
    report, baselines  pictures and result tables; kNN and transfer
    site_agnostic      the network that needs no training at a new site
    phases, pipeline   the paper's three phases; a whole run
    export, paper      students as programs; the paper's tables
    serving, commands  locators in use: saved, joined, calibrated; the commands

Names load on first use, so that `import rsstl_jax.losses` in another JAX project loads JAX and
nothing else.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Under their own names, which makes them public to type checkers.
    from rsstl_jax.config import default_config as default_config
    from rsstl_jax.config import make_config as make_config
    from rsstl_jax.config import named_config as named_config
    from rsstl_jax.config import validate as validate
    from rsstl_jax.data import Fingerprints as Fingerprints
    from rsstl_jax.data import Site as Site
    from rsstl_jax.data import load_site as load_site
    from rsstl_jax.engine.locator import Locator as Locator
    from rsstl_jax.engine.saved_student import Student as Student
    from rsstl_jax.engine.saved_student import load_student as load_student
    from rsstl_jax.errors import ConfigError as ConfigError
    from rsstl_jax.errors import DamagedError as DamagedError
    from rsstl_jax.errors import DataError as DataError
    from rsstl_jax.errors import DivergedError as DivergedError
    from rsstl_jax.errors import LockedError as LockedError
    from rsstl_jax.errors import MissingDataError as MissingDataError
    from rsstl_jax.export import ExportedStudent as ExportedStudent
    from rsstl_jax.export import export_student as export_student
    from rsstl_jax.export import load_exported as load_exported
    from rsstl_jax.models import NETWORKS as NETWORKS
    from rsstl_jax.models import Network as Network
    from rsstl_jax.models import make_network as make_network
    from rsstl_jax.pipeline import run_distillation as run_distillation
    from rsstl_jax.pipeline import run_expert as run_expert
    from rsstl_jax.serving.saved import load_locator as load_locator
    from rsstl_jax.site_agnostic.at_site import Pretrained as Pretrained
    from rsstl_jax.site_agnostic.weights import load_pretrained as load_pretrained
    from rsstl_jax.types import Batch as Batch
    from rsstl_jax.types import Representations as Representations

_NAMES = {
    "config": ("default_config", "make_config", "named_config", "validate"),
    "data": ("Fingerprints", "Site", "load_site"),
    "engine.locator": ("Locator",),
    "engine.saved_student": ("Student", "load_student"),
    "errors": (
        "ConfigError",
        "DamagedError",
        "DataError",
        "DivergedError",
        "LockedError",
        "MissingDataError",
    ),
    "export": ("ExportedStudent", "export_student", "load_exported"),
    "models": ("NETWORKS", "Network", "make_network"),
    "pipeline": ("run_distillation", "run_expert"),
    "serving.saved": ("load_locator",),
    "site_agnostic.at_site": ("Pretrained",),
    "site_agnostic.weights": ("load_pretrained",),
    "types": ("Batch", "Representations"),
}
_HOME = {name: module for module, names in _NAMES.items() for name in names}

__all__ = list(_HOME)
__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'rsstl_jax' has no attribute {name!r}")
    value = getattr(import_module(f"rsstl_jax.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
