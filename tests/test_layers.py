"""Imports go down the layers, heavy packages stay where they belong, and nothing brings a rival."""

import ast
import functools
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import rsstl_jax

ROOT = Path(rsstl_jax.__file__).parent
PROJECT = ROOT.parent

# A part of the package imports itself and the lines above it.
LAYERS = (
    ("_numerics", "errors", "types"),
    ("config", "losses", "metrics", "spectral"),
    ("store",),
    ("data",),
    ("models",),
    ("engine",),
    ("report",),
    ("baselines",),
    ("site_agnostic",),
    ("phases",),
    ("pipeline",),
    ("onnx_writer",),
    ("export", "paper"),
    ("serving",),
    ("commands",),
    ("cli",),
)
# Within the second line: who may import whom.
NEIGHBOURS = {"losses": {"spectral"}}


def module_name(file):
    parts = file.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(file): file for file in sorted(ROOT.rglob("*.py"))}


@functools.cache
def imported(file):
    """Full names of what a file imports, anywhere in it; a name from a module, with the module."""
    names = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            names += (f"{node.module}.{alias.name}" for alias in node.names)
    return names


def own_imports(name):
    """Modules of the package that a module imports."""
    for target in imported(MODULES[name]):
        if target.split(".")[0] == "rsstl_jax":
            yield target if target in MODULES else target.rpartition(".")[0]


def layer_of(part):
    layers = [number for number, parts in enumerate(LAYERS) if part in parts]
    assert layers, f"rsstl_jax.{part} has no layer: give it one in LAYERS"
    return layers[0]


@pytest.mark.parametrize("name", [name for name in MODULES if "." in name])
def test_imports_go_down_the_layers_only(name):
    part = name.split(".")[1]
    for target in own_imports(name):
        other = target.partition(".")[2].partition(".")[0]
        if target == "rsstl_jax" or other == part:
            assert other == part, f"{name} imports the package's top level"
            continue
        if layer_of(other) == layer_of(part):
            second = part not in LAYERS[1] or other in NEIGHBOURS.get(part, set())
            assert second, f"{name} imports {target}"
        assert layer_of(other) <= layer_of(part), f"{name} imports {target}"


def test_the_packages_docstring_lists_the_layers_upwards():
    listed = re.findall(r"^    ([a-z_]+(?:, [a-z_]+)*)  ", rsstl_jax.__doc__, re.MULTILINE)
    parts = [part for line in listed for part in line.split(", ")]
    assert len(parts) == len(set(parts)) > 10
    for place, part in enumerate(parts):
        later = {name for name in MODULES if name.split(".")[1:2] == [part]}
        used = {target.split(".")[1] for name in later for target in own_imports(name)}
        assert not used & set(parts[place + 1 :]), part


def test_there_is_no_cycle():
    graph = {name: set(own_imports(name)) - {name} for name in MODULES if "." in name}
    assert len(list(TopologicalSorter(graph).static_order())) >= len(graph)


def files_importing(package):
    files = [
        file
        for folder in ("rsstl_jax", "experiments", "configs")
        for file in (PROJECT / folder).rglob("*.py")
    ]
    return {
        file.relative_to(PROJECT).as_posix()
        for file in files
        if any(name.split(".")[0] == package for name in imported(file))
    }


def test_one_file_imports_orbax():
    assert files_importing("orbax") == {"rsstl_jax/store/checkpoint.py"}


@pytest.mark.parametrize("package", ["tensorflow", "clu", "tensorflow_datasets"])
def test_no_file_imports_another_framework(package):
    assert files_importing(package) == set()


def test_torch_is_met_in_the_benchmark_alone():
    assert files_importing("torch") == {
        f"experiments/benchmarks/{name}.py" for name in ("networks", "torch_networks", "torch_step")
    }


def test_only_jaxs_public_parts_are_used():
    private = ("jax.core", "jax.interpreters", "jax._src", "jax.experimental")
    for name, file in MODULES.items():
        for target in imported(file):
            allowed = not target.startswith(private)
            assert allowed or target.startswith("jax.experimental.multihost_utils"), (name, target)


def test_importing_everything_loads_no_tensorflow():
    code = (
        "import importlib, sys\n"
        f"for name in {sorted(MODULES)!r}: importlib.import_module(name)\n"
        "loaded = {'tensorflow', 'torch', 'clu', 'IPython'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
        "assert 'orbax' in sys.modules and 'flax' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_top_level_holds_exactly_what_it_names():
    homes = {f"rsstl_jax.{module}.{name}" for name, module in rsstl_jax._HOME.items()}
    assert homes == {name for name in imported(MODULES["rsstl_jax"]) if name.startswith("rsstl_")}
    for name in rsstl_jax.__all__:
        assert getattr(rsstl_jax, name) is not None
    with pytest.raises(AttributeError, match="module 'rsstl_jax' has no attribute 'nothing'"):
        _ = rsstl_jax.nothing
