"""Settings that every test runs under."""

import gc
import os

import jax
import pytest
from absl import flags

from rsstl_jax.engine import floor_head
from rsstl_jax.site_agnostic import at_site, cross_fitting
from rsstl_jax.site_agnostic.at_site import Pretrained

jax.config.update("jax_numpy_rank_promotion", "raise")

# Importing and tracing make many objects: the collector looks at them less often.
gc.set_threshold(20_000, 20, 20)

# The pretrained network is calibrated at a site in nearly every test of it: on fewer fingerprints.
cross_fitting.QUERIES_PER_FOLD, at_site.CALIBRATION_ROWS_PER_FOLD = 25, 40
# A floor head is trained for every synthetic site: on fewer draws.
floor_head.MIN_DRAWS = 15_000


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    no_data = pytest.mark.skip(reason="needs real data: set RSSTL_DATA_DIR to their folder")
    no_gpu = pytest.mark.skip(reason="needs a CUDA device; jax.devices() shows none")
    for item in items:
        if item.get_closest_marker("data") and not os.environ.get("RSSTL_DATA_DIR"):
            item.add_marker(no_data)
        if item.get_closest_marker("gpu") and jax.default_backend() != "gpu":
            item.add_marker(no_gpu)
    if turn := os.environ.get("SLOW_TURN"):
        first, turns = map(int, turn.split("/"))
        slow = [item for item in items if item.get_closest_marker("slow")]
        others = [item for item in slow if item not in slow[first % turns :: turns]]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


FIT, FITTED = Pretrained.fit, {}


def fit_once(pretrained, radio_map):
    digest = radio_map.digest()
    if digest not in FITTED:
        FITTED[digest] = FIT(pretrained, radio_map)
    return FITTED[digest]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item):
    """Examples of docstrings fit the pretrained network at one site, which takes long."""
    with pytest.MonkeyPatch.context() as patch:
        if isinstance(item, pytest.DoctestItem):
            patch.setattr(Pretrained, "fit", fit_once)
        return (yield)


@pytest.fixture
def command(capsys):
    """Runs a command in this process: its output, or the ConfigError that it raises."""
    before = set(flags.FLAGS)

    def forget():
        for name in set(flags.FLAGS) - before:
            delattr(flags.FLAGS, name)

    def run(module, *words):
        forget()
        module.define_flags()
        flags.FLAGS([module.__name__, *map(str, words)])
        module.main()
        return capsys.readouterr().out

    yield run
    forget()
