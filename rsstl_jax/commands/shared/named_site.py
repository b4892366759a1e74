"""The configuration file that --config=<site>[:recipe] means, where no file is named."""

from rsstl_jax.config.recipes import named_config as get_config  # noqa: F401
