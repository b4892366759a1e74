"""The site-agnostic network on a target that it has not seen: training, figures, yardsticks."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from rsstl_jax.baselines.knn import Neighbours, centroid_m, choose_neighbours, predict_neighbours
from rsstl_jax.data import (
    Fingerprints,
    Site,
    check_sources,
    grouped_validation_split,
    load_site,
    target_fraction,
)
from rsstl_jax.metrics import error_m, summarize_each
from rsstl_jax.site_agnostic.plan import AgnosticPlan, open_agnostic
from rsstl_jax.site_agnostic.temperature import sharpen
from rsstl_jax.site_agnostic.training import (
    fit_agnostic,
    fit_members,
    make_agnostic_localizer,
    predict_members_m,
)
from rsstl_jax.site_agnostic.weights import Pretrained, save_pretrained
from rsstl_jax.store.files import read_json, write_json
from rsstl_jax.store.lock import locked
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.store.workdir import log_start, provenance
from rsstl_jax.types import Params

__all__ = ["pretrain", "run_agnostic", "train_members"]

VALIDATION_FRACTION, VALIDATION_SEED = 0.15, 0
NUM_CHOOSING = 4000


def train_members(
    parts: Sequence[Fingerprints], plan: AgnosticPlan, recorder: Recorder
) -> list[Params]:
    """One training on the sources for each seed."""
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


def pretrain(
    plan: AgnosticPlan, workdir: str | Path, folder: str | Path, *, command: str = ""
) -> Pretrained:
    """Trains on all sources at once and writes the bundle that locates anywhere else."""
    parts = [load_site(source, data_dir=plan.data_dir or None).train for source in plan.sources]
    digests = {part.dataset: part.digest() for part in parts}
    begun = time.perf_counter()
    with locked(workdir):
        recorder = open_agnostic(plan, workdir)
        log_start(recorder, digests)
        members = train_members(parts, plan, recorder)
    report = {
        "command": command,
        "episodes": asdict(plan.episodes),
        "epochs": plan.epochs,
        "learning_rate": plan.learning_rate,
        "seeds": list(plan.seeds),
        "seconds": round(time.perf_counter() - begun, 1),
        "data": digests,
        **provenance(),
    }
    made = Pretrained(plan.network, tuple(members), plan.sources, report)
    save_pretrained(folder, made)
    return made


def run_agnostic(plan: AgnosticPlan, workdir: str | Path) -> dict[str, Any]:
    """Trains on the sources, then measures on the target with fractions of it as support."""
    check_sources(plan.target, plan.sources)
    parts = [load_site(source, data_dir=plan.data_dir or None).train for source in plan.sources]
    site = load_site(plan.target, data_dir=plan.data_dir or None)
    train, held_out = _cut(site, plan.evaluate_on)
    with locked(workdir):
        recorder = open_agnostic(plan, workdir)
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
            shares.setdefault("1.0", {"num_support": [len(train)]})["fine-tuned"] = _figures(
                [predict_members_m(localizer, tuned, held_out)], held_out
            )
        started = next(r for r in recorder.records() if r.get("run") == "start")
        result = {
            "plan": asdict(plan),
            "start": {key: value for key, value in started.items() if key != "run"},
            "part": held_out.part,
            "seconds": seconds,
            "shares": shares,
        }
        write_json(recorder.workdir / "result.json", result)
        return read_json(recorder.workdir / "result.json")


def _cut(site: Site, evaluate_on: str) -> tuple[Fingerprints, Fingerprints]:
    """What is known of the target, and what is measured on."""
    if evaluate_on == "test":
        return site.train, site.test
    return grouped_validation_split(site.train, fraction=VALIDATION_FRACTION, seed=VALIDATION_SEED)


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
        sharp = sharpen(localizer, members)
        sharpness.append(float(sharp.support.sharpness))
        places["agnostic"].append(predict_members_m(sharp, members, held_out))
        places["agnostic, as trained"].append(predict_members_m(localizer, members, held_out))
        places["agnostic, one seed"] += [
            predict_members_m(sharp, [params], held_out) for params in members
        ]
        if plan.rivals:
            places.setdefault("centroid", []).append(centroid_m(subset, held_out))
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
    return summarize_each(error_m(places, held_out.position_m) for places in predicted_m)


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
