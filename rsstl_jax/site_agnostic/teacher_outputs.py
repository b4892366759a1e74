"""What site-agnostic teachers say of a target's fingerprints, and how its students are told."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from rsstl_jax.data import Fingerprints
from rsstl_jax.engine.localizer import EVALUATION_ROWS, Localizer, in_chunks
from rsstl_jax.engine.radio_map import Survey, deal_folds, place_numbers
from rsstl_jax.engine.replicas import stack
from rsstl_jax.errors import DataError
from rsstl_jax.models import AgnosticNetwork, AgnosticSettings, Network, make_support
from rsstl_jax.models.network import ACTIVATIONS
from rsstl_jax.site_agnostic.training import make_agnostic_localizer
from rsstl_jax.types import Batch, Params, TeacherFn

__all__ = [
    "Answers",
    "answer",
    "as_teachers",
    "ask_answers",
    "average_with",
    "join_teachers",
]


class Answers(NamedTuple):
    """What N site-agnostic teachers say of a target's fingerprints, the unlabelled ones last."""

    frame: jax.Array  # float[N, R + U, F]: Z^F of each teacher
    extract: jax.Array  # float[N, R + U, D]: Z^E of each teacher
    # float[R + U, 2]: Their mean place, centred as the preprocessor does, metres
    place_m: jax.Array
    unlabelled_dbm: jax.Array  # float[U, A]: The fingerprints whose places are unknown, dBm
    # parameters of each teacher, where a student of the same network may start
    members: tuple[Params, ...] = ()

    def unlabelled(self) -> Batch | None:
        """The unlabelled ones with the teachers' places for theirs; None: there are none."""
        count = len(self.unlabelled_dbm)
        if count == 0:
            return None
        row = jnp.arange(len(self.place_m) - count, len(self.place_m))
        return Batch(self.unlabelled_dbm, self.place_m[row], row)


def answer(
    settings: AgnosticSettings,
    members: Sequence[Params],
    train: Fingerprints,
    unlabelled_dbm: ArrayLike | None = None,
) -> Answers:
    """Asks site-agnostic networks about a target's train part, without telling them the answer."""
    localizer = make_agnostic_localizer(settings, train)
    preprocessor = localizer.preprocessor
    fold = deal_folds(place_numbers(train))
    if fold.max() == 0:
        raise DataError(
            f"{train.dataset} {train.part}: one place only; a site-agnostic teacher needs others "
            "to say anything of it"
        )
    survey = localizer.survey
    assert survey is not None, "make_agnostic_localizer gives it one"
    ask = partial(_ask, localizer.network, stack(members), survey)
    folds = [np.flatnonzero(fold == number) for number in range(int(fold.max()) + 1)]
    # Equal shapes are compiled once; what fills them up is dropped again.
    size = min(max(map(len, folds)), EVALUATION_ROWS)
    pieces = [
        _padded(partial(ask, jnp.asarray(fold != number)), survey.level[rows], size)
        for number, rows in enumerate(folds)
    ]
    known = jax.tree.map(lambda *leaves: jnp.concatenate(leaves, axis=1), *pieces)
    known = jax.tree.map(lambda leaf: leaf[:, np.argsort(np.concatenate(folds))], known)
    asked_dbm = jnp.zeros((0, train.num_access_points))
    if unlabelled_dbm is not None:
        asked_dbm = jnp.asarray(unlabelled_dbm)
        everything = partial(ask, jnp.ones(len(train), bool))
        others = _padded(everything, preprocessor.encode(asked_dbm), size)
        known = jax.tree.map(lambda *pair: jnp.concatenate(pair, axis=1), known, others)
    frame, extract, location = known
    place_m = location.mean(axis=0) * preprocessor.scale_m
    return Answers(frame, extract, place_m, asked_dbm, tuple(members))


@partial(jax.jit, static_argnums=0)
def _ask(
    network: AgnosticNetwork,
    members: Params,
    survey: Survey,
    valid: jax.Array,
    asked: jax.Array,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Frame, extract and location of the asked under each member; the valid rows are support."""
    support = make_support(*survey, valid)
    of_one = lambda params: network.apply({"params": params}, asked, support)[:3]  # noqa: E731
    return jax.vmap(of_one)(members)


def _padded(function: Callable[[jax.Array], Any], rows: jax.Array, size: int) -> Any:
    """A function of `size` rows applied to any number of them; results have rows on axis 1."""
    pieces = []
    for start in range(0, len(rows), size):
        piece = rows[start : start + size]
        filled = jnp.pad(piece, ((0, size - len(piece)), (0, 0)), mode="edge")
        pieces.append(function(filled))
    whole = jax.tree.map(lambda *leaves: jnp.concatenate(leaves, axis=1), *pieces)
    return jax.tree.map(lambda leaf: leaf[:, : len(rows)], whole)


def average_with(answers: Answers, localizer: Localizer, params: Params) -> Answers:
    """The answers with the mean of the teachers' and a student's places for unlabelled rows."""
    if len(answers.unlabelled_dbm) == 0:
        raise ValueError("answers has no unlabelled fingerprint to average places for")
    locate = jax.jit(lambda rows: localizer.represent(params, rows).location)
    place_m = in_chunks(locate, answers.unlabelled_dbm) * localizer.preprocessor.scale_m
    labelled = len(answers.place_m) - len(place_m)
    own = jnp.concatenate([answers.place_m[:labelled], place_m])
    return answers._replace(place_m=(answers.place_m + own) / 2)


def as_teachers(answers: Answers, network: Network) -> Params:
    """Answers in the student's widths: Z = act(P (z - mean) / sd), P fixed, random, orthogonal."""
    orthogonal = jax.nn.initializers.orthogonal()
    frame_key, extract_key = jax.random.split(jax.random.key(0))
    return {
        "frame": _standardized(answers.frame),
        "extract": _standardized(answers.extract),
        "frame_map": orthogonal(frame_key, (answers.frame.shape[-1], network.frame_width)),
        "extract_map": orthogonal(extract_key, (answers.extract.shape[-1], network.extract_width)),
    }


def _standardized(leaf: jax.Array) -> jax.Array:
    spread = leaf.std(axis=1, keepdims=True)
    return (leaf - leaf.mean(axis=1, keepdims=True)) / jnp.where(spread > 0, spread, 1.0)


def ask_answers(network: Network) -> TeacherFn:
    """Site-agnostic teachers as a TeacherFn: their outputs for the fingerprints of the batch."""
    activation = ACTIVATIONS[network.extract_activation]

    def ask(teachers: Params, key: jax.Array, batch: Batch) -> tuple[jax.Array, jax.Array]:
        frame = teachers["frame"][:, batch.row] @ teachers["frame_map"]
        return frame, activation(teachers["extract"][:, batch.row] @ teachers["extract_map"])

    return ask


def join_teachers(*kinds: TeacherFn) -> TeacherFn:
    """Teachers of several kinds as one function; their parameters are a tuple in the same order."""

    def ask(teachers: Params, key: jax.Array, batch: Batch) -> tuple[jax.Array, jax.Array]:
        answers = [kind(own, key, batch) for kind, own in zip(kinds, teachers, strict=True)]
        frames, extracts = zip(*answers, strict=True)
        return jnp.concatenate(frames), jnp.concatenate(extracts)

    return ask
