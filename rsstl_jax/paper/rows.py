"""The rows of the paper's tables and their baselines: what each is called and trains."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from ml_collections import ConfigDict

from rsstl_jax.baselines.run_baseline import METHODS, UNTRAINED
from rsstl_jax.config.overrides import override
from rsstl_jax.config.recipes import make_config
from rsstl_jax.config.rules import name_list
from rsstl_jax.errors import ConfigError
from rsstl_jax.models import make_network
from rsstl_jax.phases.alignment_terms import TERMS, allowed_terms
from rsstl_jax.phases.student_specs import STUDENTS, StudentSpec

SOURCES = ("uji", "tampere", "tut7")
"""The default sources of a table; a target is left out of its own."""

# Rows trained on a fraction of the target's training set.
SHARES = (*(f"{row}-share" for row in UNTRAINED), "share", "agnostic-share")
_AGNOSTIC = ("agnostic", "agnostic-share")
_CONTROLS = ("noise", "untrained")
ROWS = ("students", "agnostic", *SHARES, *_CONTROLS, *METHODS)
# Of the paper's tables: all methods, single terms, single sources, fractions of the target.
TABLE_ROWS = {
    "1": ("students", "agnostic", *_CONTROLS, *METHODS),
    "2": ("students",),
    "3": ("students",),
    "4": SHARES,
}

# The most epochs on a small fraction. 60 epochs on 1 % of UJIIndoorLoc are 60 updates and give
# 39.8 m on the validation part; 2000 give 13.4 m. On 10 % of Tampere 400 and 1600 epochs differ by
# 0.1 m (three seeds each, DNN).
_MAX_EPOCHS = {"uji": 2000}

_BY_AGNOSTIC = {"teacher.kind": "agnostic", "distill.weights.soft_target": 1.0}

# The terms of each row of Table 2, apart from none and all.
_ABLATIONS = (TERMS[:1], TERMS[1:2], TERMS[:2], TERMS[2:3])


def row_name(row: str, network: str, *, share: float = 1.0, variant: str = "") -> str:
    """The name of a row's workdir and receipt."""
    name = network.replace(":", ".")
    if has_no_network(row):
        name = row
    elif row != "students":
        name += f"-{row}"
    if row in SHARES:
        name += f"-{100 * share:g}"
    return f"{name}-{variant}" if variant else name


def has_no_network(row: str) -> bool:
    """Whether a row is the same whatever the network."""
    return row.removesuffix("-share") in UNTRAINED


def row_config(
    row: str,
    *,
    target: str,
    network: str,
    sources: Sequence[str],
    recipe: str = "tuned",
    seeds: Sequence[int] = (0,),
    share: float = 1.0,
    overrides: Mapping[str, Any] | None = None,
) -> ConfigDict:
    """The configuration under which a row is trained."""
    if row not in ROWS:
        raise ConfigError(f"row is {row!r}; it must be one of {', '.join(ROWS)}")
    others = ",".join(source for source in sources if source != target)
    config = make_config(recipe, target=target, sources=others)
    config.network, config.seeds = network, tuple(seeds)
    # They have rows of their own.
    config.run.baselines = ""
    if row in _CONTROLS:
        config.teacher.kind = row
    if row in _AGNOSTIC:
        override(config, _BY_AGNOSTIC)
    if row in SHARES:
        config.data.fraction = share
        epochs = config.train.epochs
        config.train.epochs = max(epochs, min(round(epochs / share), _MAX_EPOCHS.get(target, 0)))
    if row == "agnostic-share":
        config.distill.num_unlabelled = config.train.batch_size
    arguments = {"target", "network", "sources", "recipe", "seeds"}
    if row in SHARES:
        # Each seed draws a subset of its own.
        arguments |= {"data.fraction", "data.fraction_seed"}
    if twice := arguments & (overrides or {}).keys():
        raise ConfigError(f"{min(twice)} is set twice; it is an argument of the row: give it there")
    override(config, overrides or {})
    return config


def row_students(
    row: str, config: ConfigDict, tables: Sequence[str] = ("1",), only: Sequence[str] = ()
) -> dict[str, StudentSpec]:
    """The students that a row trains for every seed, for the tables asked for."""
    students = _all_students(row, config, tables)
    if unknown := set(only) - set(students):
        there = ", ".join(students) or "none"
        raise ConfigError(f"the row {row} has no student {min(unknown)!r}; it has {there}")
    return {name: spec for name, spec in students.items() if not only or name in only}


def _all_students(row: str, config: ConfigDict, tables: Sequence[str]) -> dict[str, StudentSpec]:
    if row.removesuffix("-share") in METHODS:
        return {}
    if row in _CONTROLS:
        return {"distilled": STUDENTS["distilled"]}
    students = dict(STUDENTS)
    if row in _AGNOSTIC:
        students["soft-target"] = StudentSpec(dict.fromkeys(TERMS, 0.0))
        if row in SHARES:
            students["ensemble"] = StudentSpec(dict.fromkeys(TERMS, 0.0), pseudo_labels="mean")
        students["alignment"] = StudentSpec({"soft_target": 0.0})
        if config.network == "agnostic":
            students["started"] = STUDENTS["standalone"]._replace(start="teachers")
    if row in (*SHARES, *_AGNOSTIC):
        return students
    if "2" in tables:
        # A network that cannot have a term has neither its row nor one that differs by it alone.
        possible = allowed_terms(config, make_network(config))
        for terms in [terms for terms in _ABLATIONS if set(terms) < set(possible)]:
            absent = {term: 0.0 for term in TERMS if term not in terms}
            students["+".join(terms)] = StudentSpec(absent)
    if "3" in tables:
        sources = name_list(config.sources)
        for count in range(1, len(sources)):
            for some in combinations(sources, count):
                students["from-" + "+".join(some)] = StudentSpec(sources=some)
    return students
