"""Settings that every test runs under."""

import os

import jax
import pytest

jax.config.update("jax_numpy_rank_promotion", "raise")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    no_data = pytest.mark.skip(reason="needs real data: set RSSTL_DATA_DIR to their folder")
    no_gpu = pytest.mark.skip(reason="needs a CUDA device; jax.devices() shows none")
    for item in items:
        if item.get_closest_marker("data") and not os.environ.get("RSSTL_DATA_DIR"):
            item.add_marker(no_data)
        if item.get_closest_marker("gpu") and jax.default_backend() != "gpu":
            item.add_marker(no_gpu)
