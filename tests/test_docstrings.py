"""Every public name says what it takes, what it gives, and shows it; the others in a line."""

import ast
import dataclasses
import doctest
import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

import rsstl_jax

ROOT = Path(rsstl_jax.__file__).parent
# The rooms whose names other projects use; a name inside another room needs one line.
MODULES = [
    "rsstl_jax",
    *(
        f"rsstl_jax.{name}"
        for name in (
            "errors",
            "export",
            "losses",
            "metrics",
            "models",
            "spectral",
            "types",
        )
    ),
]
# What other projects compose of the other rooms.
COMPOSED = (
    "data.Layout",
    "data.load_radio_map",
    "engine.loop.fit",
    "phases.alignment_terms.Alignment",
    "phases.distill_step.DistillContext",
    "phases.distill_step.make_distill_step",
    "phases.student_specs.StudentSpec",
    "pipeline.run_distillation",
    "pipeline.run_expert",
)
# What an example could never fail by.
PROVES_NOTHING = ("callable(", ".exists()", "/nowhere")
# Lines of a docstring of any other name.
MAX_LINES = 3
SECTION = re.compile(
    r"^(Args|Returns|Yields|Raises|Notes|Example|Reference|Differs)s?:", re.MULTILINE
)
OF_FLAX = {"parent", "name"}


def public_objects():
    """{qualified name: function or class}, each once, of all modules' `__all__` and of COMPOSED."""
    names = [
        *((module, name) for module in MODULES for name in import_module(module).__all__),
        *(f"rsstl_jax.{path}".rsplit(".", 1) for path in COMPOSED),
    ]
    public = {}
    for module, name in names:
        thing = getattr(import_module(module), name)
        if not getattr(thing, "__module__", "").startswith("rsstl_jax"):
            continue  # A value, or another name for a type of Python's.
        if inspect.isclass(thing) or inspect.isroutine(thing) or hasattr(thing, "__wrapped__"):
            public[f"{thing.__module__}.{name}"] = thing
    return public


PUBLIC = public_objects()


def parameters_of(thing):
    if inspect.isclass(thing) and hasattr(thing, "_fields"):
        return set(thing._fields)
    if dataclasses.is_dataclass(thing):
        fields = {field.name for field in dataclasses.fields(thing) if field.init}
        return fields - OF_FLAX if hasattr(thing, "apply") else fields
    if inspect.isclass(thing):
        own = "__init__" in vars(thing)
        return set(inspect.signature(thing.__init__).parameters) - {"self"} if own else set()
    return set(inspect.signature(thing).parameters)


def returns_something(thing):
    if inspect.isclass(thing):
        return False
    return inspect.signature(thing).return_annotation not in (None, "None")


def sections_of(text):
    """{name of a section: its text}; what comes before the first one is under ''."""
    starts = list(SECTION.finditer(text))
    ends = [*(match.start() for match in starts[1:]), len(text)][: len(starts)]
    sections = {"": text[: starts[0].start() if starts else len(text)]}
    for match, end in zip(starts, ends, strict=True):
        sections[match[1]] = text[match.end() : end]
    return sections


def missing_parts(thing):
    if not thing.__doc__:
        return ["a docstring"]
    sections = sections_of(inspect.cleandoc(thing.__doc__))
    first, _, rest = sections[""].partition("\n")
    missing = []
    if not first.strip().endswith((".", ":")) or (rest and rest[0] != "\n"):
        missing.append("a summary of one line that ends in a full stop")
    for name in sorted(parameters_of(thing)):
        if not re.search(rf"^\s+\*{{0,2}}{name}: \S", sections.get("Args", ""), re.MULTILINE):
            missing.append(f"Args: {name}")
    given = sections.get("Returns", "") + sections.get("Yields", "")
    if returns_something(thing) and not given.strip():
        missing.append("Returns:")
    return missing + faults_of_example(sections.get("Example", ""))


def faults_of_example(text):
    """What keeps an example from failing for a reason that a reader cares about."""
    faults = [f"an Example without {phrase}" for phrase in PROVES_NOTHING if phrase in text]
    if not any(example.want for example in doctest.DocTestParser().get_examples(text)):
        faults.append("an Example with >>> and what it prints")
    return faults


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_public_object_is_documented(name):
    missing = missing_parts(PUBLIC[name])
    assert not missing, f"{name} lacks {', '.join(missing)}"


def test_every_module_of_the_list_has_public_objects():
    assert len(PUBLIC) > 60
    homes = {name.rpartition(".")[0] for name in PUBLIC}
    for module in MODULES[1:]:
        assert any(home.startswith(module) for home in homes), module


def definitions(tree, prefix):
    """(qualified name, node) of every function and class, those inside others too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{prefix}.{node.name}", node
            yield from definitions(node, f"{prefix}.{node.name}")
        else:
            yield from definitions(node, prefix)


def long_docstrings(tree, module):
    """Names outside PUBLIC, and outside its classes, that say more than a line or so."""
    for name, node in definitions(tree, module):
        public = any(name == known or name.startswith(f"{known}.") for known in PUBLIC)
        lines = (ast.get_docstring(node) or "").splitlines()
        if not public and len(lines) > MAX_LINES:
            yield name


def module_name(file):
    parts = file.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


LONG = [
    name
    for file in sorted(ROOT.rglob("*.py"))
    for name in long_docstrings(ast.parse(file.read_text(encoding="utf-8")), module_name(file))
]


def test_any_other_name_is_described_in_a_line_or_so():
    assert not LONG, f"more than {MAX_LINES} lines of docstring: {', '.join(LONG)}"


class HalfDocumented:
    """Half documented.

    Args:
        first: described.

    Example:
        >>> made = callable(print)
    """

    def __init__(self, first, second):
        pass


def test_the_check_finds_what_is_missing():
    """Or else it could not fail."""

    def silent(x) -> int:
        pass

    def wordy(x, *rest) -> int:  # noqa: D417
        """A summary
        of two lines.

        Args:
            x: a number, see rest: below.
        """

    assert missing_parts(silent) == ["a docstring"]
    assert missing_parts(wordy) == [
        "a summary of one line that ends in a full stop",
        "Args: rest",
        "Returns:",
        "an Example with >>> and what it prints",
    ]
    assert missing_parts(HalfDocumented) == [
        "Args: second",
        "an Example without callable(",
        "an Example with >>> and what it prints",
    ]


def test_the_check_finds_what_is_long():
    lines = "".join(f"    line {n}\n" for n in range(MAX_LINES))
    source = f'def combine():\n    """First.\n{lines}    """\n    def g():\n        """Short."""\n'
    assert list(long_docstrings(ast.parse(source), "somewhere")) == ["somewhere.combine"]
    assert not list(long_docstrings(ast.parse(source), "rsstl_jax.losses.combine"))
