"""The search: its points, what it never reads, and how it goes on."""

import pytest
import tiny

from rsstl_jax.commands.research import point_search as searching
from rsstl_jax.commands.research.point_search import grid, measure, propose, search
from rsstl_jax.commands.research.search import check_grown
from rsstl_jax.errors import ConfigError
from rsstl_jax.store.recorder import Recorder


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    data = tiny.write_sites(tmp_path_factory.mktemp("data"), "home", "mall")
    made = tiny.make_tiny_config(data_dir=str(data), seeds=(0, 1))
    made.teacher.kind, made.data.evaluate_on = "untrained", "validation"
    return made


def test_a_grid_has_every_combination_once():
    points = grid({"similarity": [0.0, 0.5, 1.0], "margin": [0.1, 0.2]})
    assert len(points) == 6 == len({tuple(point.items()) for point in points})
    assert {"similarity": 0.5, "margin": 0.2} in points


def test_axes_that_are_wrong_are_named(config, tmp_path):
    with pytest.raises(ConfigError, match="axis is 'similiarity'; it must be one of localization"):
        measure(config, grid({"similiarity": [1.0]}), tmp_path)
    with pytest.raises(ConfigError, match="axis is 'alpha'"):
        measure(config, [{"alpha": 1.0}], tmp_path)


def test_pseudo_labels_that_are_means_have_their_baseline_student(config, tmp_path, monkeypatch):
    asked = {}

    def distil(config, workdir, students):
        asked.update(students)
        return {"students": {name: {"mae_m": [7.0]} for name in students}}

    monkeypatch.setattr(searching, "run_distillation", distil)
    own = config.copy_and_resolve_references()
    own.distill.pseudo_labels = "mean"
    assert measure(own, grid({"similarity": [0.0, 4.0]}), tmp_path) == [[7.0], [7.0]]
    assert len(asked) == 3 and asked["standalone"].weights["similarity"] == 0


@pytest.mark.slow
def test_a_batch_at_once_finds_what_it_finds_in_turn(config, tmp_path):
    points = grid({"similarity": [0.0, 4.0]})
    found = {}
    for mode in ("loop", "vmap"):
        own = config.copy_and_resolve_references()
        own.run.replicas = mode
        found[mode] = measure(own, points, tmp_path / mode)
        groups = [r["replicas"] for r in Recorder(tmp_path / mode).records() if "replicas" in r]
        assert [len(group) for group in groups] == ([4] if mode == "vmap" else [])
    assert found["vmap"] == [pytest.approx(errors, rel=1e-3) for errors in found["loop"]]


@pytest.mark.slow
def test_a_grid_is_measured_and_sorted_and_read_again(config, tmp_path, monkeypatch):
    points = grid({"similarity": [0.0, 4.0], "margin": [0.1, 1.0]})
    frame = search(config, lambda told: points, tmp_path)
    assert len(frame) == 4 and frame["mae_m"].is_monotonic_increasing
    assert frame["sd_m"].notna().all()
    # With no weight the margin says nothing; with one it does.
    of = frame.set_index(["similarity", "margin"])["mae_m"]
    off = ["mutual_information", "functional_information"]
    assert all(term not in frame.columns for term in off)
    assert of[0.0, 0.1] == pytest.approx(of[0.0, 1.0], rel=1e-5) and of[4.0, 0.1] != of[4.0, 1.0]
    monkeypatch.setattr("rsstl_jax.phases.distillation.fit", None)
    assert search(config, lambda told: points, tmp_path).equals(frame)


def test_optuna_learns_from_what_it_is_told(monkeypatch, tmp_path):
    """Errors that fall towards a similarity of 1.5: later batches lie nearer to it."""
    bowl = lambda _, points, folder: [[abs(point["similarity"] - 1.5)] for point in points]  # noqa: E731
    monkeypatch.setattr(searching, "measure", bowl)
    ask = propose({"similarity": (0.0, 10.0), "learning_rate": (1e-4, 1e-2)}, batch_size=10)
    asked = []

    def recording(told):
        asked.append(ask(told))
        return asked[-1]

    frame = search(None, recording, tmp_path, num_batches=6)
    away = [sum(abs(point["similarity"] - 1.5) for point in batch) / 10 for batch in asked]
    assert sum(away[3:]) / 3 < 0.5 * away[0]
    assert len(frame) == 60 and frame["similarity"][0] == pytest.approx(1.5, abs=0.3)
    assert frame["learning_rate"].between(1e-4, 1e-2).all()


@pytest.mark.parametrize(
    ("point", "message"),
    [
        (
            {"similarity": -0.5},
            "distill.weights.similarity is -0.5; it must be a number of at leas",
        ),
        ({"localization": -1.0}, "distill.weights.localization is -1.0; it must be a number"),
        ({"margin": 9.0}, "distill.margin is 9.0; it must be an angle"),
        ({"learning_rate": -1.0}, "train.learning_rate is -1.0; it must be a number above 0"),
    ],
)
def test_a_point_obeys_the_rules_of_its_fields(config, tmp_path, point, message):
    with pytest.raises(ConfigError, match=message):
        measure(config, [point], tmp_path)


def test_small_learning_rates_are_proposed_as_they_are():
    asked = propose({"learning_rate": (1e-8, 1e-6)}, batch_size=20)([])
    rates = [point["learning_rate"] for point in asked]
    assert all(1e-8 <= rate <= 1e-6 for rate in rates) and len(set(rates)) == 20


@pytest.mark.parametrize(
    ("before", "asked", "is_kept"),
    [
        ({"margin": [0.1, 0.2]}, {"margin": [0.3, 0.2, 0.1]}, True),
        ({"margin": [0.1, 0.2]}, {"margin": [0.1, 0.3]}, False),
        ({"margin": [0.1]}, {"margin": [0.1], "similarity": [1.0]}, False),
        ({"margin": [0.1]}, {"range of margin": [0.1, 0.2], "batches": [0]}, False),
    ],
)
def test_a_search_in_a_folder_may_only_grow(tmp_path, before, asked, is_kept):
    if is_kept:
        check_grown(tmp_path / "search.json", before, asked)
    else:
        with pytest.raises(ConfigError, match=r"search\.json is of another search, whose points"):
            check_grown(tmp_path / "search.json", before, asked)
