"""Answers scans: position, floor, building and a radius that holds the position 90 % of the time.

    rsstl predict --student=pretrained --radio_map=my-office --scans=scans.csv --output=out.csv
    rsstl predict --workdir=results/my-office-dnn-tuned --student=seed-0/distilled --scans=scans.csv
    my-scanner | rsstl predict --student=results/my-office --scans=-

--scans is a CSV with one column per access point, a file of JSON lines, or - for JSON lines from
standard input, which are answered one by one. A line is {"access point": dBm, ...} or a list of
{"mac": ..., "rssi": ...}. Columns of a CSV that are named like a time, a phone or an identifier, or
that the layout ignores, are carried to the output.
"""

import hashlib
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from rsstl_jax.commands.shared.flag_definitions import (
    OR_PRETRAINED,
    define_data_dir,
    define_folder,
    define_student,
    refuse_unused,
)
from rsstl_jax.commands.shared.launch import define_processes
from rsstl_jax.commands.shared.outputs import (
    check_file,
    check_folder,
    open_output,
    pretrained_folder,
    student_folder,
)
from rsstl_jax.commands.shared.progress import announce
from rsstl_jax.errors import ConfigError, DataError
from rsstl_jax.store.files import naming
from rsstl_jax.store.processes import are_several, check_equal, in_first, is_first

if TYPE_CHECKING:
    import jax

    from rsstl_jax.data import Fingerprints, Layout
    from rsstl_jax.engine.locator import Locator

FLAGS = flags.FLAGS


def define_flags() -> None:
    define_student(OR_PRETRAINED)
    define_folder(
        "radio_map",
        None,
        "Names the site whose train part the pretrained network locates with: a dataset's name, a "
        "folder with train.csv, or the CSV itself. A student reads floors and buildings off it.",
    )
    define_folder(
        "scans", None, "Names the scans: a .csv, a .jsonl, or - for standard input.", required=True
    )
    define_folder(
        "output", "-", "Names the file of the answers, .csv or .jsonl. By default they are printed."
    )
    define_folder("save", None, "Names a folder to keep the pretrained network and radio map in.")
    flags.DEFINE_bool("replace", False, "Replaces another locator that --save names.")
    define_folder(
        "layout",
        None,
        "Names the layout.json that says how scans are written. By default it is that of the site.",
    )
    flags.DEFINE_string(
        "mesh", "", "Sets the devices that share the scans, such as data:4. By default it is one."
    )
    define_data_dir()
    define_processes()


def main() -> None:
    scans = FLAGS.scans
    is_table = scans.endswith((".csv", ".csv.gz"))
    if not (is_table or scans == "-" or scans.endswith(".jsonl")):
        raise ConfigError(f"--scans is {scans!r}; a .csv, a .jsonl or - is expected")
    is_there = sys.stdin is not None if scans == "-" else Path(scans).is_file()
    if not is_there:
        raise ConfigError(f"--scans: {'standard input' if scans == '-' else scans} is not there")
    if are_several() and not is_table:
        raise ConfigError(f"--scans is {scans}; several processes share a .csv: start one for it")
    _refuse_unused()
    if FLAGS.output != "-":
        inputs = [path for path in (scans, FLAGS.layout, FLAGS.radio_map) if path]
        in_first(check_file)(
            "--output",
            FLAGS.output,
            endings=(".csv", ".jsonl"),
            begins=(b"x_m,", b'{"x_m":', b'{"line":'),
            inputs=inputs,
        )
    if FLAGS.save:
        in_first(check_folder)("--save", FLAGS.save)
    _check_same_content("--scans", scans)
    devices, layout = _devices(), _read_layout()
    locator = _load()
    from rsstl_jax.serving.answers import COUNTED, answer_lines, answer_table

    locator.devices, locator.layout = devices, layout or locator.layout
    known = f"{locator.dataset}'s {len(locator.access_points)} access points"
    announce(f"answering with {known}", waits=scans == "-")
    # A table is answered with one unless --output says otherwise, and so are JSON lines.
    as_csv = FLAGS.output.endswith(".csv") or (is_table and not FLAGS.output.endswith(".jsonl"))
    answer = answer_table if is_table else answer_lines
    name = "standard output" if FLAGS.output == "-" else FLAGS.output
    with naming(name), open_output(FLAGS.output, streams=scans == "-") as output:
        counts = answer(locator, scans, output, as_csv=as_csv)
    said = [what for what in COUNTED if counts[what] or what == COUNTED[0]]
    words = ", ".join(f"{counts[what]} {what}" for what in said)
    where = "" if FLAGS.output == "-" else f": {FLAGS.output}"
    if is_first():
        print(f"{words}{where}", file=sys.stderr)


def _refuse_unused() -> None:
    """Refuses flags that say nothing together with the others."""
    if pretrained_folder():
        refuse_unused("with --student=pretrained", "workdir")
    else:
        refuse_unused("without --student=pretrained", "save", "replace")
    if not FLAGS.save:
        refuse_unused("without --save", "replace")
    if not FLAGS.radio_map or _map_path():
        refuse_unused("without a --radio_map that names a dataset", "data_dir")


def _devices() -> "Sequence[jax.Device]":
    """The devices that --mesh names; none: the default one."""
    from rsstl_jax.config.rules import read_mesh
    from rsstl_jax.engine.mesh import make_mesh

    sizes = read_mesh(FLAGS.mesh)
    if sizes is None or sizes.keys() - {"data"}:
        raise ConfigError(f"--mesh is {FLAGS.mesh!r}; it must be data and a number, as in data:4")
    mesh = make_mesh(FLAGS.mesh, "--mesh")
    return () if mesh is None else tuple(mesh.devices.flat)


def _load() -> "Locator":
    weights = pretrained_folder()
    if weights is None:
        folder = student_folder(OR_PRETRAINED)
        announce(f"loading {folder}")
        from rsstl_jax.engine.locator import NetworkLocator
        from rsstl_jax.serving.saved import load_locator

        _check_same_content("--student", folder)
        locator = load_locator(folder)
        if FLAGS.radio_map:
            if not isinstance(locator, NetworkLocator):
                raise ConfigError("--radio_map: an exported program holds its own labels")
            part = _radio_map()
            locator.read_labels(part)
            locator.layout = part.layout or locator.layout
        return locator
    if not FLAGS.radio_map:
        raise ConfigError(
            "--radio_map is missing; the pretrained network locates with a site's fingerprints "
            "of known positions"
        )
    announce(f"reading {FLAGS.radio_map}; fitting takes about half a minute")
    from rsstl_jax.serving.saved import check_new, save_at_site
    from rsstl_jax.site_agnostic.weights import load_pretrained

    if FLAGS.save:
        in_first(check_new)(FLAGS.save, [weights], replace=FLAGS.replace)
    ensemble = load_pretrained(weights).fit(_radio_map())
    if FLAGS.save:
        in_first(save_at_site)(FLAGS.save, ensemble, replace=FLAGS.replace)
    return ensemble


def _radio_map() -> "Fingerprints":
    from rsstl_jax.data import load_radio_map, read_radio_map

    if path := _map_path():
        part = read_radio_map(path)
    else:
        part = load_radio_map(FLAGS.radio_map, data_dir=FLAGS.data_dir)
    check_equal({"the content of --radio_map": part.digest()})
    return part


def _map_path() -> Path | None:
    """The file or folder that --radio_map names; None: it names a dataset."""
    from rsstl_jax.data.load import resolve_data_dir
    from rsstl_jax.data.readers import READERS

    name, path = FLAGS.radio_map, Path(FLAGS.radio_map)
    is_word = name == path.name and name != ".."
    if path.is_file() or (path.is_dir() and not is_word):
        return path
    # An empty folder of this name hides no dataset.
    if name in READERS or FLAGS.data_dir or not any(path.glob("*")):
        return None
    with suppress(DataError):  # where there is no folder of datasets, there is no dataset
        dataset = resolve_data_dir(None)[0] / name
        if dataset.is_dir() and not dataset.samefile(path):
            raise ConfigError(
                f"--radio_map={name} names the folder {path.resolve()} and the dataset {dataset}; "
                f"write ./{name} for the folder, or --data_dir={dataset.parent} for the dataset"
            )
    return path


def _read_layout() -> "Layout | None":
    """How --layout says that scans are written; None: as the locator's site writes them."""
    from rsstl_jax.data.readers.layout import LAYOUT_FILE, read_layout

    if not FLAGS.layout:
        return None
    path = Path(FLAGS.layout)
    is_there = path.name == LAYOUT_FILE and path.is_file()
    layout = read_layout(path.parent) if is_there else None
    if layout is None:
        raise ConfigError(f"--layout: {path} is no {LAYOUT_FILE} that is there")
    return layout


def _check_same_content(flag: str, path: str | Path) -> None:
    """Refuses processes in which a file, or the files of a folder, hold something else."""
    if not are_several():
        return
    total = hashlib.sha256()
    for file in sorted([Path(path), *Path(path).rglob("*")]):
        if file.is_file():
            total.update(f"{file.relative_to(path)}\n".encode() + file.read_bytes())
    check_equal({f"the content of {flag}": total.hexdigest()})
