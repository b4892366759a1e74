"""What a caller hands to a locator: arrays of readings, radio maps, access points' spellings."""

import copy
import dataclasses

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import tiny

from rsstl_jax import load_pretrained, load_site
from rsstl_jax.data import Layout
from rsstl_jax.engine.input_order import in_order_of
from rsstl_jax.engine.radius import NUM_FEATURES, RadiusModel
from rsstl_jax.errors import DataError
from rsstl_jax.serving.ensemble import Ensemble

PART = tiny.make_part()


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    return tiny.save_untrained(tmp_path_factory.mktemp("student"))


@pytest.mark.parametrize("rows", [PART.rss_dbm[0], PART.rss_dbm[:, :4], PART.rss_dbm[:0]])
def test_rows_of_another_shape_are_refused(student, rows):
    for locator in student, Ensemble([student]):
        with pytest.raises(DataError, match=r"rss_dbm has shape .*; \[n, 6\] is expected"):
            locator.predict_m(rows)
        with pytest.raises(DataError, match=r"rss_dbm has shape .*; \[n, 6\] is expected"):
            locator.answer(rows)


def test_a_level_that_stands_for_undetected_is_refused(student):
    rows = np.nan_to_num(PART.rss_dbm, nan=100.0)
    row, column = np.argwhere(rows == 100)[0]
    message = rf"row {row}, access point 'AP{column}': 100 is above 0 dBm; undetected is NaN here"
    with pytest.raises(DataError, match=message):
        student.predict_m(rows)


@pytest.mark.parametrize(
    "scans",
    [
        *(PART.rss_dbm[0], PART.rss_dbm[:, :4], [{"AP0": -61.0}], "AP0", [[-61.0], [-61.0, -70.0]]),
        np.zeros(3, [("AP0", np.float32)]),
    ],
)
def test_an_array_that_does_not_fit_its_names_is_refused(student, scans):
    with pytest.raises(DataError, match=r"an array \[n, 6\] is expected"):
        student.locate(scans, access_points=PART.access_points)


def test_arrays_are_located_by_the_names_of_their_columns(student):
    table = pd.DataFrame(PART.rss_dbm, columns=PART.access_points)
    answers = student.locate(table)
    of_jax = [jnp.asarray(PART.rss_dbm, dtype) for dtype in (jnp.float32, jnp.bfloat16)]
    for scans in PART.rss_dbm, PART.rss_dbm.tolist(), *of_jax:
        found = student.locate(scans, access_points=PART.access_points)
        pd.testing.assert_frame_equal(found, answers)
    with pytest.raises(DataError, match="scans is a ndarray, whose columns have no names"):
        student.locate(PART.rss_dbm)
    with pytest.raises(DataError, match="names of its own; leave access_points out"):
        student.locate(table, access_points=PART.access_points[::-1])


def test_labels_are_read_off_a_radio_map_of_the_same_site_alone(student):
    floor = np.zeros(len(PART), np.int32)
    moved = dataclasses.replace(PART, dataset="mall", position_m=PART.position_m + 90, floor=floor)
    with pytest.raises(DataError, match=r"mall: its fingerprints lie 1\d\d m from those of home"):
        student.read_labels(moved)
    others = tuple(f"other-{number}" for number in range(len(PART.access_points)))
    with pytest.raises(DataError, match="mall detected none of the 6 access points of home"):
        student.read_labels(
            dataclasses.replace(PART, dataset="mall", floor=floor, access_points=others)
        )
    student.read_labels(dataclasses.replace(PART, floor=floor))
    student.radius = RadiusModel(jnp.zeros(NUM_FEATURES), jnp.zeros(()), jnp.ones(1))
    floor[3:] = 1
    with pytest.raises(DataError, match="other floors or buildings than its radius knows"):
        student.read_labels(dataclasses.replace(PART, floor=floor))
    student.prototypes = student.radius = None


def test_metres_from_another_longitude_and_latitude_are_no_positions_of_a_student(student):
    layouts = [Layout(positions="degrees", origin=(13.0, north)) for north in (52.0, 52.0001)]
    later = copy.copy(student)
    student.layout, later.layout = layouts
    message = r'home: positions are metres from .* \[13.0, 52.0001\] here.*"origin": \[13.0, 52.0\]'
    for act in (
        lambda: student.read_labels(dataclasses.replace(PART, layout=later.layout)),
        lambda: Ensemble([student, later]),
    ):
        with pytest.raises(DataError, match=message):
            act()
    # An earlier version did not keep it.
    student.layout = Layout(positions="degrees")
    Ensemble([student, later])
    student.layout = Layout()


def test_a_site_in_place_of_its_train_part_is_refused():
    with pytest.raises(DataError, match=r"radio_map is a Site; .* as site\.train"):
        load_pretrained().fit(load_site("synthetic-office"))


def test_access_points_match_whatever_their_case(student):
    names = [name.lower() for name in PART.access_points[::-1]]
    spelled = dataclasses.replace(PART, rss_dbm=PART.rss_dbm[:, ::-1].copy(), access_points=names)
    ordered = in_order_of(student, spelled)
    np.testing.assert_array_equal(ordered.rss_dbm, PART.rss_dbm)


def test_answers_keep_the_index_of_a_table_of_scans(student):
    rows = pd.DataFrame({"AP0": [-61.0, -70.0, -64.0]}, index=[7, 3, 5])
    answers = student.locate(rows)
    assert answers.index.tolist() == [7, 3, 5]
    pd.testing.assert_frame_equal(answers.loc[[3]], student.locate(rows.loc[[3]]))


def test_an_access_point_that_is_lacking_is_named_and_other_spellings_are_not(student):
    names = tuple(name.lower() for name in PART.access_points[:5])
    part = dataclasses.replace(PART, rss_dbm=PART.rss_dbm[:, :5], access_points=names)
    with pytest.raises(DataError, match=r"points; the dataset lacks 1 that it needs \(AP5\)$"):
        in_order_of(student, part)
