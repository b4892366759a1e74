"""The configuration: one schema of fields, recipes that fill it in, and checks."""

from rsstl_jax.config.all_fields import FIELDS
from rsstl_jax.config.overrides import override
from rsstl_jax.config.recipes import make_config, named_config, site_config
from rsstl_jax.config.schema import default_config, validate

__all__ = [
    "FIELDS",
    "default_config",
    "make_config",
    "named_config",
    "override",
    "site_config",
    "validate",
]
