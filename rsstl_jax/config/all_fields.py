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
    whole,
    whole_or_none,
)

_RUN: dict[str, Field] = {
    "target": DATASET.field("uji", "Name of the dataset on which students are trained and tested."),
    "sources": DATASETS.field(
        "uts,tampere", "Names of the datasets to train teachers on, separated by commas."
    ),
    "network": NETWORK.field(
        "dnn",
        "Architecture of the students and of the networks that surrogate teachers stand in for: "
        "agnostic, baat, bayescnn, cnnloc, dnn, or package.module:function.",
    ),
    "recipe": one_of("paper", "tuned", "smoke", "tuned-smoke").field(
        "paper",
        "Recipe that the values come from, by which a source's own values are found; smoke and "
        "tuned-smoke are short runs to try out whose figures mean nothing, and changing the recipe "
        "changes no other field.",
    ),
    "seeds": SEEDS.field(
        (0,),
        "Seeds of the trainings: a run trains each of its students once per seed, and "
        "`rsstl agnostic` one ensemble member per seed.",
    ),
    "data_dir": FOLDER.field(
        "",
        "Folder of the datasets; empty means the environment variable RSSTL_DATA_DIR, or the "
        "cache of downloads where that is not set.",
    ),
    "bundle_dir": FOLDER.field(
        "", "Folder of the teacher bundles; empty means the folder teachers beside the run's own."
    ),
    "data.fraction": FRACTION.field(
        1.0, "Fraction of the target's training set that is used; 1 uses all of it."
    ),
    "data.fraction_seed": SEED.field(
        0, "Seed that draws the fraction of the training set that data.fraction names."
    ),
    "data.unlabelled": one_of("rest", "file").field(
        "rest",
        "Source of the target's unlabelled fingerprints: rest takes what data.fraction leaves of "
        "the training set, file reads the target's unlabelled.csv.",
    ),
    "data.evaluate_on": one_of("test", "validation").field(
        "test",
        "Part that is measured on: test, or validation for positions held out of the training "
        "set, which never reads the test part.",
    ),
    "data.validation_fraction": PART.field(
        0.15, "Fraction of the training set's positions that validation holds out."
    ),
    "data.validation_seed": SEED.field(0, "Seed that draws the positions of the validation part."),
    "data.held_out_phones": NAMES.field(
        "",
        "Phones, separated by commas, whose fingerprints are left out of the training set and are "
        'measured all the same, such as 13,14 or "S10, blue"; empty means that none is left out.',
    ),
    "data.held_out_months": MONTHS.field(
        "",
        "Months, separated by commas, whose fingerprints are left out of the training set and are "
        "measured all the same, such as 2013-05; empty means that none is left out.",
    ),
    "input.encoding": one_of("raw", "linear", "powed", "exponential").field(
        "raw", "Map from dBm to a network's input; a site-agnostic network always takes linear."
    ),
    "input.exponent": POSITIVE.field(
        math.e, "Exponent of the powed encoding, a plain number; other encodings have none."
    ),
    "augment.access_point_dropout": RATE.field(
        0.0, "Probability that a reading is hidden in training; 0 hides none."
    ),
    "augment.gain_offset_db": NOT_NEGATIVE.field(
        0.0,
        "Standard deviation, in dB, of the random offset that all readings of a fingerprint share "
        "in training; 0 adds none.",
    ),
    "augment.reading_noise_db": NOT_NEGATIVE.field(
        0.0, "Standard deviation, in dB, of the noise of each reading in training; 0 adds none."
    ),
}

_TRAINING: dict[str, Field] = {
    "train.epochs": whole(1).field(500, "Number of passes over the training set."),
    "train.batch_size": whole(1).field(
        128, "Number of fingerprints in a training step; an epoch's last, smaller batch is dropped."
    ),
    "train.learning_rate": POSITIVE.field(
        1e-3, "Step size of Adam at the start of training, before a network's learning_rate_factor."
    ),
    "train.schedule": one_of("constant", "cosine").field(
        "constant", "Course of the step size: constant keeps it, cosine takes it to 0 at the end."
    ),
    "specialise.epochs": whole_or_none(1).field(
        None,
        "Number of passes over a source's training set in phase 0; None means what the recipe of "
        "the source site says.",
    ),
    "teacher.epochs": whole_or_none(1).field(
        None,
        "Number of passes over a source's training set in phase 1; None means what the recipe of "
        "the source site says.",
    ),
    "teacher.kind": one_of("surrogate", "agnostic", "both", "untrained", "noise").field(
        "surrogate",
        "Teachers of a run: surrogate generators, site-agnostic networks, both, or a control, "
        "which is untrained generators or normal noise.",
    ),
    "teacher.seed": SEED.field(
        0, "Seed of phases 0 and 1, and the first seed of the site-agnostic teachers."
    ),
    "teacher.conditioning": one_of("none", "location").field(
        "none", "Input of a generator beside noise: none or location, the fingerprint's position."
    ),
    "teacher.noise": one_of("fresh", "fixed").field(
        "fresh", "Noise of a generator in phase 2: fresh in every step, or fixed for a fingerprint."
    ),
    "teacher.latent_width": whole(1).field(
        128, "Number of noise values that a generator takes for a fingerprint."
    ),
    "teacher.hidden_width": whole(1).field(
        256, "Number of units in the hidden layers of a generator and its critic."
    ),
    "teacher.num_critic_steps": whole(1).field(
        5, "Number of updates of the critic for each update of the generator."
    ),
    "teacher.learning_rate": POSITIVE.field(
        1e-4, "Step size of Adam in phase 1, whose betas are 0.5 and 0.9."
    ),
    "teacher.penalty_weight": NOT_NEGATIVE.field(
        10.0, "Weight of the gradient penalty in the critic's loss; 0 leaves it out."
    ),
    "teacher.similarity_weight": NOT_NEGATIVE.field(
        1.0, "Weight of J_Sim (Eq. 1) in the generator's loss; 0 leaves it out."
    ),
    "teacher.margin": ACUTE.field(0.2, "Margin alpha of J_Sim (Eq. 1) in phase 1, in radians."),
    "teacher.localization_weight": NOT_NEGATIVE.field(
        1.0, "Weight of J_MAE (Eq. 2) in the generator's loss, per metre; 0 leaves it out."
    ),
}

_DISTILLATION: dict[str, Field] = {
    "distill.weights.localization": POSITIVE.field(
        3.0, "Weight lambda_1 of J_MAE in Eq. 12, which divides all its weights by their sum."
    ),
    "distill.weights.similarity": NOT_NEGATIVE.field(
        0.5, "Weight lambda_2 of J_Sim in Eq. 12; 0 leaves the term out."
    ),
    "distill.weights.mutual_information": NOT_NEGATIVE.field(
        0.5, "Weight lambda_3 of J_MI in Eq. 12; 0 leaves the term out."
    ),
    "distill.weights.functional_information": NOT_NEGATIVE.field(
        0.5, "Weight lambda_4 of J_FI in Eq. 12; 0 leaves the term out."
    ),
    "distill.weights.soft_target": NOT_NEGATIVE.field(
        0.0,
        "Weight, per metre, of the distance to the positions that site-agnostic teachers predict; "
        "0 leaves the term out.",
    ),
    "distill.num_unlabelled": whole(0).field(
        0, "Number of unlabelled fingerprints beside the labelled batch of a step; 0 uses none."
    ),
    "distill.pseudo_labels": one_of("teachers", "mean").field(
        "teachers",
        "Positions that unlabelled fingerprints are given: those of the site-agnostic teachers, or "
        "the mean of theirs and those of the baseline student of the same seed.",
    ),
    "distill.similarity_over": one_of("batch", "sample").field(
        "batch", "What J_Sim (Eq. 1) is computed of: a batch's mean cosine or each sample's cosine."
    ),
    "distill.force_functional_information": BOOL.field(
        False, "Whether J_FI is also computed for a network that is not Lipschitz, such as baat."
    ),
    "distill.margin": ACUTE.field(0.2, "Margin alpha of J_Sim (Eq. 1) in phase 2, in radians."),
    "distill.num_iterations": whole(1).field(
        10, "Number of power iterations of a spectral norm (Alg. 1)."
    ),
    "distill.estimator_width": whole(1).field(
        512, "Number of units in the hidden layers of the mutual-information estimator."
    ),
    "run.log_every_epochs": whole(1).field(
        5, "Number of epochs that the device runs between two lines of the log, at most."
    ),
    "run.replicas": one_of("loop", "vmap").field(
        "loop", "How a run's students are trained: loop one after the other, vmap as one program."
    ),
    "run.mesh": MESH.field(
        "",
        "Devices of a run, such as replica:4,data:2 for four groups of two: replica spreads the "
        "students over the groups, data each batch over the devices of a group; empty means one "
        "device.",
    ),
    "run.checkpoint_every_s": NOT_NEGATIVE.field(
        30.0, "Time between two saved states of a training, in seconds."
    ),
    "run.tensorboard": BOOL.field(
        False,
        "Whether the losses of metrics.jsonl are also written as event files for TensorBoard, in "
        "the folder tensorboard of the run; needs tensorboardX.",
    ),
    "run.baselines": names_of("knn", "pretrained").field(
        "knn",
        "Methods that a run measures beside its students, separated by commas: knn for k nearest "
        "neighbours, pretrained for the network that the package carries; empty means none. The "
        "tuned recipe has both.",
    ),
}

FIELDS = _RUN | MODEL_FIELDS | _TRAINING | AGNOSTIC_FIELDS | _DISTILLATION
"""Every field of the schema by its dotted name: default, rule and meaning."""
