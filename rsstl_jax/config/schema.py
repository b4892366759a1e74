"""The one configuration schema: every field with its default, its rule and its unit."""

import difflib
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from rsstl_jax.config.contradictions import WITH_AGNOSTIC, find_contradiction
from rsstl_jax.config.rules import (
    ACUTE,
    BOOL,
    CHANNELS,
    DATASET,
    DATASETS,
    FOLDER,
    NETWORK,
    NOT_NEGATIVE,
    PART,
    POSITIVE,
    RATE,
    SEEDS,
    SHARE,
    Rule,
    is_number,
    name_list,
    one_of,
    whole,
)
from rsstl_jax.errors import ConfigError, shown_name

__all__ = [
    "FIELDS",
    "WITH_AGNOSTIC",
    "default_config",
    "flatten",
    "name_list",
    "validate",
]

LARGEST, SMALLEST = 2**31 - 1, 2.0**-126
"""What single precision and 32-bit counters hold: the sizes of numbers other than 0."""


class Field(NamedTuple):
    """One field of the schema."""

    default: Any
    rule: Rule
    meaning: str


FIELDS: dict[str, Field] = {
    # what is run
    "target": Field("uji", DATASET, "dataset on which the student is trained and tested"),
    "sources": Field("uts,tampere", DATASETS, "datasets of the teachers, separated by commas"),
    "network": Field("dnn", NETWORK, "architecture of the student and of the teachers' originals"),
    "recipe": Field(
        "paper", one_of("paper", "tuned", "smoke", "tuned-smoke"), "where the values come from"
    ),
    "seeds": Field((0,), SEEDS, "one student is trained for each; the unit of the statistics"),
    "data_dir": Field("", FOLDER, "folder of the datasets; empty: RSSTL_DATA_DIR, else the cache"),
    "bundle_dir": Field("", FOLDER, "folder of the teacher bundles; empty: beside the workdir"),
    # which fingerprints
    "data.fraction": Field(1.0, SHARE, "share of the target's train part that is used"),
    "data.fraction_seed": Field(0, whole(0), "seed that draws this share"),
    "data.unlabelled": Field("rest", one_of("rest", "file"), "of that share, or unlabelled.csv"),
    "data.evaluate_on": Field(
        "test", one_of("test", "validation"), "validation: held out of train, test never read"
    ),
    "data.validation_fraction": Field(0.15, PART, "share of the positions held out for it"),
    "data.validation_seed": Field(0, whole(0), "seed that draws these positions"),
    # the input of a network
    "input.encoding": Field(
        "raw",
        one_of("raw", "linear", "powed", "exponential"),
        "map from dBm to a number; the network agnostic takes linear",
    ),
    "input.exponent": Field(math.e, POSITIVE, "exponent of the powed encoding"),
    "augment.access_point_dropout": Field(0.0, RATE, "share of the readings hidden in training"),
    "augment.gain_offset_db": Field(0.0, NOT_NEGATIVE, "sd of a fingerprint's common offset, dB"),
    "augment.reading_noise_db": Field(0.0, NOT_NEGATIVE, "sd of every reading's noise, dB"),
    # the networks
    "model.dnn.hidden_width": Field(300, whole(1), "units of each hidden layer"),
    "model.dnn.num_layers": Field(3, whole(2), "hidden layers; the first is the framer"),
    "model.dnn.dropout": Field(0.0, RATE, "dropout behind each hidden layer"),
    "model.dnn.input_dropout": Field(0.0, RATE, "dropout of the encoded input"),
    "model.convolution": Field(
        "auto",
        one_of("auto", "convolution", "patches"),
        "how they are computed; auto: by backend",
    ),
    "model.cnnloc.hidden_width": Field(128, whole(1), "units of the auto-encoder's first layer"),
    "model.cnnloc.window": Field(22, whole(2), "extent of the kernels; the frame is 3w - 2 wide"),
    "model.cnnloc.dropout": Field(0.7, RATE, "dropout in front of the convolutions"),
    "model.cnnloc.pretrain_epochs": Field(20, whole(0), "of the auto-encoder; 0: none"),
    "model.cnnloc.learning_rate_factor": Field(1.0, POSITIVE, "factor on train.learning_rate"),
    "model.bayescnn.channels": Field((32, 64, 128), CHANNELS, "of each VGG block"),
    "model.bayescnn.num_convolutions": Field(2, whole(1), "in each block"),
    "model.bayescnn.dense_width": Field(128, whole(1), "units of the dense layer behind them"),
    "model.bayescnn.dropout": Field(0.3, RATE, "dropout behind the dense layer"),
    "model.bayescnn.learning_rate_factor": Field(1.0, POSITIVE, "factor on train.learning_rate"),
    "model.baat.num_tokens": Field(64, whole(1), "tokens that access points are spread over"),
    "model.baat.token_width": Field(128, whole(1), "width of a token; the heads must divide it"),
    "model.baat.num_blocks": Field(3, whole(1), "transformer blocks"),
    "model.baat.num_heads": Field(8, whole(1), "attention heads"),
    "model.baat.feed_width": Field(512, whole(1), "units of the feed-forward layers"),
    "model.baat.dropout": Field(0.1, RATE, "dropout in the blocks"),
    "model.baat.variance_weight": Field(0.0, NOT_NEGATIVE, "of the tokens' variance penalty, m"),
    "model.baat.covariance_weight": Field(0.0, NOT_NEGATIVE, "of their covariance penalty, m"),
    "model.baat.learning_rate_factor": Field(1.0, POSITIVE, "factor on train.learning_rate"),
    "model.agnostic.num_access_points": Field(24, whole(1), "strongest ones that become tokens"),
    "model.agnostic.num_neighbours": Field(16, whole(1), "places of neighbours that become tokens"),
    "model.agnostic.width": Field(48, whole(1), "width of a token; the heads must divide it"),
    "model.agnostic.num_blocks": Field(3, whole(1), "attention blocks"),
    "model.agnostic.num_heads": Field(8, whole(1), "attention heads"),
    "model.agnostic.feed_width": Field(96, whole(1), "units of the feed-forward layers"),
    "model.agnostic.learning_rate_factor": Field(2.0, POSITIVE, "factor on train.learning_rate"),
    # training of a network, alone or distilled
    "train.epochs": Field(500, whole(1), "passes over the train part"),
    "train.batch_size": Field(128, whole(1), "fingerprints a step; the last partial batch drops"),
    "train.learning_rate": Field(1e-3, POSITIVE, "Adam's step size at the start"),
    "train.schedule": Field("constant", one_of("constant", "cosine"), "its course to the end"),
    # phase 0 and 1: sources take train, input and augment from their own site's recipe
    "specialise.epochs": Field(0, whole(0), "phase 0; 0: as the source's recipe has it"),
    "teacher.epochs": Field(0, whole(0), "phase 1; 0: as the source's recipe has it"),
    "teacher.kind": Field(
        "surrogate",
        one_of("surrogate", "agnostic", "both", "untrained", "noise"),
        "generators, site-agnostic networks, or both; two controls: no phase 1, N(0, I) instead",
    ),
    "teacher.seed": Field(0, whole(0), "seed of phases 0 and 1"),
    "teacher.conditioning": Field(
        "none", one_of("none", "location"), "location: the place is an input of the generator"
    ),
    "teacher.noise": Field(
        "fresh", one_of("fresh", "fixed"), "fixed: one code per target fingerprint in phase 2"
    ),
    "teacher.latent_width": Field(128, whole(1), "width of the generator's noise"),
    "teacher.hidden_width": Field(256, whole(1), "units of the hidden layers"),
    "teacher.num_critic_steps": Field(5, whole(1), "critic updates per generator update"),
    "teacher.learning_rate": Field(1e-4, POSITIVE, "Adam's step size, betas 0.5 and 0.9"),
    "teacher.penalty_weight": Field(10.0, NOT_NEGATIVE, "weight of the gradient penalty"),
    "teacher.similarity_weight": Field(1.0, NOT_NEGATIVE, "weight of J_Sim, Eq. 1"),
    "teacher.margin": Field(0.2, ACUTE, "alpha of Eq. 1 in phase 1, radians"),
    "teacher.localization_weight": Field(1.0, NOT_NEGATIVE, "weight of J_MAE, Eq. 2, per metre"),
    # site-agnostic teachers
    "agnostic.members": Field(2, whole(1), "of them, each a training of its own on all sources"),
    "agnostic.epochs": Field(30, whole(1), "of a training; each of 100 episodes"),
    "agnostic.start": Field(
        "fresh", one_of("fresh", "teachers"), "where a distilled student of the same network starts"
    ),
    # phase 2
    "distill.weights.localization": Field(3.0, POSITIVE, "lambda_1 of Eq. 12, before norming"),
    "distill.weights.similarity": Field(0.5, NOT_NEGATIVE, "lambda_2; 0 leaves the term out"),
    "distill.weights.mutual_information": Field(0.5, NOT_NEGATIVE, "lambda_3, likewise"),
    "distill.weights.functional_information": Field(0.5, NOT_NEGATIVE, "lambda_4, likewise"),
    "distill.weights.soft_target": Field(
        0.0, NOT_NEGATIVE, "of the distance to the places of site-agnostic teachers, per metre"
    ),
    "distill.num_unlabelled": Field(
        0, whole(0), "fingerprints a step that data.unlabelled names, their places unknown"
    ),
    "distill.told_by": Field(
        "teachers", one_of("teachers", "mean"), "mean: of their and a lone student's places"
    ),
    "distill.similarity_over": Field(
        "batch", one_of("batch", "sample"), "J_Sim of the mean cosine (Eq. 1), or of each sample's"
    ),
    "distill.force_functional_information": Field(
        False, BOOL, "J_FI for a network that is not Lipschitz, too (baat)"
    ),
    "distill.margin": Field(0.2, ACUTE, "alpha of Eq. 1 in phase 2, radians"),
    "distill.reduction": Field("sum", one_of("sum", "mean"), "over the teachers"),
    "distill.num_iterations": Field(10, whole(1), "power iterations of Alg. 1"),
    "distill.estimator_width": Field(512, whole(1), "units of the estimator's hidden layers"),
    # the run itself
    "run.log_every_epochs": Field(5, whole(1), "epochs per call to the device"),
    "run.replicas": Field("loop", one_of("loop", "vmap"), "how a run's students are trained"),
    "run.checkpoint_every_s": Field(30.0, NOT_NEGATIVE, "seconds between saved states"),
}


def default_config() -> ConfigDict:
    """Every field at the paper's value, as a locked ConfigDict.

    Returns:
        ConfigDict. Config files override its fields and add none; `FIELDS` says what each means.

    Example:
        >>> config = default_config()
        >>> config.train.batch_size, config.distill.margin
        (128, 0.2)
    """
    config = ConfigDict()
    for path, field in FIELDS.items():
        *sections, name = path.split(".")
        node = config
        for section in sections:
            if section not in node:
                node[section] = ConfigDict()
            node = node[section]
        node[name] = field.default
    return config.lock()


def flatten(config: ConfigDict, prefix: str = "") -> dict[str, Any]:
    """Every field of a configuration by its dotted name.

    Args:
        config: a configuration or a section of one.
        prefix: put before every name.

    Returns:
        {dotted name: value}.

    Example:
        >>> flatten(default_config())["train.batch_size"]
        128
    """
    flat: dict[str, Any] = {}
    for name, value in config.items():
        path = f"{prefix}{name}"
        if isinstance(value, ConfigDict) and len(value):
            flat |= flatten(value, path + ".")
        else:
            flat[path] = value
    return flat


def check_names(paths: Iterable[str]) -> None:
    """Refuses the first of these dotted names that is no field, and tells it the nearest."""
    for path in paths:
        if path not in FIELDS:
            inside = [full for full in FIELDS if f".{path}." in f".{full}."]
            near = inside or difflib.get_close_matches(path, FIELDS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigError(f"{shown_name(path)} is not a field of the configuration{hint}")


def check_value(path: str, value: Any) -> None:
    """Refuses a value that breaks the rule of its field, or that single precision cannot hold."""
    if not FIELDS[path].rule.holds(value):
        raise ConfigError(f"{path} is {_shown(value)}; it must be {FIELDS[path].rule.words}")
    for number in value if isinstance(value, tuple | list) else (value,):
        if is_number(number) and number != 0 and not SMALLEST <= abs(number) <= LARGEST:
            raise ConfigError(
                f"{path} is {_shown(value)}; "
                f"a number must be 0 or of a size from {SMALLEST:.2g} to {LARGEST}"
            )


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except ValueError:  # Python prints no int of more than 4300 digits.
        return "a number of thousands of digits"


def validate(config: ConfigDict) -> None:
    """Checks every field and their combinations before anything runs.

    Args:
        config: a full configuration.

    Raises:
        ConfigError: if a field is unknown, missing, of the wrong type or range, or if fields
            contradict each other; the message names the field and what would be right.

    Example:
        >>> config = default_config()
        >>> config.train.epochs = 0
        >>> validate(config)
        Traceback (most recent call last):
        ...
        rsstl_jax.errors.ConfigError: train.epochs is 0; it must be a whole number of at least 1
    """
    flat = flatten(config)
    check_names(flat)
    for path, field in FIELDS.items():
        if path not in flat:
            raise ConfigError(f"{path} is missing; it must be {field.rule.words}")
        check_value(path, flat[path])
    if contradiction := find_contradiction(config):
        raise ConfigError(contradiction)
