"""All fields of the configuration, in their order."""

import math

from rsstl_jax.config.model_fields import AGNOSTIC_FIELDS, MODEL_FIELDS
from rsstl_jax.config.rules import (
    ACUTE,
    BOOL,
    DATASET,
    DATASETS,
    FOLDER,
    FRACTION,
    MESH,
    MONTHS,
    NAMES,
    NETWORK,
    NOT_NEGATIVE,
    PART,
    POSITIVE,
    RATE,
    SEED,
    SEEDS,
    Field,
    names_of,
    one_of,
    optional,
    whole,
)

_RUN: dict[str, Field] = {
    "target": Field(
        "uji", DATASET, "Name of the dataset on which students are trained and tested."
    ),
    "sources": Field(
        "uts,tampere",
        DATASETS,
        "Names of the datasets on which the teachers are trained, separated by commas.",
    ),
    "network": Field(
        "dnn",
        NETWORK,
        "Architecture of the students and of the networks that surrogate teachers stand in for: "
        "agnostic, baat, bayescnn, cnnloc, dnn, or package.module:function.",
    ),
    "recipe": Field(
        "paper",
        one_of("paper", "tuned", "smoke", "tuned-smoke"),
        "Recipe that the values come from, by which a source's own values are found; smoke and "
        "tuned-smoke are short runs to try out whose figures mean nothing, and changing the recipe "
        "changes no other field.",
    ),
    "seeds": Field(
        (0,),
        SEEDS,
        "Seeds of the trainings: a run trains each of its students once per seed, and "
        "`rsstl agnostic` one ensemble member per seed.",
    ),
    "data_dir": Field(
        "",
        FOLDER,
        "Folder of the datasets; empty means the environment variable RSSTL_DATA_DIR, or the "
        "cache of downloads where that is not set.",
    ),
    "bundle_dir": Field(
        "",
        FOLDER,
        "Folder of the teacher bundles; empty means the folder teachers beside the run's own.",
    ),
    "data.fraction": Field(
        1.0, FRACTION, "Fraction of the target's training set that is used; 1 uses all of it."
    ),
    "data.fraction_seed": Field(
        0, SEED, "Seed that draws the fraction of the training set that data.fraction names."
    ),
    "data.unlabelled": Field(
        "rest",
        one_of("rest", "file"),
        "Source of the target's unlabelled fingerprints: rest takes what data.fraction leaves of "
        "the training set, file reads the target's unlabelled.csv.",
    ),
    "data.evaluate_on": Field(
        "test",
        one_of("test", "validation"),
        "Part that is measured on: test, or validation for positions held out of the training "
        "set, which never reads the test part.",
    ),
    "data.validation_fraction": Field(
        0.15, PART, "Fraction of the training set's positions that validation holds out."
    ),
    "data.validation_seed": Field(0, SEED, "Seed that draws the positions of the validation part."),
    "data.held_out_phones": Field(
        "",
        NAMES,
        "Phones, separated by commas, whose fingerprints are left out of the training set and are "
        "measured all the same, such as 13,14; empty means that none is left out.",
    ),
    "data.held_out_months": Field(
        "",
        MONTHS,
        "Months, separated by commas, whose fingerprints are left out of the training set and are "
        "measured all the same, such as 2013-05; empty means that none is left out.",
    ),
    "input.encoding": Field(
        "raw",
        one_of("raw", "linear", "powed", "exponential"),
        "Map from dBm to the numbers that a network is given; a site-agnostic network always takes "
        "linear.",
    ),
    "input.exponent": Field(
        math.e,
        POSITIVE,
        "Exponent of the powed encoding, a plain number; other encodings have none.",
    ),
    "augment.access_point_dropout": Field(
        0.0, RATE, "Probability that a reading is hidden in training; 0 hides none."
    ),
    "augment.gain_offset_db": Field(
        0.0,
        NOT_NEGATIVE,
        "Standard deviation, in dB, of the random offset that all readings of a fingerprint share "
        "in training; 0 adds none.",
    ),
    "augment.reading_noise_db": Field(
        0.0,
        NOT_NEGATIVE,
        "Standard deviation, in dB, of the random noise of each reading in training; 0 adds none.",
    ),
}

_TRAINING: dict[str, Field] = {
    "train.epochs": Field(500, whole(1), "Number of passes over the training set."),
    "train.batch_size": Field(
        128,
        whole(1),
        "Number of fingerprints in a training step; a last, smaller batch of an epoch is dropped.",
    ),
    "train.learning_rate": Field(
        1e-3,
        POSITIVE,
        "Step size of Adam at the start of a training, before the network's learning_rate_factor.",
    ),
    "train.schedule": Field(
        "constant",
        one_of("constant", "cosine"),
        "Course of the step size: constant keeps it, cosine takes it to 0 at the end.",
    ),
    "specialise.epochs": Field(
        None,
        optional(whole(1)),
        "Number of passes over a source's training set in phase 0; None means what the recipe of "
        "the source site says.",
    ),
    "teacher.epochs": Field(
        None,
        optional(whole(1)),
        "Number of passes over a source's training set in phase 1; None means what the recipe of "
        "the source site says.",
    ),
    "teacher.kind": Field(
        "surrogate",
        one_of("surrogate", "agnostic", "both", "untrained", "noise"),
        "Teachers of a run: surrogate generators, site-agnostic networks, both, or a control, "
        "which is untrained generators or normal noise.",
    ),
    "teacher.seed": Field(
        0, SEED, "Seed of phases 0 and 1, and the first seed of the site-agnostic teachers."
    ),
    "teacher.conditioning": Field(
        "none",
        one_of("none", "location"),
        "Input of a generator beside noise: none, or location for the fingerprint's position.",
    ),
    "teacher.noise": Field(
        "fresh",
        one_of("fresh", "fixed"),
        "Noise of a generator in phase 2: fresh in every step, or fixed for each fingerprint.",
    ),
    "teacher.latent_width": Field(
        128, whole(1), "Number of noise values that a generator takes for a fingerprint."
    ),
    "teacher.hidden_width": Field(
        256, whole(1), "Number of units in the hidden layers of a generator and its critic."
    ),
    "teacher.num_critic_steps": Field(
        5, whole(1), "Number of updates of the critic for each update of the generator."
    ),
    "teacher.learning_rate": Field(
        1e-4, POSITIVE, "Step size of Adam in phase 1, whose betas are 0.5 and 0.9."
    ),
    "teacher.penalty_weight": Field(
        10.0, NOT_NEGATIVE, "Weight of the gradient penalty in the critic's loss; 0 leaves it out."
    ),
    "teacher.similarity_weight": Field(
        1.0, NOT_NEGATIVE, "Weight of J_Sim (Eq. 1) in the generator's loss; 0 leaves it out."
    ),
    "teacher.margin": Field(0.2, ACUTE, "Margin alpha of J_Sim (Eq. 1) in phase 1, in radians."),
    "teacher.localization_weight": Field(
        1.0,
        NOT_NEGATIVE,
        "Weight of J_MAE (Eq. 2) in the generator's loss, per metre; 0 leaves it out.",
    ),
}

_DISTILLATION: dict[str, Field] = {
    "distill.weights.localization": Field(
        3.0,
        POSITIVE,
        "Weight lambda_1 of J_MAE in Eq. 12, which divides all its weights by their sum.",
    ),
    "distill.weights.similarity": Field(
        0.5, NOT_NEGATIVE, "Weight lambda_2 of J_Sim in Eq. 12; 0 leaves the term out."
    ),
    "distill.weights.mutual_information": Field(
        0.5, NOT_NEGATIVE, "Weight lambda_3 of J_MI in Eq. 12; 0 leaves the term out."
    ),
    "distill.weights.functional_information": Field(
        0.5, NOT_NEGATIVE, "Weight lambda_4 of J_FI in Eq. 12; 0 leaves the term out."
    ),
    "distill.weights.soft_target": Field(
        0.0,
        NOT_NEGATIVE,
        "Weight, per metre, of the distance to the positions that site-agnostic teachers predict; "
        "0 leaves the term out.",
    ),
    "distill.num_unlabelled": Field(
        0,
        whole(0),
        "Number of unlabelled fingerprints in a training step beside the labelled batch; 0 uses "
        "none.",
    ),
    "distill.pseudo_labels": Field(
        "teachers",
        one_of("teachers", "mean"),
        "Positions that unlabelled fingerprints are given: those of the site-agnostic teachers, or "
        "the mean of theirs and those of the baseline student of the same seed.",
    ),
    "distill.similarity_over": Field(
        "batch",
        one_of("batch", "sample"),
        "What J_Sim (Eq. 1) is computed of: the mean cosine of a batch, or each sample's cosine.",
    ),
    "distill.force_functional_information": Field(
        False,
        BOOL,
        "Whether J_FI is also computed for a network that is not Lipschitz, such as baat.",
    ),
    "distill.margin": Field(0.2, ACUTE, "Margin alpha of J_Sim (Eq. 1) in phase 2, in radians."),
    "distill.num_iterations": Field(
        10, whole(1), "Number of power iterations of a spectral norm (Alg. 1)."
    ),
    "distill.estimator_width": Field(
        512, whole(1), "Number of units in the hidden layers of the mutual-information estimator."
    ),
    "run.log_every_epochs": Field(
        5, whole(1), "Number of epochs that the device runs between two lines of the log, at most."
    ),
    "run.replicas": Field(
        "loop",
        one_of("loop", "vmap"),
        "How the students of a run are trained: loop one after the other, vmap as one program.",
    ),
    "run.mesh": Field(
        "",
        MESH,
        "Devices of a run, such as replica:4,data:2 for four groups of two: replica spreads the "
        "students over the groups, data each batch over the devices of a group; empty means one "
        "device.",
    ),
    "run.checkpoint_every_s": Field(
        30.0, NOT_NEGATIVE, "Time between two saved states of a training, in seconds."
    ),
    "run.tensorboard": Field(
        False,
        BOOL,
        "Whether the losses of metrics.jsonl are also written as event files for TensorBoard, in "
        "the folder tensorboard of the run; needs tensorboardX.",
    ),
    "run.baselines": Field(
        "knn",
        names_of("knn", "pretrained"),
        "Methods that a run measures beside its students, separated by commas: knn for k nearest "
        "neighbours, pretrained for the network that the package carries; empty means none. The "
        "tuned recipe has both.",
    ),
}

FIELDS = _RUN | MODEL_FIELDS | _TRAINING | AGNOSTIC_FIELDS | _DISTILLATION
"""Every field of the schema by its dotted name: default, rule and meaning."""
