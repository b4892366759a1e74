"""The fields that size the networks, and those of the site-agnostic network's training."""

from rsstl_jax.config.rules import (
    CHANNELS,
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
    "model.dnn.hidden_width": whole(1).field(300, "Number of units in each layer of the DNN."),
    "model.dnn.num_layers": whole(2).field(
        3, "Number of hidden layers of the DNN, of which the first is the framer."
    ),
    "model.dnn.dropout": RATE.field(
        0.0, "Probability that a hidden unit of the DNN is dropped in training; 0 drops none."
    ),
    "model.dnn.input_dropout": RATE.field(
        0.0, "Probability that an input of the DNN is dropped in training; 0 drops none."
    ),
    "model.convolution": one_of("auto", "convolution", "patches").field(
        "auto",
        "How convolutions are computed: convolution by XLA's own, patches as one matrix product, "
        "auto by the fastest form of the device; the results are the same but for rounding.",
    ),
    "model.cnnloc.hidden_width": whole(1).field(
        128, "Number of units in the first layer of CNNLoc's auto-encoder."
    ),
    "model.cnnloc.dropout": RATE.field(
        0.7, "Probability that an input of CNNLoc's convolutions is dropped in training."
    ),
    "model.cnnloc.pretrain_epochs": whole(0).field(
        20,
        "Number of passes over the training set in which CNNLoc's auto-encoder is trained "
        "beforehand; 0 leaves this training out.",
    ),
    "model.cnnloc.learning_rate_factor": POSITIVE.field(
        1.0, "Factor by which train.learning_rate is multiplied for CNNLoc."
    ),
    "model.bayescnn.channels": CHANNELS.field(
        (32, 64, 128), "Numbers of channels of BayesCNN's VGG blocks, one per block."
    ),
    "model.bayescnn.num_convolutions": whole(1).field(
        2, "Number of convolutions in each VGG block of BayesCNN."
    ),
    "model.bayescnn.dense_width": whole(1).field(
        128, "Number of units in the dense layer behind BayesCNN's convolutions."
    ),
    "model.bayescnn.dropout": RATE.field(
        0.3, "Probability that a unit of BayesCNN's dense layer is dropped in training."
    ),
    "model.bayescnn.learning_rate_factor": POSITIVE.field(
        1.0, "Factor by which train.learning_rate is multiplied for BayesCNN."
    ),
    "model.baat.num_tokens": whole(1).field(
        64, "Number of tokens that bAaT spreads the access points over."
    ),
    "model.baat.token_width": whole(1).field(
        128, "Number of values in a token of bAaT, a multiple of model.baat.num_heads."
    ),
    "model.baat.num_blocks": whole(1).field(3, "Number of transformer blocks of bAaT."),
    "model.baat.num_heads": whole(1).field(8, "Number of attention heads of bAaT."),
    "model.baat.feed_width": whole(1).field(
        512, "Number of units in the feed-forward layers of bAaT."
    ),
    "model.baat.dropout": RATE.field(
        0.1, "Probability that a unit in bAaT's blocks is dropped in training."
    ),
    "model.baat.learning_rate_factor": POSITIVE.field(
        1.0, "Factor by which train.learning_rate is multiplied for bAaT."
    ),
    "model.agnostic.num_access_points": whole(1).field(
        24, "Number of access points, the strongest of a fingerprint, that become tokens."
    ),
    "model.agnostic.num_neighbours": whole(1, 64).field(
        16, "Number of positions of similar fingerprints that become tokens."
    ),
    "model.agnostic.width": whole(1).field(
        48, "Number of values in a site-agnostic token, a multiple of model.agnostic.num_heads."
    ),
    "model.agnostic.num_blocks": whole(1).field(
        3, "Number of attention blocks of the site-agnostic network."
    ),
    "model.agnostic.num_heads": whole(1).field(
        8, "Number of attention heads of the site-agnostic network."
    ),
    "model.agnostic.feed_width": whole(1).field(
        96, "Number of units in the feed-forward layers of the site-agnostic network."
    ),
    "model.agnostic.learning_rate_factor": POSITIVE.field(
        2.0,
        "Factor by which train.learning_rate is multiplied for a site-agnostic student; "
        "trainings on the sources have agnostic.learning_rate.",
    ),
}

AGNOSTIC_FIELDS: dict[str, Field] = {
    "agnostic.members": whole(1).field(
        2, "Number of site-agnostic teachers, each trained separately on all sources."
    ),
    "agnostic.epochs": whole(1).field(
        30, "Number of epochs, of 100 episodes each, of a training on the sources."
    ),
    "agnostic.episodes_per_step": whole(1, 100).field(
        1,
        "Number of episodes in a step of a site-agnostic training, whose mean loss is used; the "
        "devices of run.mesh's data axis share them.",
    ),
    "agnostic.learning_rate": POSITIVE.field(
        2e-3, "Step size of Adam at the start of a site-agnostic training on the sources."
    ),
    "agnostic.start": one_of("fresh", "teachers").field(
        "fresh",
        "Parameters that a distilled site-agnostic student starts from: fresh ones, or those of "
        "one of its teachers.",
    ),
    "agnostic.episodes.num_queries": whole(1).field(
        48, "Number of fingerprints that an episode locates."
    ),
    "agnostic.episodes.min_support": whole(1).field(
        50, "Number of fingerprints in the smallest radio map of an episode."
    ),
    "agnostic.episodes.max_support": whole(1).field(
        1024, "Number of fingerprints in the largest radio map of an episode."
    ),
    "agnostic.episodes.crop": PROBABILITY.field(
        0.3, "Probability that an episode keeps to a disc of its site; 0 always takes the site."
    ),
    "agnostic.episodes.all_scans": PROBABILITY.field(
        0.5,
        "Probability that the radio map of an episode holds all scans of few positions instead of "
        "few scans of many.",
    ),
    "agnostic.episodes.access_point_dropout": MEAN_RATE.field(
        0.3, "Mean fraction of a site's access points that an episode lacks."
    ),
    "agnostic.episodes.query_dropout": MEAN_RATE.field(
        0.15, "Mean fraction of the readings that an episode's queries lack."
    ),
    "agnostic.episodes.gain_offset_db": NOT_NEGATIVE.field(
        4.0, "Standard deviation, in dB, of the offset that a query's readings share; 0 adds none."
    ),
    "agnostic.episodes.reading_noise_db": NOT_NEGATIVE.field(
        3.0, "Standard deviation, in dB, of the noise of each reading of a query; 0 adds none."
    ),
    "agnostic.tune.epochs": whole(0).field(
        0,
        "Number of epochs, of 100 episodes of the target each, in which `rsstl agnostic` "
        "tunes the network at the target; 0 tunes nothing.",
    ),
    "agnostic.tune.learning_rate": POSITIVE.field(
        5e-4, "Step size of Adam at the start of a tuning at the target."
    ),
    "agnostic.tune.episodes.min_support": whole(1).field(
        512, "Number of fingerprints in the smallest radio map of a tuning's episode."
    ),
    "agnostic.tune.episodes.max_support": whole(1).field(
        2048, "Number of fingerprints in the largest radio map of a tuning's episode."
    ),
    "agnostic.tune.episodes.access_point_dropout": MEAN_RATE.field(
        0.1, "Mean fraction of the access points that a tuning's episode lacks."
    ),
    "agnostic.tune.episodes.query_dropout": MEAN_RATE.field(
        0.1, "Mean fraction of the readings that the queries of a tuning lack."
    ),
    "agnostic.fractions": FRACTIONS.field(
        (0.01, 0.1, 1.0),
        "Fractions of the target's training set that `rsstl agnostic` measures with, one "
        "after the other, as radio map.",
    ),
    "agnostic.num_subsets": whole(1).field(
        3, "Number of random subsets that are measured for each fraction below 1."
    ),
}
