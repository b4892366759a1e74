"""Every file in configs/ with every recipe: it loads, it is valid, and its smoke runs."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import tiny

from rsstl_jax import run_distillation
from rsstl_jax.config.recipes import RECIPES, site_config
from rsstl_jax.config.schema import flatten, validate
from rsstl_jax.data import cards, load_site
from rsstl_jax.data import load as load_module

FOLDER = Path(__file__).parents[2] / "configs"
FILES = sorted(file.stem for file in FOLDER.glob("*.py"))
SMOKES = [recipe for recipe in RECIPES if recipe.endswith("smoke")]


def load_config(name, *recipe):
    spec = importlib.util.spec_from_file_location(f"config_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config(*recipe)


def test_all_files_are_covered_here():
    assert set(FILES) == {"synthetic", "table", "tampere", "uji", "uts"}


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("name", FILES)
def test_every_recipe_loads_and_is_valid_for_target_and_sources(name, recipe):
    config = load_config(name, recipe)
    validate(config)
    assert config.recipe == recipe
    assert config.target == {"synthetic": "synthetic-office"}.get(name, name)
    for source in config.sources.split(","):
        validate(site_config(config, source))
    with pytest.raises(AttributeError):
        config.epochs = 1  # locked


def run(config, workdir):
    """Runs it; what comes out is finite and belongs to the test part."""
    result = run_distillation(config, workdir)
    assert result["part"] == "test"
    for student in ("standalone", "distilled"):
        assert np.isfinite(result["students"][student]["mae_m"]).all()
    for quality in result["teachers"].values():
        assert np.isfinite(list(quality.values())).all()
    assert list(result["teachers"]) == result["sources"]
    return result


@pytest.mark.slow
def test_synthetic_tuned(tmp_path):
    """The other smoke of this file, the paper's, is what the tests of the commands run."""
    result = run(load_config("synthetic", "tuned-smoke"), tmp_path / "run")
    assert (result["num_train"], result["num_evaluated"]) == (600, 200)


@pytest.mark.slow
def test_uts_on_files_in_the_publishers_layout(tmp_path, monkeypatch):
    """Twelve rows with all columns; the card, which counts rows, is left unchecked."""
    write_uts(tmp_path / "uts")
    tiny.write_sites(tmp_path, "mall", "campus")
    monkeypatch.setattr(load_module, "check_card", lambda card, site: None)
    config = load_config("uts", "tuned-smoke")
    # The widths of other tests, and so the programs that are compiled already.
    config.update_from_flattened_dict(tiny_fields())
    config.sources, config.data_dir = "mall", str(tmp_path)
    assert load_site("uts", data_dir=tmp_path).train.floor.tolist() == [-1, 0, 1] * 4
    result = run(config, tmp_path / "run")
    assert (result["target"], result["num_train"], result["num_evaluated"]) == ("uts", 12, 6)


def tiny_fields():
    config = flatten(tiny.make_tiny_config())
    sections = ("model.", "teacher.", "distill.", "run.", "train.batch_size")
    return {path: value for path, value in config.items() if path.startswith(sections)}


def write_uts(folder):
    """WAP001...WAP589, of which five are heard, and the publisher's seven other columns."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    header = [f"WAP{a:03d}" for a in range(1, 590)]
    header += ["Pos_x", "Pos_y", "Floor_ID", "Building_ID", "User_ID", "Phone_type", "Time"]
    for name, rows in (("UTS_training.csv", 12), ("UTS_test.csv", 6)):
        lines = [",".join(header)]
        for row in range(rows):
            heard = [str(dbm) for dbm in rng.integers(-90, -40, 5)]
            x, y = rng.uniform(0, 40, 2)
            place = [f"{x:.4f}", f"{y:.4f}", str(row % 3 - 1), "New IT", "root", "unknow"]
            lines.append(",".join([*heard, *["100"] * 584, *place, "8/03/2019 6:47"]))
        (folder / name).write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def shared_bundles(tmp_path_factory):
    """Teachers of one recipe serve all targets."""
    return tmp_path_factory.mktemp("teachers")


# UTS's training part cannot be downloaded everywhere, so its place is taken by TUT7's.
REAL = [("tampere", "uji,tut7"), ("uji", "tampere,tut7"), ("table", "uji,tampere")]


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("recipe", SMOKES)
@pytest.mark.parametrize(("name", "sources"), REAL)
def test_real_sites(tmp_path, shared_bundles, name, sources, recipe):
    config = load_config(name, recipe)
    config.sources, config.bundle_dir = sources, str(shared_bundles)
    config.specialise.epochs = config.teacher.epochs = config.train.epochs = 1
    config.train.batch_size = 128
    if name == "table":
        config.target = "tut7"
    result = run(config, tmp_path / "run")
    card = cards.CARDS[config.target]
    facts = (result["num_train"], result["num_evaluated"])
    assert facts == (card.num_train, card.num_test)
