"""Answers scans: position, floor, building and a radius that holds the position 90 % of the time.

    rsstl predict --student=pretrained --radio_map=my-office --scans=scans.csv --output=out.csv
    rsstl predict --workdir=results/my-office-dnn-tuned --student=seed-0/distilled --scans=scans.csv
    my-scanner | rsstl predict --student=results/my-office --scans=-

--scans is a CSV with one column per access point, a file of JSON lines, or - for JSON lines from
standard input, which are answered one by one. A line is {"access point": dBm, ...} or a list of
{"mac": ..., "rssi": ...}. Columns of a CSV that are no access points are carried to the output.
"""

import codecs
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from absl import flags

from rsstl_jax.commands.shared.flag_definitions import (
    OR_PRETRAINED,
    define_data_dir,
    define_folder,
    define_student,
    refuse_unused,
    require,
)
from rsstl_jax.commands.shared.launch import define_processes
from rsstl_jax.commands.shared.outputs import (
    check_file,
    check_folder,
    open_output,
    site_folder,
    student_folder,
)
from rsstl_jax.commands.shared.progress import announce
from rsstl_jax.commands.shared.same_content import check_same_content
from rsstl_jax.errors import ConfigError, DataError
from rsstl_jax.store.processes import are_several, check_equal, in_first, is_first

if TYPE_CHECKING:
    import jax
    import pandas as pd
    from numpy.typing import NDArray

    from rsstl_jax.data import Fingerprints, Layout
    from rsstl_jax.engine.locator import Locator

FLAGS = flags.FLAGS

CHECKED_LINES = 100  # of scans are looked at together: of one alone little can be said


def define_flags() -> None:
    define_student(OR_PRETRAINED)
    define_folder(
        "radio_map",
        None,
        "Names the site whose train part the pretrained network locates with: a dataset's name, a "
        "folder with train.csv, or the CSV itself.",
    )
    define_folder("scans", None, "Names the scans: a .csv, a .jsonl, or - for standard input.")
    require("scans", "--scans is missing; name a .csv or .jsonl, or - for standard input")
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
    if scans != "-" and not Path(scans).is_file():
        raise ConfigError(f"--scans: {scans} is not there")
    if are_several() and not is_table:
        raise ConfigError(f"--scans is {scans}; several processes share a .csv: start one for it")
    _refuse_unused()
    if FLAGS.output != "-":
        read: list[str | Path] = [path for path in (scans, FLAGS.layout) if path]
        if FLAGS.radio_map:
            read.append(_map_path() or site_folder(FLAGS.radio_map, FLAGS.data_dir))
        form = {"endings": (".csv", ".jsonl"), "begins": ("x_m,", '{"x_m":', '{"line":')}
        in_first(check_file)("--output", FLAGS.output, inputs=read, **form)
    if FLAGS.save:
        in_first(check_folder)("--save", FLAGS.save)
    check_same_content("--scans", scans)
    devices, layout = _devices(), _read_layout()
    locator = _load()
    locator.devices, locator.layout = devices, layout or locator.layout
    known = f"{locator.dataset}'s {len(locator.access_points)} access points"
    announce(f"answering with {known}", waits=scans == "-")
    with open_output(FLAGS.output, streams=scans == "-") as output:
        answer = _answer_table if is_table else _answer_lines
        answered, without = answer(locator, scans, output)
    unlocated = f", {without} without a known access point" if without else ""
    where = "" if FLAGS.output == "-" else f": {FLAGS.output}"
    if is_first():
        print(f"{answered} scans answered{unlocated}{where}", file=sys.stderr)


def _refuse_unused() -> None:
    """Refuses flags that say nothing together with the others."""
    if FLAGS.student == "pretrained":
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
    mesh = make_mesh(FLAGS.mesh)
    return () if mesh is None else tuple(mesh.devices.flat)


def _load() -> "Locator":
    if FLAGS.student != "pretrained":
        folder = student_folder(OR_PRETRAINED)
        announce(f"loading {folder}")
        from rsstl_jax.engine.locator import NetworkLocator
        from rsstl_jax.serving.saved import load_locator

        check_same_content("--student", folder)
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
        in_first(check_new)(FLAGS.save, replace=FLAGS.replace)
    ensemble = load_pretrained().fit(_radio_map())
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
    from rsstl_jax.data.readers import READERS

    path = Path(FLAGS.radio_map)
    return path if path.exists() and FLAGS.radio_map not in READERS else None


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


def _answer_table(locator: "Locator", scans: str, output: IO[str]) -> tuple[int, int]:
    """Answers a CSV block by block; the numbers of scans, and of those that had no answer."""
    from rsstl_jax.data.readers.scan_table import read_scan_table
    from rsstl_jax.serving.answers import answers_json

    answered = without = 0
    for rows, carried in read_scan_table(scans, locator.access_points, locator.layout):
        answers = locator.answer_table(rows)
        carry(answers, carried)
        if FLAGS.output.endswith(".jsonl"):
            output.writelines(f"{line}\n" for line in answers_json(answers))
        else:
            answers.to_csv(output, index=False, header=answered == 0, float_format="%.3f")
        answered, without = answered + len(answers), without + int((rows.detected == 0).sum())
    return answered, without


def carry(answers: "pd.DataFrame", carried: "pd.DataFrame") -> None:
    """Adds the other columns of a table of scans, with scan_ before a name that is taken."""
    for name in carried.columns:
        free = name
        while free in answers or (free != name and free in carried):
            free = f"scan_{free}"
        answers[free] = carried[name].to_numpy()


def _answer_lines(locator: "Locator", scans: str, output: IO[str]) -> tuple[int, int]:
    """Answers JSON lines one by one; a line that cannot be read is answered with its error."""
    import numpy as np

    from rsstl_jax.data import read_scans
    from rsstl_jax.data.plausibility import warn_of_scans
    from rsstl_jax.serving.answers import answers_json

    answered = without = 0
    as_csv = FLAGS.output.endswith(".csv")
    read = partial(read_scans, access_points=locator.access_points, undetected=locator.undetected)
    first: list[NDArray[np.float32]] = []
    # The program is compiled before the first line comes.
    locator.answer_table(read([{}]))
    for number, line in _lines(scans):
        try:
            rows = read([_parse(line)])
        except DataError as error:
            message = str(error).removeprefix("scan 0").lstrip(":, ")
            if as_csv:
                raise DataError(f"{scans}, line {number}: {message}") from error
            output.write(f"{json.dumps({'line': number, 'error': message})}\n")
            output.flush()
            continue
        answers = locator.answer_table(rows)
        if as_csv:
            answers.to_csv(output, index=False, header=answered == 0, float_format="%.3f")
        else:
            output.write(f"{answers_json(answers)[0]}\n")
        output.flush()
        answered, without = answered + 1, without + int(rows.detected[0] == 0)
        if answered <= CHECKED_LINES:
            first.append(rows.rss_dbm)
        if answered == CHECKED_LINES:
            warn_of_scans(np.concatenate(first), scans)
    if 0 < answered < CHECKED_LINES:
        warn_of_scans(np.concatenate(first), scans)
    return answered, without


def _parse(line: bytes) -> Any:
    from rsstl_jax.store.files import parse_json

    try:
        scan = parse_json(line.decode())
    except DataError:
        raise
    except (ValueError, RecursionError) as error:
        raise DataError(f'not JSON ({error}); a scan such as {{"AP1": -61}} is expected') from error
    if not isinstance(scan, dict | list):
        raise DataError(f'{scan!r} is no scan; one such as {{"AP1": -61}} is expected')
    return scan


def _lines(scans: str) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, each with its number in the file."""
    with nullcontext(sys.stdin.buffer) if scans == "-" else Path(scans).open("rb") as file:
        for number, line in enumerate(file, start=1):
            text = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            if text.strip():
                yield number, text
