"""A student as a program and a card, for those who have JAX but not this package."""

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export
from numpy.typing import NDArray

from rsstl_jax.data import Layout
from rsstl_jax.data.readers.layout import layout_facts
from rsstl_jax.engine.input_order import shown_names
from rsstl_jax.engine.locator import Locator, NetworkLocator
from rsstl_jax.engine.prototypes import NO_LABEL
from rsstl_jax.engine.saved_student import layout_of
from rsstl_jax.errors import ConfigError, DamagedError
from rsstl_jax.onnx_writer import to_onnx
from rsstl_jax.store.files import as_path, read_sealed, write_bytes, write_sealed
from rsstl_jax.store.workdir import held_card

__all__ = ["ExportedStudent", "export_student", "load_exported", "write_onnx"]

PLATFORMS = ("cpu", "cuda")
_PROGRAM, _CARD = "student.bin", "exported.json"
_FIELDS = {"dataset": str, "access_points": list, "origin_m": list, "program": str}


class ExportedStudent(Locator):
    """A compiled program that answers scans as the exported locator did.

    Args:
        program: float32[n, A] of dBm, NaN where undetected, to float32[n, 2], metres from the
            origin, int32[n], the label, and float32[n], the radius in metres, NaN without one.
        access_points: names of its inputs, in their order.
        origin_m: float64[2]. Origin in the site's own coordinates, metres.
        dataset: the site it was trained at.
        labels: int[C, 2]. The (building, floor) of each label, if the site names any.
        layout: how the site writes its scans; None: in the standard form.

    Example:
        >>> def north(rss_dbm):
        ...     positions_m = jnp.stack([0 * rss_dbm[:, 0], -rss_dbm[:, 0]], axis=1)
        ...     return positions_m, jnp.zeros(1, int), jnp.ones(1)
        >>> program = export.export(jax.jit(north))(jnp.zeros((1, 2)))
        >>> origin_m, labels = np.array([1e3, 2e3]), np.array([[0, 3]])
        >>> student = ExportedStudent(program, ("hall", "attic"), origin_m, "home", labels)
        >>> student
        <ExportedStudent of home: 2 access points (hall, attic), origin (1000.00, 2000.00) m>
        >>> print(student.locate([{"hall": -60.0}]))
              x_m     y_m  floor  building  radius_m  detected  unknown
        0  1000.0  2060.0      3         0       1.0         1        0
    """

    def __init__(
        self,
        program: export.Exported,
        access_points: Sequence[str],
        origin_m: NDArray[np.float64],
        dataset: str,
        labels: NDArray[np.int64] | None = None,
        layout: Layout | None = None,
    ) -> None:
        super().__init__(access_points, dataset, layout)
        self.program, self.origin_m, self.labels = program, origin_m, labels

    def __repr__(self) -> str:
        east_m, north_m = self.origin_m
        return (
            f"<ExportedStudent of {self.dataset}: {len(self.access_points):,} access points "
            f"{shown_names(self.access_points)}, origin ({east_m:.2f}, {north_m:.2f}) m>"
        )

    def _answer_chunk(self, rss_dbm: NDArray[np.float32]) -> Sequence[NDArray[Any]]:
        # A program says by a NaN what was not detected, and that it knows no radius.
        with jax.debug_nans(False):
            out = self._run(rss_dbm)
        # An earlier version's program gives positions alone.
        centered_m, label, radii_m = out if isinstance(out, list | tuple) else (out, None, None)
        nothing = np.full(len(rss_dbm), np.nan)
        return (
            np.asarray(centered_m, np.float64) + self.origin_m,
            np.zeros(len(rss_dbm), np.int64) if label is None else np.asarray(label, np.int64),
            nothing if radii_m is None else np.asarray(radii_m, np.float64),
            nothing[:, None],
        )

    @cached_property
    def _run(self) -> Callable[[NDArray[np.float32]], Any]:
        """The program, compiled once for every number of rows."""
        return jax.jit(self.program.call)


def export_student(student: NetworkLocator, folder: str | Path) -> None:
    """Writes a locator as a program that runs without this package, and a card next to it.

    `student.bin` is the serialised program (StableHLO, for CPU and CUDA, one or more rows), with
    parameters, preprocessing, radio map and radius model inside; `exported.json` has the names of
    its inputs in their order, its units, the origin of its positions, the building and floor of
    its labels, and the program's checksum.

    Args:
        student: what `load_student`, or `load_pretrained().fit`, returned.
        folder: made if it is missing; a student that was exported there is replaced, and its
            student.onnx removed.

    Raises:
        ConfigError: if flatbuffers, which JAX serialises with, is not installed, or the folder
            holds a locator of another kind, such as a student.
        OSError: if a file cannot be written.

    Example:
        >>> import json, tempfile
        >>> from rsstl_jax import load_pretrained, load_site
        >>> office = load_pretrained().fit(load_site("synthetic-office").train)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     export_student(office, folder)
        ...     card = json.loads(Path(folder, "exported.json").read_text())
        >>> card["platforms"], card["access_points"][:2]
        (['cpu', 'cuda'], ['AP001', 'AP002'])
    """
    _need_flatbuffers()
    folder = as_path("folder", folder)
    check_export_folder(folder)
    _need_network(student)
    (rows,) = export.symbolic_shape("n")
    inputs = jax.ShapeDtypeStruct((rows, len(student.access_points)), jnp.float32)
    program = export.export(jax.jit(student.answer_fn()), platforms=PLATFORMS)(inputs)
    content = bytes(program.serialize())
    card = {
        **describe(student),
        "platforms": PLATFORMS,
        "jax": jax.__version__,
        "program": hashlib.sha256(content).hexdigest(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    # While the card is missing there is no student: a program never stands beside another's card.
    (folder / _CARD).unlink(missing_ok=True)
    if (folder / _PROGRAM).exists():
        (folder / "student.onnx").unlink(missing_ok=True)  # It is of the student that was there.
    write_bytes(folder / _PROGRAM, content)
    write_sealed(folder / _CARD, card)


def check_export_folder(folder: Path) -> None:
    """Refuses a folder with a locator of another kind, which the program would hide."""
    if (card := held_card(folder)) not in ("", _CARD):
        raise ConfigError(
            f"{folder} holds a locator that is no exported program ({card}); name another folder"
        )


def describe(student: NetworkLocator) -> dict[str, Any]:
    """What a program's card says of its inputs and outputs."""
    labels = None
    if student.labels is not None:
        rows = student.labels.tolist()
        labels = [[None if value == NO_LABEL else value for value in row] for row in rows]
    return {
        "dataset": student.dataset,
        "access_points": student.access_points,
        "input": "dBm, NaN where undetected",
        "outputs": ["x and y from origin_m, m", "row of labels", "radius, m"],
        "origin_m": student.preprocessor.origin_m.tolist(),
        "labels": labels,
        "coverage": None if student.radius is None else student.radius.coverage,
        "layout": layout_facts(student.layout),
    }


def write_onnx(student: NetworkLocator, file: str | Path) -> None:
    """Writes a locator as an ONNX file, whose metadata has a card like that of the program.

    Inputs and outputs are those of the program: `rss_dbm`, and `position_m`, `label`, `radius_m`.

    Args:
        student: what `load_student`, or `load_pretrained().fit`, returned.
        file: such as student.onnx.

    Raises:
        ConfigError: if onnx is not installed.
        OSError: if the file cannot be written.

    Example:
        >>> import json, onnx, tempfile
        >>> from rsstl_jax import load_pretrained, load_site
        >>> office = load_pretrained().fit(load_site("synthetic-office").train)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_onnx(office, f"{folder}/office.onnx")
        ...     model = onnx.load(f"{folder}/office.onnx")
        >>> card = json.loads(model.metadata_props[0].value)
        >>> card["labels"], [output.name for output in model.graph.output]
        ([[None, 0], [None, 1], [None, 2]], ['position_m', 'label', 'radius_m'])
    """
    file = as_path("file", file)
    _need_network(student)
    names = ["position_m", "label", "radius_m"]
    card = {"card": json.dumps(describe(student))}
    inputs = len(student.access_points)
    write_bytes(file, to_onnx(student.answer_fn(), inputs, output_names=names, metadata=card))


def load_exported(folder: str | Path) -> ExportedStudent:
    """The program and the card that `export_student` wrote, checked and ready to locate.

    Args:
        folder: where it was written.

    Returns:
        ExportedStudent.

    Raises:
        FileNotFoundError: if a file of it is missing; the message names it.
        DamagedError: if a file of it was changed; the message names it.
        ConfigError: if flatbuffers is not installed.

    Example:
        >>> import tempfile
        >>> from rsstl_jax import load_pretrained, load_site
        >>> office = load_pretrained().fit(load_site("synthetic-office").train)
        >>> scans = [{"AP003": -61.0, "AP017": -78.0}]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     export_student(office, folder)
        ...     exported = load_exported(folder).locate(scans)
        >>> bool(np.allclose(exported[["x_m", "y_m"]], office.locate(scans)[["x_m", "y_m"]]))
        True
    """
    _need_flatbuffers()
    folder = as_path("folder", folder)
    card = read_sealed(folder / _CARD, _FIELDS)
    content = (folder / _PROGRAM).read_bytes()
    if hashlib.sha256(content).hexdigest() != card["program"]:
        raise DamagedError(f"{folder / _PROGRAM} was changed: its checksum does not fit")
    labels = [[NO_LABEL if v is None else v for v in row] for row in card.get("labels") or ()]
    return ExportedStudent(
        export.deserialize(bytearray(content)),
        tuple(card["access_points"]),
        np.asarray(card["origin_m"], np.float64),
        card["dataset"],
        np.array(labels, np.int64) if labels else None,
        layout_of(card, folder / _CARD),
    )


def _need_flatbuffers() -> None:
    if find_spec("flatbuffers") is None:
        raise ConfigError("flatbuffers is not installed; pip install 'rsstl_jax[export]'")


def _need_network(student: object) -> None:
    if not isinstance(student, NetworkLocator):
        raise ConfigError(
            f"student is a {type(student).__name__}; what load_student, or load_pretrained().fit, "
            "returned is expected"
        )
