"""Errors under corruptions, their records and what the tables say of them."""

from dataclasses import replace

import numpy as np
import pytest
import tiny

from rsstl_jax.engine.locator import Answers, Locator
from rsstl_jax.errors import ConfigError, DamagedError, DataError
from rsstl_jax.report.corruption import AXES, corrupt
from rsstl_jax.report.robustness import (
    Record,
    check_shared,
    check_unchanged,
    measure_locator,
    read_records,
    start_record,
    write_records,
)
from rsstl_jax.report.robustness_table import plot_robustness, render_robustness


class Counting(Locator):
    """Is off by as many metres as a scan has readings; says floor 1 and 4 m."""

    def __init__(self, part):
        super().__init__(part.access_points, part.dataset)
        self.origin_m, self.seen = part.position_m[0], []

    @property
    def labels(self):
        return np.array([[0, 1]])

    def answer(self, rss_dbm):
        self.seen.append(rss_dbm)
        number = (~np.isnan(rss_dbm)).sum(axis=1)
        position_m = self.origin_m + np.column_stack([number, 0 * number])
        label = np.zeros(len(number), np.int64)
        return Answers(position_m, label, np.full(len(number), 4.0), np.zeros((len(number), 1)))


@pytest.fixture
def part():
    """All fingerprints at one position, half of them on floor 1."""
    made = tiny.make_part(part="test")
    position_m = np.tile(made.position_m[0], (len(made), 1))
    return replace(made, position_m=position_m, floor=np.arange(len(made), dtype=np.int32) % 2)


def test_figures_are_those_of_the_corrupted_scans_that_have_a_reading(part):
    measured = measure_locator(Counting(part), part, num_draws=2, seed=3)
    for at, strength in enumerate(AXES["lost"].strengths):
        expected = []
        for draw in (0, 1):
            rss_dbm = corrupt(part, "lost", strength, draw=draw, seed=3).rss_dbm
            count = (~np.isnan(rss_dbm)).sum(axis=1)
            heard = count > 0
            floors = (part.floor[heard] == 1).mean()
            expected.append([count[heard].mean(), floors, (count[heard] <= 4).mean(), 4.0])
        found = [
            measured["lost"][f][at] for f in ("mae_m", "floor_hit", "within_radius", "radius_m")
        ]
        np.testing.assert_allclose(found, np.mean(expected, axis=0), atol=1e-4)
    for axis in AXES.values():
        curve = measured[next(n for n, a in AXES.items() if a is axis)]["mae_m"]
        assert len(curve) == len(axis.strengths)


def test_scans_without_a_reading_are_counted_and_one_must_be_left(part):
    """Two scans of one access point each: a fraction of half loses one of the two."""
    rss_dbm = np.full_like(part.rss_dbm[:2], np.nan)
    rss_dbm[0, 0], rss_dbm[1, 3] = -60.0, -80.0
    two = replace(part.take([0, 1]), rss_dbm=rss_dbm)
    silent = start_record(two, num_draws=3, seed=0)["silent"]
    assert silent["lost"] == [0.0, 0.0, 0.0, 0.5, 0.5, 0.5] and silent["missing"] == [0.0] * 6
    with pytest.raises(DataError, match="'lost' leaves no scan a reading"):
        start_record(two.take([0]), num_draws=1, seed=0)


def test_a_locator_gets_the_columns_in_its_own_order(part):
    turned = Counting(part)
    turned.access_points = part.access_points[::-1]
    measure_locator(turned, part, num_draws=1, seed=0)
    np.testing.assert_array_equal(turned.seen[0], part.rss_dbm[:, ::-1])
    turned.access_points = ("elsewhere", *part.access_points[1:])
    with pytest.raises(
        DataError, match=r"does not know \(AP0\) and lacks 1 that it needs \(elsewhere\)"
    ):
        measure_locator(turned, part, num_draws=1, seed=0)


def test_a_record_of_another_training_is_refused(part):
    """The measured errors are 0.01 m and more from the record's 5 m, and then no more than that."""
    record, locator = made_record("ours", 0, 1.0), Counting(part)
    errors_m = (~np.isnan(part.rss_dbm)).sum(axis=1)
    locator.origin_m = part.position_m[0] + np.array([5 - errors_m[errors_m > 0].mean(), 0])
    check_unchanged("home.jsonl", record, locator, part)
    locator.origin_m[0] += 0.02
    with pytest.raises(
        ConfigError, match=r"holds ours with a mean error of 5\.000 m, which is 5\."
    ):
        check_unchanged("home.jsonl", record, locator, part)


def made_record(name, seed, slope_m):
    """A record whose errors grow from 5 m by `slope_m` over half of each axis."""
    axes = {}
    for axis_name, axis in AXES.items():
        away = np.abs(axis.coordinates - axis.coordinates[axis.strengths.index(axis.none)])
        axes[axis_name] = {"mae_m": (5 + slope_m * away / np.ptp(axis.coordinates)).tolist()}
    return Record(name, seed, axes)


def test_means_along_an_axis_by_hand():
    errors_m = {axis: made["mae_m"] for axis, made in made_record("a", 0, 2.0).axes.items()}
    assert AXES["lost"].mean(errors_m["lost"]) == pytest.approx(6.0)
    assert AXES["lost"].mean_added(errors_m["lost"]) == pytest.approx(1.0)
    # From 5 m in the middle to 6 m at both ends.
    assert AXES["slope"].mean_added(errors_m["slope"]) == pytest.approx(0.5)
    # Offsets are not evenly spaced; the trapezoidal rule does not mind where errors are linear.
    assert AXES["offset"].mean_added(errors_m["offset"]) == pytest.approx(0.5)


def shared_of(part):
    return start_record(part, num_draws=2, seed=0)


def test_records_are_read_as_they_were_written(part, tmp_path):
    shared, records = shared_of(part), [made_record("a", 1, 1.0), made_record("b", None, 2.0)]
    write_records(tmp_path / "home.jsonl", shared, records)
    assert read_records(tmp_path / "home.jsonl") == (shared, records)
    with pytest.raises(ConfigError, match="seed was 0 and is 1"):
        check_shared(tmp_path / "home.jsonl", shared, start_record(part, num_draws=2, seed=1))
    check_shared(tmp_path / "home.jsonl", shared | {"versions": {"jax": "0"}}, shared)
    line = '{"name": "a", "seed": 1, "axes": {"lost": {}}}'
    for content, words in {
        b"{}\n{}\n": " is not what",
        f"{{}}\n{line}\n".encode(): " is not what",
        b"{}\n5\n": ", line 2: a JSON object",
        b"{}\n\xff\xfe\n": ", line 2: ",
    }.items():
        (tmp_path / "home.jsonl").write_bytes(content)
        with pytest.raises(DamagedError, match=rf"home\.jsonl{words}"):
            read_records(tmp_path / "home.jsonl")


def rows_of(table, name):
    return [line for line in table.splitlines() if line.startswith(f"| {name} |")]


def test_the_verdict_is_of_added_errors_paired_by_seed(part):
    """Half the added error with every seed, whatever the seed's own; the other has noise only."""
    records = []
    for seed, own in enumerate((1.0, 1.4, 2.2, 3.0, 3.1)):
        records += [made_record("baseline", seed, own), made_record("half", seed, own - 0.5)]
        records.append(made_record("noise", seed, own + (-1) ** seed * 0.3))
    table = render_robustness(shared_of(part), records, "baseline")
    differences = [row for row in rows_of(table, "half") if "[" in row]
    assert len(differences) == len(AXES)
    # Half of 0.5 m is the mean along an axis that starts without corruption.
    assert "-0.250 [-0.250, -0.250]" in differences[0] and "less sensitive" in differences[0]
    noise = [row for row in rows_of(table, "noise") if "[" in row]
    assert all("no significant difference" in row for row in noise)
    assert "| baseline | 5 | 5.00 ± 0.00 | 1.21 ± 0.09 |" in table
    assert "floor" not in table and "radius" not in table


def test_a_reference_without_a_seed_stands_beside_every_seed(part):
    records = [made_record("kNN", None, 2.0)]
    records += [made_record("half", seed, 1.5) for seed in range(3)]
    table = render_robustness(shared_of(part), records, "kNN")
    assert "-0.250 [-0.250, -0.250]" in next(row for row in rows_of(table, "half") if "[" in row)
    table = render_robustness(shared_of(part), records, "half")
    assert "Not compared with half: kNN, without two trainings whose seeds it has" in table
    # Nor is one left out without a word beside others that are compared.
    table = render_robustness(shared_of(part), [*records, made_record("ens", None, 1.0)], "kNN")
    assert rows_of(table, "half") and "Not compared with kNN: ens, without two" in table


def test_an_error_of_zero_has_no_multiples(part):
    exact = made_record("kNN", None, 2.0)
    for figures in exact.axes.values():
        figures["mae_m"] = [error_m - 5 for error_m in figures["mae_m"]]
    table = render_robustness(shared_of(part), [exact], "kNN")
    assert f"| kNN | 1 | 0.00 |{' - |' * len(AXES)}" in table


def test_the_picture_has_what_there_is(part, tmp_path):
    records = [made_record("baseline", 0, 1.0), made_record("baseline", 1, 2.0)]
    plot_robustness(tmp_path / "a.png", shared_of(part), records)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
