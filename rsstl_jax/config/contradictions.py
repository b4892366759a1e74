"""Which fields of a configuration contradict each other."""

from ml_collections import ConfigDict

from rsstl_jax.config.rules import name_list, read_mesh

WITH_AGNOSTIC = ("agnostic", "both")
"""Values of `teacher.kind` under which there are site-agnostic teachers."""


def find_contradiction(config: ConfigDict) -> str | None:
    """What is wrong with fields that are right one by one; None: nothing."""
    return (
        _in_sources(config)
        or _in_networks(config)
        or _in_episodes(config)
        or _in_teachers(config)
        or _in_unlabelled(config)
        or _in_mesh(config)
    )


def _in_sources(config: ConfigDict) -> str | None:
    sources = name_list(config.sources)
    if not sources:
        return "sources is empty; name at least one dataset, such as uji,tampere"
    if len(set(sources)) != len(sources):
        return f"sources is {config.sources!r}; name each dataset once"
    if config.target in sources:
        return (
            f"sources is {config.sources!r} and holds the target {config.target!r}; "
            "a teacher must come from another site"
        )
    return None


def _in_networks(config: ConfigDict) -> str | None:
    for network, width in (("baat", "token_width"), ("agnostic", "width")):
        sizes = config.model[network]
        if sizes[width] % sizes.num_heads:
            return (
                f"model.{network}.{width} is {sizes[width]}; "
                f"model.{network}.num_heads, {sizes.num_heads}, must divide it"
            )
    if config.train.batch_size == 1 and config.distill.weights.mutual_information > 0:
        return (
            "train.batch_size is 1 and distill.weights.mutual_information is above 0, which "
            "compares the fingerprints of a batch with one another; take at least 2, or 0 for the "
            "weight"
        )
    return None


def _in_episodes(config: ConfigDict) -> str | None:
    episodes = {"": config.agnostic.episodes, "tune.": config.agnostic.tune.episodes}
    for prefix, sizes in episodes.items():
        if sizes.min_support > sizes.max_support:
            path = f"agnostic.{prefix}episodes"
            return (
                f"{path}.min_support is {sizes.min_support} and {path}.max_support is "
                f"{sizes.max_support}; the largest must be at least the smallest"
            )
    return None


def _in_teachers(config: ConfigDict) -> str | None:
    distill, kind = config.distill, config.teacher.kind
    if config.network == "agnostic" and kind in ("surrogate", "both"):
        return (
            f"network is 'agnostic' and teacher.kind is {kind!r}; no position can be read off its "
            "representation alone, so that it has no surrogate teachers: take agnostic"
        )
    needing = {
        "distill.weights.soft_target": distill.weights.soft_target,
        "distill.num_unlabelled": distill.num_unlabelled,
    }
    for path, value in needing.items():
        if value > 0 and kind not in WITH_AGNOSTIC:
            return (
                f"{path} is {value} and teacher.kind is {kind!r}; only a site-agnostic teacher "
                "predicts positions: take agnostic or both, or 0"
            )
    return None


def _in_unlabelled(config: ConfigDict) -> str | None:
    number = config.distill.num_unlabelled
    if number == 0 and config.distill.pseudo_labels == "mean":
        return (
            "distill.pseudo_labels is 'mean', which only unlabelled fingerprints are given, and "
            "distill.num_unlabelled is 0; it must be above 0"
        )
    if number == 0 and config.data.unlabelled == "file":
        return (
            "data.unlabelled is 'file' and distill.num_unlabelled is 0, so that nothing of it "
            "would be used; take a number above 0, or rest"
        )
    if number > 0 and config.data.unlabelled == "rest" and config.data.fraction == 1:
        return (
            f"distill.num_unlabelled is {number} and data.fraction is 1, which leaves no "
            "fingerprint of the training set unlabelled; take a fraction below 1, 0, or "
            "data.unlabelled=file"
        )
    return None


def _in_mesh(config: ConfigDict) -> str | None:
    devices = (read_mesh(config.run.mesh) or {}).get("data", 1)
    if devices > config.train.batch_size:
        return (
            f"run.mesh is {config.run.mesh!r} and train.batch_size is {config.train.batch_size}, "
            f"which leaves devices without a fingerprint; data must be at most the batch size"
        )
    return None
