"""A small classifier of building and floor, trained apart from a locator's network."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from numpy.typing import NDArray

from rsstl_jax._numerics import seed_key, unit_vectors
from rsstl_jax.data import Fingerprints, Preprocessor, encode_rss
from rsstl_jax.data.augment import augment_rss
from rsstl_jax.data.preprocess import UNDETECTED_DBM, to_device
from rsstl_jax.engine.loop import make_epochs, make_step
from rsstl_jax.engine.train_state import make_optimizer, make_state
from rsstl_jax.models.dnn import DenseStack
from rsstl_jax.models.network import init_params
from rsstl_jax.types import Params

WIDTH, DROPOUT, LEVEL_POWER, INPUT_NORM = 128, 0.3, 1.5, 5.0
LEARNING_RATE, BATCH_SIZE = 2e-3, 64
MIN_DRAWS, MAX_EPOCHS = 150_000, 200
"""Fingerprints drawn in all, in whole epochs, of which small sites have no more than this."""

MOST_DROPOUT, MOST_LOST_DB = 0.3, 40.0
GAIN_OFFSET_DB, READING_NOISE_DB = 8.0, 3.0
# A position is added to each label that detects so much of every access point.
DETECTION_PRIOR = 0.2
"""Chosen on parts of train with positions, and on UJI also phones, held out."""


class FloorHead(nn.Module):
    """Levels in the linear encoding, float[B, A], to scores of labels, float[B, C]."""

    num_labels: int

    @nn.compact
    def __call__(self, level: jax.Array, *, train: bool = False) -> jax.Array:
        direction = INPUT_NORM * unit_vectors(level**LEVEL_POWER)
        # Named as earlier versions, whose saved parameters it reads.
        hidden = DenseStack((WIDTH,), name="DenseFramer_0")(direction, train=train)
        hidden = DenseStack((WIDTH,), DROPOUT, name="DenseStack_0")(hidden, train=train)
        hidden = nn.Dropout(DROPOUT, deterministic=not train)(hidden)
        return nn.Dense(self.num_labels)(hidden)


def label_scores(head: Params, level: jax.Array, num_labels: int) -> jax.Array:
    """float[n, C]: logarithms of the labels' probabilities, plus a constant, for float[n, A]."""
    scores = jax.nn.log_softmax(FloorHead(num_labels).apply({"params": head}, level))
    if "detection" not in head:  # an earlier version's
        return scores
    detected = (level > 0).astype(level.dtype)
    fit = detected @ head["detection"]["log_odds"] + head["detection"]["log_none"]
    # Which access points are detected is no independent evidence: the mean counts, not the sum.
    return scores + fit / (1 + detected.sum(axis=1, keepdims=True))


def detection_odds(level: jax.Array, label: jax.Array, num_labels: int) -> Params:
    """How often each label's positions, levels float[P, A], detect each access point, as logs."""
    of_label = jax.nn.one_hot(label, num_labels, dtype=level.dtype)
    counts = of_label.T @ (level > 0).astype(level.dtype)
    rate = (counts + DETECTION_PRIOR) / (1 + of_label.sum(axis=0)[:, None])
    none = jnp.log1p(-rate)
    return {"log_odds": (jnp.log(rate) - none).T, "log_none": none.sum(axis=1)[None]}


def train_head(
    part: Fingerprints, label: NDArray[np.int64], num_labels: int, preprocessor: Preprocessor
) -> Params | None:
    """A head trained on a part's augmented fingerprints; none where there is only one label."""
    if num_labels < 2:
        return None
    batch_size = min(BATCH_SIZE, len(part))
    epochs = min(MAX_EPOCHS, -(-MIN_DRAWS // len(part)))
    head = FloorHead(num_labels)
    tx = make_optimizer(LEARNING_RATE, "cosine", epochs * (len(part) // batch_size))

    def loss(
        params: Params, batch: tuple[jax.Array, jax.Array], key: jax.Array, _: None
    ) -> jax.Array:
        augment_key, dropout_key, rate_key, least_key = jax.random.split(key, 4)
        one_each = (batch_size, 1)
        # Some fingerprints lose hardly a reading, others many: at random, and the weakest ones, for
        # phones differ in how weak a signal they detect.
        rate = MOST_DROPOUT * jax.random.uniform(rate_key, one_each, jnp.float32)
        lost_db = MOST_LOST_DB * jnp.square(jax.random.uniform(least_key, one_each, jnp.float32))
        rss_dbm = augment_rss(
            augment_key,
            batch[0],
            access_point_dropout=rate,
            gain_offset_db=GAIN_OFFSET_DB,
            reading_noise_db=READING_NOISE_DB,
            undetected_dbm=UNDETECTED_DBM,
        )
        is_lost = rss_dbm < preprocessor.floor_dbm + lost_db
        rss_dbm = jnp.where(is_lost, UNDETECTED_DBM, rss_dbm)
        level = encode_rss(rss_dbm, floor_dbm=preprocessor.floor_dbm)
        rngs = {"dropout": dropout_key}
        scores = head.apply({"params": params}, level, train=True, rngs=rngs)
        return optax.softmax_cross_entropy_with_integer_labels(scores, batch[1]).mean()

    step = make_step(loss, tx, term="floor")
    run = make_epochs(step, batch_size=batch_size, num_epochs=epochs)
    data = (to_device(part.rss_dbm), jnp.asarray(label, jnp.int32))
    example = jnp.zeros((1, part.num_access_points), jnp.float32)
    state = make_state(init_params(head, seed_key(0), example), tx)
    params: Params = run(state, data, seed_key(1), None)[0].params
    return params
