"""Which fields of a configuration contradict each other."""

from collections.abc import Iterator

from ml_collections import ConfigDict

from rsstl_jax.config.rules import read_mesh

WITH_AGNOSTIC = ("agnostic", "both")
"""Values of `teacher.kind` under which there are site-agnostic teachers."""


def find_contradiction(config: ConfigDict) -> str | None:
    """What is wrong with fields that are right one by one; None: nothing."""
    checks = (_in_sizes, _in_teachers, _in_starts, _in_unlabelled)
    return next((text for check in checks for text in check(config)), None)


def _in_sizes(config: ConfigDict) -> Iterator[str]:
    for network, width in (("baat", "token_width"), ("agnostic", "width")):
        sizes = config.model[network]
        if sizes[width] % sizes.num_heads:
            yield (
                f"model.{network}.{width} is {sizes[width]}; "
                f"model.{network}.num_heads, {sizes.num_heads}, must divide it"
            )
    batch_size = config.train.batch_size
    if batch_size == 1 and config.distill.weights.mutual_information > 0:
        yield (
            "train.batch_size is 1 and distill.weights.mutual_information is above 0, which "
            "compares the fingerprints of a batch with one another; take at least 2, or 0 for the "
            "weight"
        )
    if (read_mesh(config.run.mesh) or {}).get("data", 1) > batch_size:
        yield (
            f"run.mesh is {config.run.mesh!r} and train.batch_size is {batch_size}, "
            f"which leaves devices without a fingerprint; data must be at most the batch size"
        )
    sections = {"agnostic": config.agnostic, "agnostic.tune": config.agnostic.tune}
    for name, section in sections.items():
        path, sizes = f"{name}.episodes", section.episodes
        if sizes.min_support > sizes.max_support:
            yield (
                f"{path}.min_support is {sizes.min_support} and {path}.max_support is "
                f"{sizes.max_support}; the largest must be at least the smallest"
            )


def _in_teachers(config: ConfigDict) -> Iterator[str]:
    distill, kind = config.distill, config.teacher.kind
    if config.network == "agnostic" and kind in ("surrogate", "both"):
        yield (
            f"network is 'agnostic' and teacher.kind is {kind!r}; no position can be read off its "
            "representation alone, so that it has no surrogate teachers: take agnostic"
        )
    needing = {
        "distill.weights.soft_target": distill.weights.soft_target,
        "distill.num_unlabelled": distill.num_unlabelled,
    }
    for path, value in needing.items():
        if value > 0 and kind not in WITH_AGNOSTIC:
            yield (
                f"{path} is {value} and teacher.kind is {kind!r}; only a site-agnostic teacher "
                "predicts positions: take agnostic or both, or 0"
            )


def _in_starts(config: ConfigDict) -> Iterator[str]:
    for path, value in (("network", config.network), ("teacher.kind", config.teacher.kind)):
        if config.agnostic.start == "teachers" and value != "agnostic":
            yield f"agnostic.start is 'teachers' and {path} is {value!r}; it must be agnostic"
    if config.distill.pseudo_labels == "mean" and config.distill.num_unlabelled == 0:
        yield (
            "distill.pseudo_labels is 'mean', which only unlabelled fingerprints have, and "
            "distill.num_unlabelled is 0; it must be above 0"
        )


def _in_unlabelled(config: ConfigDict) -> Iterator[str]:
    number = config.distill.num_unlabelled
    if number == 0 and config.data.unlabelled == "file":
        yield (
            "data.unlabelled is 'file' and distill.num_unlabelled is 0, so that nothing of it "
            "would be used; take a number above 0, or rest"
        )
    if number > 0 and config.data.unlabelled == "rest" and config.data.fraction == 1:
        yield (
            f"distill.num_unlabelled is {number} and data.fraction is 1, which leaves no "
            "fingerprint of the training set unlabelled; take a fraction below 1, 0, or "
            "data.unlabelled=file"
        )
