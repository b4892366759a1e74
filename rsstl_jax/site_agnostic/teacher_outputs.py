"""What site-agnostic teachers predict for a target, and how its students are given it."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from rsstl_jax._numerics import seed_key
from rsstl_jax.data import Fingerprints
from rsstl_jax.data.preprocess import to_device
from rsstl_jax.engine.radio_map import RadioMap, deal_folds
from rsstl_jax.engine.replicas import stack
from rsstl_jax.engine.site_network import EVALUATION_ROWS, SiteNetwork, in_chunks
from rsstl_jax.errors import DataError
from rsstl_jax.models import Network
from rsstl_jax.models.network import ACTIVATIONS
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.models.site_agnostic.support import make_support
from rsstl_jax.models.site_agnostic.token_network import AgnosticNetwork
from rsstl_jax.site_agnostic.training import make_agnostic_site_network
from rsstl_jax.types import Batch, Params, TeacherFn


class TeacherOutputs(NamedTuple):
    """Outputs of N site-agnostic teachers for a target's fingerprints, the unlabelled ones last."""

    frame: jax.Array  # float[N, R + U, F]: Z^F of each teacher
    extract: jax.Array  # float[N, R + U, D]: Z^E of each teacher
    position_m: jax.Array  # float[R + U, 2]: their mean position, centred at the site, metres
    unlabelled_dbm: jax.Array  # float[U, A]: the unlabelled fingerprints, as in `Batch`
    # parameters of each teacher, where a student of the same network may start
    members: tuple[Params, ...] = ()

    def pseudo_labelled(self) -> Batch | None:
        """The unlabelled fingerprints with the teachers' positions; None: there are none."""
        count = len(self.unlabelled_dbm)
        if count == 0:
            return None
        row = jnp.arange(len(self.position_m) - count, len(self.position_m), dtype=jnp.int32)
        return Batch(self.unlabelled_dbm, self.position_m[row], row)


def cross_predict(
    settings: AgnosticSettings,
    members: Sequence[Params],
    train: Fingerprints,
    unlabelled_dbm: ArrayLike | None = None,
) -> TeacherOutputs:
    """Teachers' outputs for a target's training set, each fold with the others as radio map."""
    site_network = make_agnostic_site_network(settings, train)
    preprocessor, radio_map = site_network.preprocessor, site_network.survey
    assert radio_map is not None, "make_agnostic_site_network gives it one"
    fold = deal_folds(np.asarray(radio_map.place))
    if fold.max() == 0:
        raise DataError(
            f"{train.dataset} {train.part}: one position only; a site-agnostic teacher needs "
            "others to locate it"
        )
    represent = partial(_represent, site_network.network, stack(members), radio_map)
    folds = [np.flatnonzero(fold == number) for number in range(int(fold.max()) + 1)]
    # Equal shapes are compiled once; what fills them up is dropped again.
    size = min(max(map(len, folds)), EVALUATION_ROWS)
    pieces = [
        _padded(partial(represent, jnp.asarray(fold != number)), radio_map.level[rows], size)
        for number, rows in enumerate(folds)
    ]
    outputs = jax.tree.map(lambda *leaves: jnp.concatenate(leaves, axis=1), *pieces)
    outputs = jax.tree.map(lambda leaf: leaf[:, np.argsort(np.concatenate(folds))], outputs)
    unlabelled = jnp.zeros((0, train.num_access_points), jnp.float32)
    if unlabelled_dbm is not None:
        unlabelled = to_device(np.asarray(unlabelled_dbm))
        with_all = partial(represent, jnp.ones(len(train), bool))
        others = _padded(with_all, preprocessor.encode(unlabelled), size)
        outputs = jax.tree.map(lambda *pair: jnp.concatenate(pair, axis=1), outputs, others)
    frame, extract, location = outputs
    position_m = location.mean(axis=0) * preprocessor.scale_m
    return TeacherOutputs(frame, extract, position_m, unlabelled, tuple(members))


@partial(jax.jit, static_argnums=0)
def _represent(
    network: AgnosticNetwork,
    members: Params,
    radio_map: RadioMap,
    valid: jax.Array,
    level: jax.Array,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Frame, extract and location under each member; the valid rows are the support."""
    support = make_support(*radio_map, valid)
    with_member = lambda params: network.apply({"params": params}, level, support)[:3]  # noqa: E731
    return jax.vmap(with_member)(members)


def _padded(function: Callable[[jax.Array], Any], rows: jax.Array, size: int) -> Any:
    """A function of `size` rows applied to any number of them; results have rows on axis 1."""
    pieces = []
    for start in range(0, len(rows), size):
        piece = rows[start : start + size]
        filled = jnp.pad(piece, ((0, size - len(piece)), (0, 0)), mode="edge")
        pieces.append(function(filled))
    joined = jax.tree.map(lambda *leaves: jnp.concatenate(leaves, axis=1), *pieces)
    return jax.tree.map(lambda leaf: leaf[:, : len(rows)], joined)


def average_with_student(
    outputs: TeacherOutputs, site_network: SiteNetwork, params: Params
) -> TeacherOutputs:
    """The outputs with unlabelled positions averaged with those that a student predicts."""
    locate = jax.jit(lambda rows: site_network.represent(params, rows).location)
    predicted_m = in_chunks(locate, outputs.unlabelled_dbm) * site_network.preprocessor.scale_m
    num_labelled = len(outputs.position_m) - len(predicted_m)
    student_m = jnp.concatenate([outputs.position_m[:num_labelled], predicted_m])
    return outputs._replace(position_m=(outputs.position_m + student_m) / 2)


def lookup_params(outputs: TeacherOutputs, network: Network) -> Params:
    """Outputs in the student's widths: Z = act(P (z - mean) / sd), P fixed, random, orthogonal."""
    orthogonal = jax.nn.initializers.orthogonal(dtype=jnp.float32)
    frame_key, extract_key = jax.random.split(seed_key(0))
    return {
        "frame": _standardized(outputs.frame),
        "extract": _standardized(outputs.extract),
        "frame_map": orthogonal(frame_key, (outputs.frame.shape[-1], network.frame_width)),
        "extract_map": orthogonal(extract_key, (outputs.extract.shape[-1], network.extract_width)),
    }


def _standardized(leaf: jax.Array) -> jax.Array:
    spread = leaf.std(axis=1, keepdims=True)
    return (leaf - leaf.mean(axis=1, keepdims=True)) / jnp.where(spread > 0, spread, 1.0)


def make_lookup_fn(network: Network) -> TeacherFn:
    """Site-agnostic teachers as a TeacherFn: their outputs for the fingerprints of the batch."""
    activation = ACTIVATIONS[network.extract_activation]

    def look_up(teachers: Params, key: jax.Array, batch: Batch) -> tuple[jax.Array, jax.Array]:
        frame = teachers["frame"][:, batch.row] @ teachers["frame_map"]
        return frame, activation(teachers["extract"][:, batch.row] @ teachers["extract_map"])

    return look_up


def join_teacher_fns(*kinds: TeacherFn) -> TeacherFn:
    """Teachers of several kinds as one function; their parameters are a tuple in the same order."""

    def represent(teachers: Params, key: jax.Array, batch: Batch) -> tuple[jax.Array, jax.Array]:
        outputs = [kind(params, key, batch) for kind, params in zip(kinds, teachers, strict=True)]
        frames, extracts = zip(*outputs, strict=True)
        return jnp.concatenate(frames), jnp.concatenate(extracts)

    return represent
