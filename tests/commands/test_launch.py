"""Which processes are a run of several, what their flags must say, and what they must agree on."""

import socket

import pytest
from absl import flags
from jax.errors import JaxRuntimeError

from rsstl_jax.commands.shared import launch
from rsstl_jax.commands.shared.launch import (
    Launch,
    by_flags,
    by_launcher,
    check_port,
    meeting_place,
    start_processes,
)
from rsstl_jax.errors import ConfigError, MissingDataError
from rsstl_jax.store import processes
from rsstl_jax.store.messages import from_bytes, to_bytes
from rsstl_jax.store.processes import check_equal, exchange, in_first

# What the manual pages of sbatch and srun list, of a job of two nodes with four tasks.
JOB = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4", "SLURM_JOB_NUM_NODES": "2"}
BATCH = JOB | {"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_TASK_PID": "99"}
STEP = BATCH | {"SLURM_STEP_ID": "0", "SLURM_STEP_NODELIST": "n[1-2]", "SLURM_STEP_NUM_TASKS": "4"}
MPI = {
    "OMPI_COMM_WORLD_SIZE": "2",
    "OMPI_COMM_WORLD_RANK": "1",
    "OMPI_MCA_orte_hnp_uri": "4096.0;tcp://10.0.0.1:34911",
}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        (JOB, None),  # a shell of salloc, or one that came by ssh
        (BATCH, None),
        (STEP | {"SLURM_STEP_NUM_TASKS": "1"}, None),  # srun --pty bash in a larger job
        (STEP | {"SLURM_PROCID": "3"}, Launch(4, 3, None, "slurm")),
        (STEP | {"SLURM_PROCID": "4"}, None),
        (MPI, Launch(2, 1, None, "ompi")),
        # mpirun starts a step of its own, with one task a node.
        (STEP | MPI, Launch(2, 1, None, "ompi")),
        (STEP | MPI | {"OMPI_COMM_WORLD_SIZE": "1", "OMPI_COMM_WORLD_RANK": "0"}, None),
        (MPI | {"OMPI_COMM_WORLD_SIZE": "1", "OMPI_COMM_WORLD_RANK": "0"}, None),
    ],
)
def test_only_the_tasks_of_a_launcher_are_several_processes(environment, expected):
    assert by_launcher(environment, at_terminal=False) == expected


def test_a_shell_in_a_step_of_several_tasks_starts_a_run_of_its_own():
    assert by_launcher(STEP, at_terminal=True) is None


@pytest.mark.parametrize(
    ("task", "place"),
    [
        (Launch(2, 0, "gpu1:8476"), "gpu1:8476"),
        # A name that other hosts may not know.
        (Launch(4, 0, None, "slurm"), "the address in SLURM_STEP_NODELIST=n[1-2]"),
        (
            Launch(2, 1, None, "ompi"),
            "the address in OMPI_MCA_orte_hnp_uri=4096.0;tcp://10.0.0.1:34911",
        ),
    ],
)
def test_who_cannot_meet_the_others_is_told_where_they_are_sought(monkeypatch, task, place):
    for name, value in (STEP | MPI).items():
        monkeypatch.setenv(name, value)
    assert meeting_place(task) == place


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((None, None, None), None),
        ((None, 1, None), Launch(1, 0)),
        (("gpu1:8476", 2, 1), Launch(2, 1, "gpu1:8476")),
    ],
)
def test_three_flags_name_a_process(given, expected):
    assert by_flags(*given) == expected


@pytest.mark.parametrize(
    "given", [("gpu1:8476", None, None), (None, 2, 0), ("gpu1", 2, 0), ("gpu1:8476", 2, 2)]
)
def test_flags_that_name_no_process_are_refused(given):
    with pytest.raises(ConfigError, match="--coordinator, --num_processes, --process_id are"):
        by_flags(*given)


@pytest.fixture
def of_command(monkeypatch):
    """Flags of a command, and what would be joined."""
    values, joined = flags.FlagValues(), []
    monkeypatch.setattr(flags, "FLAGS", values)
    monkeypatch.setattr(launch, "_join", joined.append)
    flags.DEFINE_multi_string("set", [], "", flag_values=values)
    for name in ("coordinator", "num_processes", "process_id"):
        define = flags.DEFINE_string if name == "coordinator" else flags.DEFINE_integer
        define(name, None, "", flag_values=values)

    def start(*words):
        values(["tables", *words])
        start_processes()
        return joined

    return start


def test_tasks_without_a_mesh_are_runs_of_their_own(of_command, monkeypatch):
    for name, value in STEP.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(launch.sys, "stdin", None)
    assert of_command() == []
    joined = of_command("--set=run.mesh=replica:4")
    assert joined == [Launch(4, 0, None, "slurm")]
    of_command("--num_processes=1")
    assert len(joined) == 1


@pytest.mark.parametrize(
    ("environment", "number", "variable"),
    [(STEP, 4, "SLURM_STEP_NUM_TASKS"), (MPI, 2, "OMPI_COMM_WORLD_SIZE")],
)
def test_tasks_of_a_command_that_runs_as_one_process_are_refused(
    monkeypatch, environment, number, variable
):
    monkeypatch.setattr(flags, "FLAGS", flags.FlagValues())
    monkeypatch.setattr(launch.sys, "stdin", None)
    start_processes()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    words = f"{number} tasks of this command were started, .* start one, or set {variable}=1 where"
    with pytest.raises(ConfigError, match=words):
        start_processes()
    monkeypatch.setenv(variable, "1")
    start_processes()


def test_fields_of_a_table_are_compared_one_by_one(of_command, monkeypatch):
    """Where a process finds its data is its own affair."""
    of_command()
    facts = []
    for words in (("train.epochs=2", "data_dir=/a"), ("train.epochs=3", "data_dir=/b")):
        flags.FLAGS["set"].value = words
        facts.append(launch._facts())
    monkeypatch.setattr(processes, "exchange", lambda _: facts)
    message = r"process 1 differs from process 0: train\.epochs is 3 there and 2 in process 0$"
    with pytest.raises(ConfigError, match=message):
        check_equal({})


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_port_in_use_is_found_before_jax_listens(host):
    with socket.create_server((host, 0)) as used:
        port = used.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            check_port(port)
    check_port(port)


def test_processes_without_a_mesh_are_refused(of_command):
    words = ("--coordinator=gpu1:8476", "--num_processes=2", "--process_id=0")
    with pytest.raises(ConfigError, match="the mesh is empty"):
        of_command(*words)


def test_processes_that_differ_are_refused_by_name(monkeypatch):
    monkeypatch.setattr(
        processes, "exchange", lambda facts: [facts, facts, facts | {"jax": repr("2")}]
    )
    message = "process 2 differs from process 0: jax is '2' there and '1' in process 0$"
    with pytest.raises(ConfigError, match=message):
        check_equal({"jax": "1", "train.epochs": 5})


def test_one_process_exchanges_with_nobody():
    assert exchange("item") == ["item"]


def test_an_error_of_the_first_process_is_raised_in_the_others(monkeypatch):
    """With its type and its words: who catches it in one catches it in all."""
    error = MissingDataError("uji/train.csv", address="https://example.org", cause="no network")
    monkeypatch.setattr(processes, "are_several", lambda: True)
    monkeypatch.setattr(processes, "is_first", lambda: False)
    sent = from_bytes(to_bytes((None, error)))
    monkeypatch.setattr(processes, "exchange", lambda item: [sent, item])
    with pytest.raises(MissingDataError) as raised:
        in_first(pytest.fail)("the others do nothing")
    assert (str(raised.value), raised.value.file) == (str(error), error.file)


@pytest.mark.parametrize(
    ("error", "is_lost"),
    [
        (JaxRuntimeError("UNAVAILABLE: Failed to send RPC to coordination service."), True),
        # What a process with one device gets when the other is killed.
        (ValueError("UNKNOWN: Gloo AllGather failed: Connection reset by peer\n"), True),
        (JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes."), False),
        (ValueError("operands could not be broadcast together"), False),
    ],
)
def test_an_error_that_a_lost_process_leaves_is_told_from_others(monkeypatch, error, is_lost):
    monkeypatch.setattr(processes, "are_several", lambda: True)
    cause = str(error).strip()
    expected = f"another process of this run has ended or cannot be reached ({cause})"
    assert processes.lost_process(error) == (expected if is_lost else "")


def test_one_process_has_lost_none():
    assert processes.lost_process(JaxRuntimeError("INTERNAL: bug")) == ""
