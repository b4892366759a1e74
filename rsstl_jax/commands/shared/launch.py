"""A run of several processes: started by flags, by srun or by mpirun."""

import faulthandler
import os
import re
import socket
import sys
import threading
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, NamedTuple, NoReturn

from absl import flags

from rsstl_jax.commands.shared.help_text import own_flags
from rsstl_jax.config.overrides import read_assignments
from rsstl_jax.config.schema import flatten
from rsstl_jax.errors import ConfigError
from rsstl_jax.store.processes import check_equal, is_first

HEARTBEAT_S = 30
"""A process that is silent for so long has ended; the others end then."""
MEETING_S = 300
"""So long a process waits for the others when a run starts."""

_FLAGS = ("coordinator", "num_processes", "process_id")
_OWN = {*_FLAGS, "workdir", "output", "document", "pretrain", "data_dir", "bundle_dir"}
"""What may differ between processes: who they are, and where the first one writes."""

# By JAX's name of a launcher: how many tasks, which this one is, and where the first one is.
_LAUNCHERS = {
    "ompi": ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_MCA_orte_hnp_uri"),
    "slurm": ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "SLURM_STEP_NODELIST"),
}


class Launch(NamedTuple):
    """What a process has to know to find the others of its run."""

    number: int  # of processes
    process: int  # this one, from 0
    coordinator: str | None = None  # host:port of process 0; None: JAX asks the launcher
    launcher: str = "deactivate"  # as JAX calls it; this one asks none


def define_processes() -> None:
    """The flags by which several processes make one run."""
    flags.DEFINE_string(
        "coordinator",
        None,
        "Names host:port of process 0 where several processes share the mesh. Under srun and "
        "mpirun it is found.",
    )
    flags.DEFINE_integer(
        "num_processes",
        None,
        "Sets how many processes share the mesh; 1 makes each task of srun a run of its own.",
        lower_bound=1,
    )
    flags.DEFINE_integer(
        "process_id", None, "Numbers this process, from 0; process 0 writes.", lower_bound=0
    )


def by_flags(coordinator: str | None, number: int | None, process: int | None) -> Launch | None:
    """What the three flags say; None: nothing."""
    given = (coordinator, number, process)
    if given == (None, 1, None):
        return Launch(1, 0)
    if given == (None, None, None):
        return None
    named = coordinator is not None and re.fullmatch(r".+:\d+", coordinator)
    if named and number is not None and process is not None and process < number:
        return Launch(number, process, coordinator)
    raise ConfigError(
        f"--{', --'.join(_FLAGS)} are {given}; all three are needed: host:port of process 0, as in "
        "gpu1:8476, how many processes there are, and which this one is, from 0"
    )


def by_launcher(environment: Mapping[str, str], *, at_terminal: bool) -> Launch | None:
    """The tasks of srun or mpirun of which this process is one; None: it is no such task."""
    # A shell has variables of its job.
    if at_terminal:
        return None
    for launcher, (tasks, task, _) in _LAUNCHERS.items():
        number, process = environment.get(tasks, ""), environment.get(task, "")
        if number.isdigit() and process.isdigit():
            is_one_of_several = int(process) < int(number) > 1
            return Launch(int(number), int(process), None, launcher) if is_one_of_several else None
    return None


def start_processes() -> None:
    """Joins the other processes of a run, if there are any, before JAX looks for devices."""
    values: Any = flags.FLAGS
    at_terminal = sys.stdin is not None and sys.stdin.isatty()
    tasks = by_launcher(os.environ, at_terminal=at_terminal)
    if "coordinator" not in values:
        if tasks is not None:
            raise ConfigError(
                f"{tasks.number} tasks of this command were started, and each would do all of its "
                f"work; start one, or set {_LAUNCHERS[tasks.launcher][0]}=1 where each task has "
                "files of its own"
            )
        return
    launch, mesh = by_flags(*(values[name].value for name in _FLAGS)), _fields().get("run.mesh")
    if launch is not None and launch.number > 1 and not mesh:
        raise ConfigError(
            "--coordinator is given and the mesh is empty, whose devices processes share; give "
            "run.mesh, or --mesh of rsstl predict"
        )
    # Without a mesh the tasks of a launcher are runs of their own.
    if launch is None and mesh:
        launch = tasks
    if launch is not None and launch.number > 1:
        _join(launch)


def _fields() -> dict[str, Any]:
    """The fields of the configuration; of `tables` those that --set gives, of `predict` --mesh."""
    if "config" in flags.FLAGS:
        return flatten(flags.FLAGS.config)
    if "set" in flags.FLAGS:
        return read_assignments(flags.FLAGS.set)
    return {"run.mesh": flags.FLAGS.mesh}


def _join(launch: Launch) -> None:
    import jax

    # Its handler of SIGTERM would take the place of the one that saves a state.
    jax.config.update("jax_enable_preemption_service", False)
    # Where another process is silent for too long JAX aborts, whose line a dump would hide.
    faulthandler.disable()
    # JAX, which would wait as long, aborts with pages.
    waiting = threading.Timer(MEETING_S, _give_up, (launch,))
    waiting.daemon = True
    waiting.start()
    try:
        if launch.coordinator and launch.process == 0:
            check_port(int(launch.coordinator.rpartition(":")[2]))
        jax.distributed.initialize(
            launch.coordinator,
            launch.number,
            launch.process,
            cluster_detection_method=launch.launcher,
            initialization_timeout=2 * MEETING_S,
            heartbeat_timeout_seconds=HEARTBEAT_S,
        )
    # A KeyError: the launcher does not say all that JAX asks it for.
    except (RuntimeError, OSError, OverflowError, KeyError) as error:
        cause = str(error).partition("\n")[0]
        raise ConfigError(
            f"process {launch.process} cannot join the others at {meeting_place(launch)} "
            f"({cause}); is its port free? --coordinator, --num_processes and --process_id name "
            "another place"
        ) from error
    jax.devices()
    waiting.cancel()
    if jax.device_count() != launch.number * jax.local_device_count():
        raise ConfigError(
            f"process {launch.process} has {jax.local_device_count()} of {jax.device_count()} "
            f"devices; each of {launch.number} processes must have as many"
        )
    # Gloo prints to the descriptor of stdout; results are those of the first process.
    if is_first():
        sys.stdout = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    check_equal(_facts())


def check_port(port: int) -> None:
    """OSError where a port is in use: JAX, which fails to listen there, may crash."""
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    socket.create_server(("", port), family=family, dualstack_ipv6=both).close()


def meeting_place(launch: Launch) -> str:
    """Where the processes look for process 0, as its user can check it."""
    if launch.coordinator:
        return launch.coordinator
    address = _LAUNCHERS[launch.launcher][2]
    return f"the address in {address}={os.environ.get(address, '')}"


def _give_up(launch: Launch) -> NoReturn:
    words = f"process {launch.process} has not met all {launch.number} processes of the run at "
    words += f"{meeting_place(launch)} within {MEETING_S} s"
    try:
        print(f"error: {words}", file=sys.stderr, flush=True)
    finally:
        os._exit(1)


def _facts() -> dict[str, Any]:
    """What must be the same in all processes, before any of them reads data."""
    facts = {package: version(package) for package in ("rsstl_jax", "jax", "jaxlib", "numpy")}
    apart = {*_OWN, "config", "set"}  # whose fields are compared one by one
    given = {f"--{flag.name}": flag.value for flag in own_flags() if flag.name not in apart}
    return facts | given | {name: v for name, v in _fields().items() if name not in _OWN}
