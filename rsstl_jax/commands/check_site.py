"""Shows what a site's table holds, draws its plan and says what looks wrong and how to mend it.

    rsstl check_site --dataset=my-office
    rsstl check_site --dataset=my-office --delimiter=';' --decimal=, --undetected=-110 --write
    rsstl check_site --dataset=my-office --positions=degrees --x=lon --y=lat --ignore=id --write

Reads <data_dir>/<dataset>/train.csv, and test.csv where it is there. The plan is drawn to
results/check-site/<dataset>.png. --write stores the flags as layout.json beside the table: every
command then reads the site by it. The exit code is 2 where the table cannot be read.
"""

import logging
import math
from logging.handlers import BufferingHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from rsstl_jax.commands.shared.flag_definitions import (
    define_data_dir,
    define_dataset,
    define_names,
    refuse_unused,
)
from rsstl_jax.errors import ConfigError, MissingDataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rsstl_jax.data import Fingerprints, Layout

FLAGS = flags.FLAGS
PLANS = Path("results/check-site")
LISTS = {
    "undetected": "Names the values that stand for undetected, such as -110. By default it is 100.",
    "ignore": "Names columns that are not read, beside those that layout.json ignores already.",
}
TEXTS = {
    "x": "Names the column with x or the longitude. By default it is x.",
    "y": "Names the column with y or the latitude. By default it is y.",
    "floor": "Names the column with the floor. By default it is floor, if there is one.",
    "building": "Names the column with the building. By default it is building, if there is one.",
    "phone": "Names the column with the name of the phone. By default it is not read.",
    "time": "Names the column with the time, seconds since 1970 or such as 2013-06-20 07:35. By "
    "default it is not read.",
    "access_point_prefix": "Sets what the names of access points start with. By default every "
    "column that has no other use is one.",
    "delimiter": "Sets what separates the columns: , or ; or | or tab. By default it is a comma.",
}


def define_flags() -> None:
    define_dataset("Names the site.", required=True)
    define_data_dir()
    for name, meaning in LISTS.items():
        define_names(name, None, meaning)
    for name, meaning in TEXTS.items():
        flags.DEFINE_string(name, None, meaning)
    flags.DEFINE_enum("decimal", None, [".", ","], "Sets the decimal point of numbers.")
    flags.DEFINE_enum(
        "positions",
        None,
        ["metres", "degrees", "feet"],
        "Sets the unit of x and y. Degrees of longitude and latitude are projected to metres.",
    )
    flags.DEFINE_bool("empty_is_undetected", None, "Reads empty cells as undetected.")
    flags.DEFINE_bool("write", False, "Stores how the table is written as layout.json.")


def main() -> None:
    from rsstl_jax.data.describe import describe
    from rsstl_jax.data.readers.layout import write_layout

    folder, layout = _find_layout()
    if FLAGS.write and layout is not None and folder.is_dir():
        # Also where the table is not readable yet: the next call then needs the next flag alone.
        print(f"wrote {write_layout(folder, layout)}")
    parts, warnings = _read(layout)
    about_site: dict[str, str] = {}
    if layout is not None:
        # With the origin of degrees.
        layout = parts[0].layout or layout
        if layout.origin is not None:
            east, north = layout.origin
            where = f"longitude {east}, latitude {north}; x is metres east, y metres north"
            about_site["origin"] = where
        if FLAGS.write:
            write_layout(folder, layout)
    for part in parts:
        beside = parts[0] if part.part == "test" else None
        about = describe(part, beside) | (about_site if part.part == "train" else {})
        print(f"\n{part.dataset}, {part.part} part")
        for noun, value in about.items():
            print(f"  {noun:{max(map(len, about))}}  {value}")
    print()
    if len(parts) == 1:
        print("there is no test.csv: rsstl evaluate needs one, rsstl predict does not")
    print("\n".join(f"warning: {text}" for text in warnings) or "nothing looks wrong")
    try:
        plan = f"plan with the number of fingerprints: {_draw(parts[0])}"
    except OSError as error:
        # Where nothing can be written a table can be checked.
        plan = f"no plan: {PLANS} cannot be written ({error.strerror})"
    print(plan)


def _find_layout() -> "tuple[Path, Layout | None]":
    """The site's folder and how its table is written; None: the dataset has a form of its own."""
    from dataclasses import asdict

    from rsstl_jax.data.load import check_dataset_name, resolve_data_dir
    from rsstl_jax.data.readers import READERS
    from rsstl_jax.data.readers.layout import USES, Layout, make_layout, read_layout
    from rsstl_jax.data.synthetic import SYNTHETIC_PREFIX

    name = FLAGS.dataset
    check_dataset_name(name)
    names = (*LISTS, *TEXTS, "decimal", "positions", "empty_is_undetected")
    given: dict[str, Any] = {
        name: FLAGS[name].value for name in names if FLAGS[name].value is not None
    }
    if name in READERS or name.startswith(SYNTHETIC_PREFIX):
        refuse_unused(f"on {name}, which has a form of its own", *names, "write")
        return Path(), None
    folder = resolve_data_dir(FLAGS.data_dir)[0] / name
    stored = read_layout(folder) or Layout()
    if "undetected" in given:
        try:
            given["undetected"] = [float(text) for text in given["undetected"]]
        except ValueError as error:
            raise ConfigError(f"--undetected: {error}") from error
    # A column that is named now is not ignored any more, nor the other way round.
    named = {given[use].casefold() for use in USES if use in given}
    ignored = [column for column in stored.ignore if column.casefold() not in named]
    new = {column.casefold() for column in given.get("ignore", ())}
    for use in USES[2:]:  # there is no site without x and y
        if getattr(stored, use).casefold() in new:
            given.setdefault(use, getattr(Layout, use))
    given["ignore"] = list(dict.fromkeys([*ignored, *given.get("ignore", ())]))
    if "delimiter" in given:
        given["delimiter"] = {"tab": "\t", "\\t": "\t"}.get(given["delimiter"], given["delimiter"])
    if given.get("positions", "degrees") != "degrees":
        given["origin"] = None
    return folder, make_layout(asdict(stored) | given)


def _read(layout: "Layout | None") -> "tuple[Sequence[Fingerprints], list[str]]":
    """The parts that are there, and what the readers warned of."""
    from rsstl_jax.data import load_radio_map, load_site

    handler, log = BufferingHandler(capacity=1_000_000), logging.getLogger("rsstl_jax.data")
    handler.setLevel(logging.WARNING)
    log.addHandler(handler)
    log.propagate = False
    parts: Sequence[Fingerprints]
    try:
        site = load_site(FLAGS.dataset, data_dir=FLAGS.data_dir, layout=layout)
        parts = site.train, site.test
    except MissingDataError as error:
        if Path(error.file).name != "test.csv":
            raise
        parts = (load_radio_map(FLAGS.dataset, data_dir=FLAGS.data_dir, layout=layout),)
    finally:
        log.removeHandler(handler)
        log.propagate = True
    return parts, [record.getMessage() for record in handler.buffer]


def _draw(part: "Fingerprints") -> Path:
    """Draws the plan of each floor in squares, coloured by how many fingerprints each holds."""
    import numpy as np
    from matplotlib.colors import LogNorm

    from rsstl_jax.data.plausibility import MAX_STOREYS
    from rsstl_jax.report.plots import new_figure, plan_extent, save_figure

    labels = part.floor
    if labels is not None and len(np.unique(labels)) > MAX_STOREYS:
        labels = None  # They are rooms, whose plans would take minutes.
    floor = np.zeros(len(part), int) if labels is None else labels
    floors = np.unique(floor)[::-1]
    (left, bottom), (right, top) = plan_extent(part.position_m)
    width_m, depth_m = right - left, top - bottom
    side_m = max(width_m, depth_m) / 80
    columns, rows = math.ceil(width_m / side_m), math.ceil(depth_m / side_m)
    edges_m = left + side_m * np.arange(columns + 1), bottom + side_m * np.arange(rows + 1)
    height = float(np.clip(6.5 * depth_m / width_m, 1.0, 6.5)) + 0.4
    figure = new_figure((8.5, height * len(floors) + 0.8))
    figure.set_layout_engine("compressed")
    panels = figure.subplots(len(floors), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    drawn = []
    for axes, level in zip(panels, floors, strict=True):
        position_m = part.position_m[floor == level]
        drawn.append(axes.hist2d(*position_m.T, bins=edges_m, cmin=1)[3])
        title = "" if labels is None else f"floor {level}: "
        places = f"{len(np.unique(position_m, axis=0)):,} positions"
        axes.set_title(f"{title}{len(position_m):,} fingerprints, {places}", fontsize=9)
        axes.set_aspect("equal", adjustable="box")
        axes.set_ylabel("y (m), in the site's coordinates", fontsize=8)
        axes.ticklabel_format(useOffset=False, style="plain")
        axes.tick_params(labelsize=7)
    # One scale for all floors; 2 where no square holds more than one fingerprint.
    norm = LogNorm(1, max(2.0, *(np.nanmax(squares.get_array()) for squares in drawn)))
    for squares in drawn:
        squares.set_norm(norm)
    label = f"fingerprints in a square of {side_m:.2g} m"
    figure.colorbar(drawn[0], ax=list(panels), label=label, aspect=40, format="%d")
    panels[-1].set_xlabel("x (m), in the site's coordinates", fontsize=8)
    figure.suptitle(f"Fingerprints of {part.dataset}, {part.part} part", fontsize=10)
    path = PLANS / f"{part.dataset}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_figure(figure, path)
    return path
