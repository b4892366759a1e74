"""The fields that size the networks, and those of the site-agnostic network's training."""

from rsstl_jax.config.rules import (
    CHANNELS,
    COUNT_TO_100,
    FRACTIONS,
    MEAN_RATE,
    NOT_NEGATIVE,
    POSITIVE,
    PROBABILITY,
    RATE,
    Field,
    one_of,
    whole,
)

MODEL_FIELDS: dict[str, Field] = {
    "model.dnn.hidden_width": Field(300, whole(1), "Number of units in each layer of the DNN."),
    "model.dnn.num_layers": Field(
        3, whole(2), "Number of hidden layers of the DNN, of which the first is the framer."
    ),
    "model.dnn.dropout": Field(
        0.0, RATE, "Probability that a hidden unit of the DNN is dropped in training; 0 drops none."
    ),
    "model.dnn.input_dropout": Field(
        0.0, RATE, "Probability that an input of the DNN is dropped in training; 0 drops none."
    ),
    "model.convolution": Field(
        "auto",
        one_of("auto", "convolution", "patches"),
        "How convolutions are computed: convolution by XLA's own, patches as one matrix product, "
        "auto by the fastest form of the device; the results are the same but for rounding.",
    ),
    "model.cnnloc.hidden_width": Field(
        128, whole(1), "Number of units in the first layer of CNNLoc's auto-encoder."
    ),
    "model.cnnloc.dropout": Field(
        0.7, RATE, "Probability that an input of CNNLoc's convolutions is dropped in training."
    ),
    "model.cnnloc.pretrain_epochs": Field(
        20,
        whole(0),
        "Number of passes over the training set in which CNNLoc's auto-encoder is trained "
        "beforehand; 0 leaves this training out.",
    ),
    "model.cnnloc.learning_rate_factor": Field(
        1.0, POSITIVE, "Factor by which train.learning_rate is multiplied for CNNLoc."
    ),
    "model.bayescnn.channels": Field(
        (32, 64, 128), CHANNELS, "Numbers of channels of BayesCNN's VGG blocks, one per block."
    ),
    "model.bayescnn.num_convolutions": Field(
        2, whole(1), "Number of convolutions in each VGG block of BayesCNN."
    ),
    "model.bayescnn.dense_width": Field(
        128, whole(1), "Number of units in the dense layer behind BayesCNN's convolutions."
    ),
    "model.bayescnn.dropout": Field(
        0.3, RATE, "Probability that a unit of BayesCNN's dense layer is dropped in training."
    ),
    "model.bayescnn.learning_rate_factor": Field(
        1.0, POSITIVE, "Factor by which train.learning_rate is multiplied for BayesCNN."
    ),
    "model.baat.num_tokens": Field(
        64, whole(1), "Number of tokens that bAaT spreads the access points over."
    ),
    "model.baat.token_width": Field(
        128, whole(1), "Number of values in a token of bAaT, a multiple of model.baat.num_heads."
    ),
    "model.baat.num_blocks": Field(3, whole(1), "Number of transformer blocks of bAaT."),
    "model.baat.num_heads": Field(8, whole(1), "Number of attention heads of bAaT."),
    "model.baat.feed_width": Field(
        512, whole(1), "Number of units in the feed-forward layers of bAaT."
    ),
    "model.baat.dropout": Field(
        0.1, RATE, "Probability that a unit in bAaT's blocks is dropped in training."
    ),
    "model.baat.learning_rate_factor": Field(
        1.0, POSITIVE, "Factor by which train.learning_rate is multiplied for bAaT."
    ),
    "model.agnostic.num_access_points": Field(
        24, whole(1), "Number of access points, the strongest of a fingerprint, that become tokens."
    ),
    "model.agnostic.num_neighbours": Field(
        16, whole(1), "Number of positions of similar fingerprints that become tokens, 64 at most."
    ),
    "model.agnostic.width": Field(
        48,
        whole(1),
        "Number of values in a token of the site-agnostic network, a multiple of "
        "model.agnostic.num_heads.",
    ),
    "model.agnostic.num_blocks": Field(
        3, whole(1), "Number of attention blocks of the site-agnostic network."
    ),
    "model.agnostic.num_heads": Field(
        8, whole(1), "Number of attention heads of the site-agnostic network."
    ),
    "model.agnostic.feed_width": Field(
        96, whole(1), "Number of units in the feed-forward layers of the site-agnostic network."
    ),
    "model.agnostic.learning_rate_factor": Field(
        2.0,
        POSITIVE,
        "Factor by which train.learning_rate is multiplied for a site-agnostic student; "
        "trainings on the sources have agnostic.learning_rate.",
    ),
}

AGNOSTIC_FIELDS: dict[str, Field] = {
    "agnostic.members": Field(
        2, whole(1), "Number of site-agnostic teachers, each trained separately on all sources."
    ),
    "agnostic.epochs": Field(
        30, whole(1), "Number of epochs, of 100 episodes each, of a training on the sources."
    ),
    "agnostic.episodes_per_step": Field(
        1,
        COUNT_TO_100,
        "Number of episodes in a step of a site-agnostic training, whose mean loss is used; the "
        "devices of run.mesh's data axis share them.",
    ),
    "agnostic.learning_rate": Field(
        2e-3, POSITIVE, "Step size of Adam at the start of a site-agnostic training on the sources."
    ),
    "agnostic.start": Field(
        "fresh",
        one_of("fresh", "teachers"),
        "Parameters that a distilled site-agnostic student starts from: fresh ones, or those of "
        "one of its teachers.",
    ),
    "agnostic.episodes.num_queries": Field(
        48, whole(1), "Number of fingerprints that an episode locates."
    ),
    "agnostic.episodes.min_support": Field(
        50, whole(1), "Number of fingerprints in the smallest radio map of an episode."
    ),
    "agnostic.episodes.max_support": Field(
        1024, whole(1), "Number of fingerprints in the largest radio map of an episode."
    ),
    "agnostic.episodes.crop": Field(
        0.3,
        PROBABILITY,
        "Probability that an episode is confined to a disc of its site; 0 always takes the site.",
    ),
    "agnostic.episodes.all_scans": Field(
        0.5,
        PROBABILITY,
        "Probability that the radio map of an episode holds all scans of few positions instead of "
        "few scans of many.",
    ),
    "agnostic.episodes.access_point_dropout": Field(
        0.3, MEAN_RATE, "Mean fraction of a site's access points that an episode lacks."
    ),
    "agnostic.episodes.query_dropout": Field(
        0.15, MEAN_RATE, "Mean fraction of the readings that an episode's queries lack."
    ),
    "agnostic.episodes.gain_offset_db": Field(
        4.0,
        NOT_NEGATIVE,
        "Standard deviation, in dB, of the random offset that all readings of a query share; "
        "0 adds none.",
    ),
    "agnostic.episodes.reading_noise_db": Field(
        3.0,
        NOT_NEGATIVE,
        "Standard deviation, in dB, of the random noise of each reading of a query; 0 adds none.",
    ),
    "agnostic.tune.epochs": Field(
        0,
        whole(0),
        "Number of epochs, of 100 episodes of the target each, in which `rsstl agnostic` "
        "tunes the network at the target; 0 tunes nothing.",
    ),
    "agnostic.tune.learning_rate": Field(
        5e-4, POSITIVE, "Step size of Adam at the start of a tuning at the target."
    ),
    "agnostic.tune.episodes.min_support": Field(
        512, whole(1), "Number of fingerprints in the smallest radio map of a tuning's episode."
    ),
    "agnostic.tune.episodes.max_support": Field(
        2048, whole(1), "Number of fingerprints in the largest radio map of a tuning's episode."
    ),
    "agnostic.tune.episodes.access_point_dropout": Field(
        0.1, MEAN_RATE, "Mean fraction of the access points that a tuning's episode lacks."
    ),
    "agnostic.tune.episodes.query_dropout": Field(
        0.1, MEAN_RATE, "Mean fraction of the readings that the queries of a tuning lack."
    ),
    "agnostic.fractions": Field(
        (0.01, 0.1, 1.0),
        FRACTIONS,
        "Fractions of the target's training set that `rsstl agnostic` measures with, one "
        "after the other, as radio map.",
    ),
    "agnostic.num_subsets": Field(
        3, whole(1), "Number of random subsets that are measured for each fraction below 1."
    ),
}
