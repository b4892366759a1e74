"""A student as a program and a card, for those who have JAX but not this package."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import export
from numpy.typing import NDArray

from rsstl_jax.data.scans import pad_rows, scans_to_rss_dbm
from rsstl_jax.engine.saved_student import Student, shown_names
from rsstl_jax.engine.student_card import read_card
from rsstl_jax.errors import ConfigError, DamagedError
from rsstl_jax.store.files import write_bytes, write_sealed

__all__ = ["ExportedStudent", "export_student", "load_exported"]

PLATFORMS = ("cpu", "cuda")
_PROGRAM, _CARD = "student.bin", "exported.json"
_FIELDS = {"dataset": str, "access_points": list, "origin_m": list, "program": str}


@dataclass(frozen=True, repr=False)
class ExportedStudent:
    """A compiled program that locates scans as the exported student did.

    Args:
        program: float32[n, A] of dBm, NaN where undetected, to float32[n, 2], metres from the
            origin.
        access_points: names of its inputs, in their order.
        origin_m: float64[2]. Origin in the site's own coordinates, metres.
        dataset: the site it was trained at.

    Example:
        >>> north_m = jax.jit(lambda rss_dbm: jnp.stack([0 * rss_dbm[:, 0], -rss_dbm[:, 0]], 1))
        >>> program = export.export(north_m)(jnp.zeros((1, 2)))
        >>> student = ExportedStudent(program, ("hall", "kitchen"), np.array([1e3, 2e3]), "home")
        >>> student
        <ExportedStudent of home: 2 access points (hall, kitchen), origin (1000.00, 2000.00) m>
        >>> print(student.locate([{"hall": -60.0}]))
        [[1000. 2060.]]
    """

    program: export.Exported
    access_points: tuple[str, ...]
    origin_m: NDArray[np.float64]
    dataset: str

    def __repr__(self) -> str:
        east_m, north_m = self.origin_m
        return (
            f"<ExportedStudent of {self.dataset}: {len(self.access_points):,} access points "
            f"{shown_names(self.access_points)}, origin ({east_m:.2f}, {north_m:.2f}) m>"
        )

    def locate(self, scans: Sequence[Mapping[str, float]]) -> NDArray[np.float64]:
        """The positions of scans as a receiver reports them, as `Student.locate` gives them.

        Args:
            scans: one mapping a scan: an access point's name to its level, dBm. Access points that
                the student does not know are left out, and those it knows may be missing.

        Returns:
            float64[n, 2]. Positions in the site's own coordinates, metres.

        Raises:
            DataError: if there is no scan, one has no access point that the student knows, or a
                level is outside -130...0 dBm; the message names the scan by its index.
        """
        rss_dbm = scans_to_rss_dbm(scans, self.access_points, dataset=self.dataset)
        centered_m = self._run(pad_rows(rss_dbm))[: len(rss_dbm)]
        return np.asarray(centered_m, np.float64) + self.origin_m

    @cached_property
    def _run(self) -> Callable[[NDArray[np.float32]], jax.Array]:
        """The program, compiled once for every number of rows."""
        return jax.jit(self.program.call)


def export_student(student: Student, folder: str | Path) -> None:
    """Writes a student as a program that needs only JAX, and a card next to it.

    `student.bin` is the serialised program (StableHLO, for CPU and CUDA, any number of rows), with
    parameters and preprocessing inside; `exported.json` has the names of its inputs in their order,
    the origin of its output, and the program's checksum.

    Args:
        student: what `load_student` returned.
        folder: made if it is missing; a student that was exported there is replaced.

    Raises:
        ConfigError: if flatbuffers, which JAX serialises with, is not installed.
        OSError: if a file cannot be written.

    Example:
        >>> import json, tempfile
        >>> from rsstl_jax import default_config, load_site, make_network
        >>> from rsstl_jax.data import fit_preprocessor
        >>> from rsstl_jax.engine.localizer import Localizer
        >>> train = load_site("synthetic-office").train
        >>> localizer = Localizer(make_network(default_config()), fit_preprocessor(train))
        >>> params = localizer.init(jax.random.key(0), train.num_access_points)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     export_student(Student(localizer, params, train.access_points, "home"), folder)
        ...     card = json.loads(Path(folder, "exported.json").read_text())
        >>> card["platforms"], card["access_points"][:2]
        (['cpu', 'cuda'], ['AP001', 'AP002'])
    """
    _need_flatbuffers()
    localizer = student.localizer

    def locate(rss_dbm: jax.Array) -> jax.Array:
        position = localizer.represent(student.params, rss_dbm).location
        return position * localizer.preprocessor.scale_m

    (rows,) = export.symbolic_shape("n")
    inputs = jax.ShapeDtypeStruct((rows, len(student.access_points)), jnp.float32)
    program = export.export(jax.jit(locate), platforms=PLATFORMS)(inputs)
    content = bytes(program.serialize())
    card = {
        "dataset": student.dataset,
        "access_points": student.access_points,
        "origin_m": localizer.preprocessor.origin_m.tolist(),
        "platforms": PLATFORMS,
        "jax": jax.__version__,
        "program": hashlib.sha256(content).hexdigest(),
    }
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # While the card is missing there is no student: a program never stands beside another's card.
    (folder / _CARD).unlink(missing_ok=True)
    write_bytes(folder / _PROGRAM, content)
    write_sealed(folder / _CARD, card)


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
        >>> from rsstl_jax import default_config, load_site, make_network
        >>> from rsstl_jax.data import fit_preprocessor
        >>> from rsstl_jax.engine.localizer import Localizer
        >>> train = load_site("synthetic-office").train
        >>> localizer = Localizer(make_network(default_config()), fit_preprocessor(train))
        >>> params = localizer.init(jax.random.key(0), train.num_access_points)
        >>> student = Student(localizer, params, train.access_points, train.dataset)
        >>> scans = [{"AP003": -61.0, "AP017": -78.0}]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     export_student(student, folder)
        ...     positions_m = load_exported(folder).locate(scans)
        >>> bool(np.allclose(positions_m, student.locate(scans), atol=1e-3))
        True
    """
    _need_flatbuffers()
    folder = Path(folder)
    for name in (_CARD, _PROGRAM):
        if not (folder / name).exists():
            raise FileNotFoundError(f"{folder} holds no exported student: {name} is missing")
    card = read_card(folder / _CARD, _FIELDS)
    content = (folder / _PROGRAM).read_bytes()
    if hashlib.sha256(content).hexdigest() != card["program"]:
        raise DamagedError(f"{folder / _PROGRAM} was changed: its checksum does not fit")
    return ExportedStudent(
        export.deserialize(bytearray(content)),
        tuple(card["access_points"]),
        np.asarray(card["origin_m"], np.float64),
        card["dataset"],
    )


def _need_flatbuffers() -> None:
    if find_spec("flatbuffers") is None:
        raise ConfigError("flatbuffers is not installed; pip install 'rsstl_jax[export]'")
