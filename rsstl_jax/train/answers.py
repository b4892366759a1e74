"""What site-agnostic teachers say of a target's fingerprints, and how its students are told."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from rsstl_jax.data import DataError, Fingerprints
from rsstl_jax.models import AgnosticNetwork, AgnosticSettings, Network, make_support
from rsstl_jax.models.network import ACTIVATIONS
from rsstl_jax.train.agnostic import make_agnostic_localizer
from rsstl_jax.train.localizer import EVALUATION_ROWS, Localizer, in_chunks
from rsstl_jax.train.replicas import stack
from rsstl_jax.train.surrogate import TeacherFn
from rsstl_jax.train.survey import Survey, deal_folds, place_numbers
from rsstl_jax.types import Batch, Params

__all__ = [
    "Answers",
    "answer",
    "as_teachers",
    "ask_answers",
    "average_with",
    "join_teachers",
]


class Answers(NamedTuple):
    """What N site-agnostic teachers say of a target's fingerprints, the unlabelled ones last.

    Args:
        frame: float[N, R + U, F]. Z^F of each teacher.
        extract: float[N, R + U, D]. Z^E of each teacher.
        place_m: float[R + U, 2]. Their mean place, centred as the preprocessor does, metres.
        unlabelled_dbm: float[U, A]. The fingerprints whose places are unknown, dBm.
        members: parameters of each teacher, where a student of the same network may start.

    Example:
        >>> answers = Answers(*[jnp.zeros((1, 4, 48))] * 2, jnp.zeros((4, 2)), jnp.zeros((1, 9)))
        >>> answers.unlabelled().row.tolist()
        [3]
    """

    frame: jax.Array
    extract: jax.Array
    place_m: jax.Array
    unlabelled_dbm: jax.Array
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
    """Asks site-agnostic networks about a target's train part, without telling them the answer.

    The places of the train part are dealt into ten folds. A fingerprint of one fold is located
    with the others as support, so that none of its own place is among them; unlabelled ones are
    located with the whole part.

    Args:
        settings: sizes of the network.
        members: parameters of each teacher.
        train: fingerprints of the target with known places.
        unlabelled_dbm: float[U, A]. Readings of others of the target, same access points, whose
            places are unknown.

    Returns:
        Answers.

    Raises:
        DataError: if the train part has one place only, or no reading.

    Example:
        >>> from rsstl_jax import load_site
        >>> from rsstl_jax.train import init_agnostic
        >>> settings = AgnosticSettings(width=8, num_heads=2, num_blocks=1, feed_width=8)
        >>> members = [init_agnostic(settings, jax.random.key(0))]
        >>> answer(settings, members, load_site("synthetic-office").train).extract.shape
        (1, 600, 8)
    """
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
    """The answers with the mean of the teachers' and a student's places for unlabelled rows.

    Two that err differently are better together than each alone. For labelled fingerprints, whose
    places the student has learnt, the teachers' alone stay.

    Args:
        answers: from `answer`.
        localizer: the student's network at the target.
        params: the student's parameters.

    Returns:
        Answers.

    Raises:
        ValueError: if nothing is unlabelled.

    Example:
        >>> from rsstl_jax import default_config, load_site
        >>> from rsstl_jax.train import make_localizer
        >>> train = load_site("synthetic-office").train
        >>> localizer = make_localizer(default_config(), train)
        >>> params = localizer.init(jax.random.key(0), train.num_access_points)
        >>> unlabelled = jnp.asarray(train.rss_dbm[:4])
        >>> answers = Answers(*[jnp.ones((1, 9, 48))] * 2, jnp.zeros((9, 2)), unlabelled)
        >>> average_with(answers, localizer, params).place_m[:5].tolist() == [[0.0, 0.0]] * 5
        True
    """
    if len(answers.unlabelled_dbm) == 0:
        raise ValueError("answers has no unlabelled fingerprint to average places for")
    locate = jax.jit(lambda rows: localizer.represent(params, rows).location)
    place_m = in_chunks(locate, answers.unlabelled_dbm) * localizer.preprocessor.scale_m
    labelled = len(answers.place_m) - len(place_m)
    own = jnp.concatenate([answers.place_m[:labelled], place_m])
    return answers._replace(place_m=(answers.place_m + own) / 2)


def as_teachers(answers: Answers, network: Network) -> Params:
    """Answers in the student's own widths, as the parameters that `ask_answers` looks them up in.

        Z = act(P (z - mean) / sd),  P a fixed random orthogonal map

    Mean and sd are those of each component over the target's fingerprints, act is what the
    student's extractor ends in. A map onto a wider space keeps all inner products.

    Args:
        answers: from `answer`.
        network: the student.

    Returns:
        Pytree of float[N, R + U, ...] and the two maps.

    Example:
        >>> from rsstl_jax import default_config, make_network
        >>> answers = Answers(*[jnp.ones((2, 4, 48))] * 2, jnp.zeros((4, 2)), jnp.zeros((0, 9)))
        >>> teachers = as_teachers(answers, make_network(default_config()))
        >>> teachers["extract_map"].shape
        (48, 300)
    """
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
    """Site-agnostic teachers as phase 2 asks its teachers: of the very fingerprints of the batch.

    Args:
        network: the student.

    Returns:
        TeacherFn of what `as_teachers` made; no noise is drawn.

    Example:
        >>> from rsstl_jax import default_config, make_network
        >>> network = make_network(default_config())
        >>> answers = Answers(*[jnp.ones((2, 4, 48))] * 2, jnp.zeros((4, 2)), jnp.zeros((0, 9)))
        >>> batch = Batch(jnp.zeros((3, 9)), jnp.zeros((3, 2)), jnp.arange(3))
        >>> teachers = as_teachers(answers, network)
        >>> ask_answers(network)(teachers, jax.random.key(0), batch)[1].shape
        (2, 3, 300)
    """
    activation = ACTIVATIONS[network.extract_activation]

    def ask(teachers: Params, key: jax.Array, batch: Batch) -> tuple[jax.Array, jax.Array]:
        frame = teachers["frame"][:, batch.row] @ teachers["frame_map"]
        return frame, activation(teachers["extract"][:, batch.row] @ teachers["extract_map"])

    return ask


def join_teachers(*kinds: TeacherFn) -> TeacherFn:
    """Teachers of several kinds as one function; their parameters are a tuple in the same order.

    Args:
        kinds: how each kind is asked.

    Returns:
        TeacherFn; its N is the sum of theirs.

    Example:
        >>> of_two = lambda params, key, batch: (jnp.ones((2, 3, 4)), jnp.ones((2, 3, 5)))
        >>> join_teachers(of_two, of_two)(((), ()), jax.random.key(0), None)[0].shape
        (4, 3, 4)
    """

    def ask(teachers: Params, key: jax.Array, batch: Batch) -> tuple[jax.Array, jax.Array]:
        answers = [kind(own, key, batch) for kind, own in zip(kinds, teachers, strict=True)]
        frames, extracts = zip(*answers, strict=True)
        return jnp.concatenate(frames), jnp.concatenate(extracts)

    return ask
