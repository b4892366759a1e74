"""What a method predicts for a part of a dataset, and its figures by the field's protocols."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsstl_jax.data import Fingerprints
from rsstl_jax.data.buildings import floor_height_m, is_web_mercator
from rsstl_jax.engine.locator import Locator
from rsstl_jax.engine.prototypes import NO_LABEL
from rsstl_jax.metrics import (
    error_3d_m,
    error_m,
    evaal_error_m,
    floor_hit_rate,
    ground_error_m,
    ipin_score_m,
)


class Predicted(NamedTuple):
    """Predictions for n fingerprints; None stands for what the method does not predict."""

    position_m: NDArray[np.float64]  # [n, 2]
    floor: NDArray[np.int64] | None = None  # [n]
    building: NDArray[np.int64] | None = None  # [n]
    radius_m: NDArray[np.float64] | None = None  # [n]


def predict(locator: Locator, part: Fingerprints) -> Predicted:
    """What a locator predicts for a part with its own access points."""
    answers = locator.answer(part.rss_dbm)
    floor = building = None
    if locator.labels is not None:
        building, floor = (
            None if (column == NO_LABEL).all() else column
            for column in locator.labels[answers.label].T
        )
    radius_m = None if np.isnan(answers.radius_m).any() else answers.radius_m
    return Predicted(answers.position_m, floor, building, radius_m)


def protocol_figures(predicted: Predicted, part: Fingerprints) -> dict[str, float]:
    """The figures of the field's protocols, as far as the site and the method have them."""
    figures: dict[str, float] = {}
    positions: tuple[Any, Any] = predicted.position_m, part.position_m
    building_wrong = np.zeros(len(part), bool)
    if predicted.building is not None and part.building is not None:
        figures["building_hit_rate"] = floor_hit_rate(predicted.building, part.building)
        building_wrong = predicted.building != part.building
    if predicted.floor is not None and part.floor is not None:
        figures = {"floor_hit_rate": floor_hit_rate(predicted.floor, part.floor)} | figures
        wrong: dict[str, Any] = {
            "floors_off": np.abs(predicted.floor - part.floor),
            "building_wrong": building_wrong,
        }
        figures["evaal_mae_m"] = float(evaal_error_m(*positions, **wrong).mean())
        figures["ipin_p75_m"] = ipin_score_m(*positions, **wrong)
        if height_m := floor_height_m(part.dataset):
            errors_m = error_3d_m(
                *positions,
                predicted_height_m=height_m * predicted.floor,
                actual_height_m=height_m * part.floor,
            )
            figures["mae_3d_m"] = float(errors_m.mean())
    if is_web_mercator(part.dataset):
        figures["ground_mae_m"] = float(ground_error_m(*positions).mean())
    if predicted.radius_m is not None:
        inside = error_m(*positions) <= predicted.radius_m
        figures["coverage"] = float(inside.mean())
        figures["mean_radius_m"] = float(predicted.radius_m.mean())
    return figures


def mean_by_group(
    errors_m: Sequence[NDArray[np.float64]], part: Fingerprints
) -> dict[str, dict[str, list[float]]]:
    """{"phone" or "month": {its name: the mean of each set of errors}}, where they are known."""
    return {
        kind: {
            name: [float(errors[of_kind == name].mean()) for errors in errors_m]
            for name in np.unique(of_kind).tolist()
        }
        for kind, of_kind in part.groups().items()
    }


def count_by_group(train: Fingerprints, held_out: Fingerprints) -> dict[str, Any]:
    """Fingerprints of each phone and month that was measured, as result.json has them."""
    trained = train.groups()
    numbers = {
        kind: {
            name: {
                "train": int((trained[kind] == name).sum()),
                "evaluated": int((of_kind == name).sum()),
            }
            for name in np.unique(of_kind).tolist()
        }
        for kind, of_kind in held_out.groups().items()
        if kind in trained
    }
    return {"num_by_group": numbers} if numbers else {}
