"""The site-agnostic network on a target that it has not seen: training, figures, yardsticks."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rsstl_jax.config import ConfigError
from rsstl_jax.data import (
    Fingerprints,
    Site,
    check_sources,
    grouped_validation_split,
    load_site,
    target_fraction,
)
from rsstl_jax.files import read_json, write_json
from rsstl_jax.lock import locked
from rsstl_jax.metrics import error_m, summarize
from rsstl_jax.models import AgnosticSettings
from rsstl_jax.train.agnostic import (
    LEARNING_RATE,
    fit_agnostic,
    fit_members,
    make_agnostic_localizer,
    predict_members_m,
)
from rsstl_jax.train.episodes import EpisodeSettings
from rsstl_jax.train.neighbours import (
    Neighbours,
    centroid_m,
    choose_neighbours,
    predict_neighbours,
)
from rsstl_jax.train.recorder import Recorder
from rsstl_jax.train.sharpness import sharpen
from rsstl_jax.types import Params
from rsstl_jax.workdir import log_start

__all__ = ["AgnosticPlan", "run_agnostic", "train_members"]

VALIDATION_FRACTION, VALIDATION_SEED = 0.15, 0
NUM_CHOOSING = 4000

# Fields that bear on the figures alone; every seed is a training of its own.
_FIGURES = {"shares", "num_subsets", "seeds", "rivals", "data_dir"}
# Fields that bear on the training at the target, not on that on the sources.
_TUNING = {"target", "evaluate_on", "tune_epochs", "tune_learning_rate", "tune_episodes"}


@dataclass(frozen=True)
class AgnosticPlan:
    """What is trained and measured.

    Args:
        target: dataset on which the network is measured.
        sources: datasets that it is trained on, none from the target's building.
        shares: shares of the target's train part that serve as support.
        num_subsets: random subsets of each share below 1.
        evaluate_on: "test", or "validation" for places held out of train.
        seeds: of the trainings; their mean place is measured, and each alone.
        epochs: of a training on the sources.
        learning_rate: Adam's step size at its start.
        tune_epochs: of a further training on the target's own episodes; 0: none.
        tune_learning_rate: Adam's step size at its start.
        network: sizes of the network.
        episodes: how they are drawn.
        tune_episodes: how the target's own are drawn.
        rivals: whether kNN and the centroid are measured on the same subsets.
        data_dir: folder of the datasets; empty: RSSTL_DATA_DIR, else the cache.

    Example:
        >>> AgnosticPlan("uji", ("tampere", "tut7")).shares
        (0.01, 0.1, 1.0)
    """

    target: str
    sources: tuple[str, ...]
    shares: tuple[float, ...] = (0.01, 0.1, 1.0)
    num_subsets: int = 3
    evaluate_on: str = "test"
    seeds: tuple[int, ...] = (0, 1, 2)
    epochs: int = 30
    learning_rate: float = LEARNING_RATE
    tune_epochs: int = 0
    tune_learning_rate: float = 5e-4
    network: AgnosticSettings = field(default_factory=AgnosticSettings)
    episodes: EpisodeSettings = field(default_factory=EpisodeSettings)
    tune_episodes: EpisodeSettings = field(
        default_factory=lambda: EpisodeSettings(
            min_support=512, max_support=2048, access_point_dropout=0.1, query_dropout=0.1
        )
    )
    rivals: bool = True
    data_dir: str = ""

    def digest(self, *, tuned: bool = False) -> str:
        """What tells the trainings on these sources, or at the target then, from all others."""
        dropped = _FIGURES if tuned else _FIGURES | _TUNING
        facts = {name: value for name, value in asdict(self).items() if name not in dropped}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def train_members(
    parts: Sequence[Fingerprints], plan: AgnosticPlan, recorder: Recorder
) -> list[Params]:
    """One training on the sources for each seed.

    Args:
        parts: train parts of the sources.
        plan: settings of the trainings.
        recorder: takes metrics and states.

    Returns:
        Parameters of each.

    Raises:
        DivergedError: if a loss stops being finite.

    Example:
        >>> import tempfile
        >>> plan = AgnosticPlan("home", ("synthetic-office",), seeds=(0,), epochs=1,
        ...                     network=AgnosticSettings(num_blocks=1),
        ...                     episodes=EpisodeSettings(num_queries=8, max_support=64))
        >>> parts = [load_site("synthetic-office").train]
        >>> with tempfile.TemporaryDirectory() as workdir:
        ...     members = train_members(parts, plan, Recorder(workdir))
        >>> len(members)
        1
    """
    return fit_members(
        plan.seeds,
        parts,
        network=plan.network,
        episodes=plan.episodes,
        epochs=plan.epochs,
        learning_rate=plan.learning_rate,
        name="sources",
        recorder=recorder,
    )


def run_agnostic(plan: AgnosticPlan, workdir: str | Path) -> dict[str, Any]:
    """Trains on the sources, and measures on the target with shares of its train part as support.

    Leaves metrics.jsonl, checkpoints/ and result.json in the workdir. Started again,
    it goes on where it stopped.

    Args:
        plan: what is trained and measured.
        workdir: folder of the run.

    Returns:
        The content of result.json: the plan, seconds of each training, and for every share the
        fingerprints of the support, the sharpness that its survey asks for, and, per method, the
        figures of its subsets. "agnostic" is the mean place of all members, "agnostic, as trained"
        has sharpness 1, "agnostic, one seed" has a figure for every seed and subset.

    Raises:
        DataError: if a dataset cannot be read, or a source is from the target's building.
        ConfigError: if the part to measure on is unknown.
        DivergedError: if a loss stops being finite.
        LockedError: if another process works in the workdir.

    Example:
        >>> import tempfile
        >>> plan = AgnosticPlan("synthetic-office", ("synthetic-mall",), shares=(1.0,), seeds=(0,),
        ...                     epochs=1, rivals=False, network=AgnosticSettings(num_blocks=1),
        ...                     episodes=EpisodeSettings(num_queries=8, max_support=64))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     result = run_agnostic(plan, folder)
        >>> len(result["shares"]["1.0"]["agnostic"]["mae_m"])
        1
    """
    check_sources(plan.target, plan.sources)
    parts = [load_site(source, data_dir=plan.data_dir or None).train for source in plan.sources]
    site = load_site(plan.target, data_dir=plan.data_dir or None)
    train, held_out = _cut(site, plan.evaluate_on)
    with locked(workdir):
        recorder = Recorder(workdir, owner=plan.digest())
        log_start(recorder, {part.dataset: part.digest() for part in (site.train, *parts)})
        begun = time.perf_counter()
        members = train_members(parts, plan, recorder)
        seconds = {"sources": time.perf_counter() - begun}
        shares = {
            str(share): _measure_share(plan, members, train, held_out, share)
            for share in plan.shares
        }
        if plan.tune_epochs:
            begun = time.perf_counter()
            tuned = _tune(plan, members, train, Recorder(workdir, owner=plan.digest(tuned=True)))
            seconds["target"] = time.perf_counter() - begun
            localizer = make_agnostic_localizer(plan.network, train)
            shares.setdefault("1.0", {})["fine-tuned"] = _figures(
                [predict_members_m(localizer, tuned, held_out)], held_out
            )
        result = {"plan": asdict(plan), "part": held_out.part, "seconds": seconds, "shares": shares}
        write_json(recorder.workdir / "result.json", result)
        return read_json(recorder.workdir / "result.json")


def _cut(site: Site, evaluate_on: str) -> tuple[Fingerprints, Fingerprints]:
    """What is known of the target, and what is measured on."""
    if evaluate_on == "test":
        return site.train, site.test
    if evaluate_on == "validation":
        return grouped_validation_split(
            site.train, fraction=VALIDATION_FRACTION, seed=VALIDATION_SEED
        )
    raise ConfigError(f"evaluate_on is {evaluate_on!r}; it must be test or validation")


def _measure_share(
    plan: AgnosticPlan,
    members: Sequence[Params],
    train: Fingerprints,
    held_out: Fingerprints,
    share: float,
) -> dict[str, Any]:
    """Figures of every method with subsets of this share of the train part as support."""
    subsets = [
        target_fraction(train, fraction=share, seed=seed)
        for seed in range(plan.num_subsets if share < 1 else 1)
    ]
    methods = ("agnostic", "agnostic, as trained", "agnostic, one seed")
    places: dict[str, list[np.ndarray]] = {method: [] for method in methods}
    sharpness: list[float] = []
    for subset in subsets:
        localizer = make_agnostic_localizer(plan.network, subset)
        sharp = sharpen(localizer, members, subset)
        sharpness.append(float(sharp.support.sharpness))
        places["agnostic"].append(predict_members_m(sharp, members, held_out))
        places["agnostic, as trained"].append(predict_members_m(localizer, members, held_out))
        places["agnostic, one seed"] += [
            predict_members_m(sharp, [params], held_out) for params in members
        ]
        if plan.rivals:
            places.setdefault("centroid", []).append(centroid_m(localizer, held_out))
            settings = _choose_neighbours(subset)
            known = predict_neighbours(settings, subset, held_out)
            places.setdefault("knn", []).append(known)
    return {"num_support": [len(subset) for subset in subsets], "sharpness": sharpness} | {
        method: _figures(predicted, held_out) for method, predicted in places.items()
    }


def _choose_neighbours(subset: Fingerprints) -> Neighbours:
    """Chosen on a validation part of the subset, or of a share of it: minutes instead of hours."""
    share = min(1.0, NUM_CHOOSING / len(subset))
    return choose_neighbours(
        target_fraction(subset, fraction=share, seed=0),
        encodings=("linear", "powed"),
        metrics=("euclidean", "braycurtis"),
    )[0]


def _figures(predicted_m: Sequence[np.ndarray], held_out: Fingerprints) -> dict[str, list[float]]:
    rows = [summarize(error_m(places, held_out.position_m)) for places in predicted_m]
    return {figure: [row[figure] for row in rows] for figure in rows[0]}


def _tune(
    plan: AgnosticPlan, members: Sequence[Params], train: Fingerprints, recorder: Recorder
) -> list[Params]:
    return [
        fit_agnostic(
            [train],
            network=plan.network,
            episodes=plan.tune_episodes,
            epochs=plan.tune_epochs,
            learning_rate=plan.tune_learning_rate,
            seed=seed,
            name=f"{plan.target}-{plan.evaluate_on}/seed-{seed}",
            recorder=recorder,
            params=params,
        )
        for seed, params in zip(plan.seeds, members, strict=True)
    ]
