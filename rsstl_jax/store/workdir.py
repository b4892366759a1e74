"""The folder of a run: its configuration, and the versions, commit and data of each start."""

import hashlib
import json
import logging
import platform
import subprocess
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict

from rsstl_jax.config.retired import drop_retired
from rsstl_jax.config.schema import default_config, flatten
from rsstl_jax.errors import ConfigError, DataError
from rsstl_jax.store.files import differences, json_digest, read_json, shortened, write_json
from rsstl_jax.store.processes import check_equal, in_first
from rsstl_jax.store.recorder import Recorder

_log = logging.getLogger(__name__)

_PACKAGES = ("rsstl_jax", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")

# Fields that may change between two starts in one workdir, because no training depends on them.
_MAY_CHANGE = (
    *("data_dir", "bundle_dir", "seeds"),
    *("run.checkpoint_every_s", "run.replicas", "run.mesh", "run.baselines"),
    "run.tensorboard",
)


CARDS = "ensemble.json", "at_site.json", "exported.json", "student.json"
"""The file that says what a saved locator is, by kind; of several in a folder the first counts."""


def provenance() -> dict[str, Any]:
    """Versions, commit and device of this process, for the first line of metrics.jsonl."""
    device = jax.local_devices()[0]
    return {
        "versions": {package: version(package) for package in _PACKAGES},
        "python": platform.python_version(),
        "commit": _commit(Path(__file__).parents[1]),
        "device": f"{device.platform}: {device.device_kind}",
    }


def _code_digest() -> str:
    """Of the package's own files: a commit does not tell two states of an edited checkout apart."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        digest.update(f"{file.relative_to(package)}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _commit(package: Path) -> str | None:
    """The commit of the checkout, if the package lies at its top; else None."""
    if not (package.parent / ".git").exists():
        return None
    words = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        git = subprocess.run(words, cwd=package, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return git.stdout.strip() if git.returncode == 0 else None


def open_workdir(config: ConfigDict, workdir: str | Path, command: str = "") -> Recorder:
    """Opens a run's folder, new or left by an earlier start of the same run.

    The command is named where it writes a result, which replaces no other command's.
    """
    file = Path(workdir) / "config.json"
    fields = _merge_written(file, json.loads(json.dumps(flatten(config))), command)
    digest = json_digest(_fixed_fields(fields))
    recorder = make_recorder(config, workdir, f"configuration {digest[:16]}")
    in_first(write_json)(file, fields)
    return recorder


def make_recorder(config: ConfigDict, workdir: str | Path, owner: str) -> Recorder:
    """The recorder of trainings whose states are signed with what they depend on."""
    return Recorder(
        workdir,
        log_every_epochs=config.run.log_every_epochs,
        checkpoint_every_s=config.run.checkpoint_every_s,
        owner=owner,
        tensorboard=config.run.tensorboard,
    )


@in_first
def _merge_written(file: Path, wanted: dict[str, Any], command: str) -> dict[str, Any]:
    """The fields of the run that a folder holds, which must be the one that is wanted."""
    refuse_other_command(file.parent, "plan.json")
    if not (file.exists() and has_work(file.parent)):
        return wanted
    result = file.with_name("result.json")
    # An earlier version did not write it.
    made_by = read_json(result).get("command", command) if command and result.exists() else command
    if made_by != command:
        raise ConfigError(
            f"{file.parent} holds the result of {made_by}; choose another --workdir or remove the "
            "folder"
        )
    written = read_json(file)
    try:
        # A field that is younger than the run has as its default what the code did before.
        renewed = json.loads(json.dumps(flatten(default_config()))) | drop_retired(written)
        changed = differences(_fixed_fields(renewed), _fixed_fields(wanted))
    except ConfigError as error:
        changed = [str(error)]
    if changed:
        words = shortened(changed, first=("target", "recipe"))
        raise ConfigError(
            f"{file.parent} holds a run of another configuration ({words}); "
            "choose another --workdir or remove the folder"
        )
    return written | {path: wanted[path] for path in _MAY_CHANGE}


def refuse_other_command(folder: Path, card: str) -> None:
    """Refuses a folder in which a command that writes this card has left its work."""
    if (held := held_card(folder)) and not has_work(folder):
        raise ConfigError(f"{folder} holds a locator ({held}); choose another --workdir")
    if (folder / card).exists() and has_work(folder):
        raise ConfigError(
            f"{folder} holds a run of another command ({card}); choose another --workdir or "
            "remove the folder"
        )


def held_card(folder: str | Path) -> str:
    """The name of the card of the locator that a folder holds; empty: it holds none."""
    return next((card for card in CARDS if Path(folder, card).exists()), "")


def has_work(folder: Path) -> bool:
    """Whether a folder has something to protect: a start may have been refused, or stopped."""
    return any((folder / name).exists() for name in ("checkpoints", "students", "result.json"))


def _fixed_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that a run's result depends on."""
    return {path: value for path, value in fields.items() if path not in _MAY_CHANGE}


def log_start(recorder: Recorder, data: Mapping[str, str], mesh: str = "") -> None:
    """Logs a start: versions, commit, device and digests of the data, which must not change."""
    check_equal({f"data of {name}": digest for name, digest in data.items()})
    _log_start(recorder, data, mesh)


@in_first
def _log_start(recorder: Recorder, data: Mapping[str, str], mesh: str) -> None:
    code = _code_digest()
    if has_work(recorder.workdir):
        check_data(recorder, data)
        made_by: str | None = None
        for record in recorder.records():
            made_by = record.get("code", made_by)
        if made_by not in (None, code):
            _log.warning(
                "the code of the package has changed since the last start in %s: finished "
                "trainings stay as they are, others continue from their states; choose another "
                "--workdir to train anew",
                recorder.workdir,
            )
    times = {"time": round(time.time(), 3), "seconds_before": _seconds_before(recorder)}
    recorder.log(
        {"run": "start", **provenance(), "code": code, "data": dict(data), **times} | on_mesh(mesh)
    )


def check_data(recorder: Recorder, data: Mapping[str, str]) -> None:
    """Refuses data, {name: digest}, other than those that a folder was made from."""
    made_from: dict[str, str] = {}
    for record in recorder.records():
        made_from |= record.get("data", {})
    for dataset, digest in made_from.items():
        if data.get(dataset, digest) != digest:
            raise DataError(
                f"{recorder.workdir} was made from other data of {dataset} (digest "
                f"{digest[:12]}, now {data[dataset][:12]}); choose another --workdir or "
                "remove the folder"
            )


def on_mesh(mesh: str) -> dict[str, str]:
    """What a record says of the devices it was made with; nothing of a single one."""
    return {"mesh": mesh} if mesh else {}


def seconds_so_far(recorder: Recorder) -> float:
    """How long all starts of a run have run until now."""
    start = [record for record in recorder.records() if record.get("run") == "start"][-1]
    return round(float(start["seconds_before"]) + time.time() - start["time"], 1)


def _seconds_before(recorder: Recorder) -> float:
    """How long all earlier starts have run, each until its last record."""
    starts = [record for record in recorder.records() if record.get("run") == "start"]
    last_written_s = recorder.last_written_s()
    if not starts or last_written_s is None or "time" not in starts[-1]:
        return 0.0
    took = max(0.0, last_written_s - starts[-1]["time"])
    return round(float(starts[-1]["seconds_before"]) + took, 1)
