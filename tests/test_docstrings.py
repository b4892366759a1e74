"""Every public function and class says what it takes, what it gives, and shows it."""

import dataclasses
import inspect
import re
from importlib import import_module

import pytest

# The rooms whose names other projects use; a name inside another room needs one line.
MODULES = [
    "rsstl_jax",
    *(
        f"rsstl_jax.{name}"
        for name in (
            "config",
            "data",
            "errors",
            "losses",
            "metrics",
            "models",
            "spectral",
            "types",
        )
    ),
]
SECTION = re.compile(
    r"^(Args|Returns|Yields|Raises|Notes|Example|Reference|Differs)s?:", re.MULTILINE
)
OF_FLAX = {"parent", "name"}


def public_objects():
    """{qualified name: function or class}, each once, of all modules' `__all__`."""
    found = {}
    for module in map(import_module, MODULES):
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if not getattr(thing, "__module__", "").startswith("rsstl_jax"):
                continue  # A value, or another name for a type of Python's.
            if inspect.isclass(thing) or inspect.isroutine(thing) or hasattr(thing, "__wrapped__"):
                found[f"{thing.__module__}.{name}"] = thing
    return found


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
    ends = [match.start() for match in starts[1:]] + [len(text)]
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
    if ">>> " not in sections.get("Example", ""):
        missing.append("Example: with >>>")
    return missing


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_public_object_is_documented(name):
    missing = missing_parts(PUBLIC[name])
    assert not missing, f"{name} lacks {', '.join(missing)}"


def test_every_module_of_the_list_has_public_objects():
    assert len(PUBLIC) > 80
    homes = {name.rpartition(".")[0] for name in PUBLIC}
    for module in MODULES[1:]:
        assert any(home.startswith(module) for home in homes), module


class Example:
    """Half documented.

    Args:
        first: described.
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
        "Example: with >>>",
    ]
    assert missing_parts(Example) == ["Args: second", "Example: with >>>"]
