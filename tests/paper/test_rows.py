"""Rows of result tables: what each trains, and the receipt that it leaves."""

import json
from functools import partial

import pytest
import tiny

from rsstl_jax.baselines.run_baseline import run_baseline
from rsstl_jax.errors import ConfigError
from rsstl_jax.models import make_network
from rsstl_jax.paper.receipts import run_row
from rsstl_jax.paper.rows import row_config, row_name, row_students
from rsstl_jax.phases.alignment_terms import TERMS
from rsstl_jax.phases.student_specs import plan_student

SOURCES = ("synthetic-office", "synthetic-mall", "synthetic-campus")


def test_sources_are_the_sites_but_the_target():
    config = row_config("students", target="synthetic-mall", network="baat", sources=SOURCES)
    assert config.sources == "synthetic-office,synthetic-campus"
    assert config.network == "baat" and config.teacher.kind == "surrogate"


@pytest.mark.parametrize("control", ["noise", "untrained"])
def test_a_control_differs_from_the_students_by_its_teachers_alone(control):
    of_students, of_control = (
        row_config(row, target="uji", network="dnn", sources=SOURCES)
        for row in ("students", control)
    )
    assert of_control.teacher.kind == control
    of_control.teacher.kind = of_students.teacher.kind
    assert of_control == of_students


def test_rows_and_fields_that_do_not_exist_are_named():
    with pytest.raises(
        ConfigError, match=r"row is .students2.; it must be one of students, agnostic, knn-share, "
    ):
        row_config("students2", target="uji", network="dnn", sources=SOURCES)
    with pytest.raises(ConfigError, match=r"train[.]epoch .* did you mean train[.]epochs"):
        row_config(
            "knn", target="uji", network="dnn", sources=SOURCES, overrides={"train.epoch": 3}
        )


@pytest.mark.slow
def test_a_control_trains_no_second_stand_alone_student(tmp_path):
    tiny.write_sites(tmp_path / "data", "home", "mall")
    config = tiny.make_tiny_config(data_dir=str(tmp_path / "data"))
    config.teacher.kind = "untrained"
    first = run_row("untrained", config, tmp_path / "run")
    assert list(first["result"]["students"]) == ["distilled"]
    assert not (tmp_path / "run/students/seed-0/standalone").exists()
    assert first["start"]["data"].keys() == {"home"}, "untrained teachers need no source data"
    assert not {"data_dir", "bundle_dir"} & first["config"].keys()
    # A second start trains nothing, and the receipt stays that of the first.
    assert run_row("untrained", config, tmp_path / "run") == first
    # So does one of an earlier version, which did not write the command.
    del first["result"]["command"]
    (tmp_path / "run/receipt.json").write_text(json.dumps(first))
    assert run_row("untrained", config, tmp_path / "run") == first


@pytest.mark.slow
def test_baselines_without_training_have_a_round_for_every_share(tmp_path):
    tiny.write_sites(tmp_path / "data", "home", "mall")
    config = tiny.make_tiny_config(data_dir=str(tmp_path / "data"), seeds=(3, 5))
    config.data.fraction = 0.5
    knn, centroid = (
        run_row(f"{name}-share", config, tmp_path / name)["result"] for name in ("knn", "centroid")
    )
    assert knn["seeds"] == centroid["seeds"] == [3, 5] and len(knn["settings"]) == 2
    first, second = centroid["students"]["centroid"]["mae_m"]
    assert first != second
    # Of one round alone: the share is that of the seed.
    config.data.fraction_seed = 5
    alone = run_baseline(config, "centroid", tmp_path / "alone")["students"]["centroid"]
    low, high = alone["mae_interval_over_positions_m"]
    assert alone["mae_m"] == [second] and low < second < high


def test_a_share_of_uji_is_visited_as_often_as_the_whole_up_to_a_limit():
    for share, epochs in ((1.0, 60), (0.1, 600), (0.01, 2000)):
        for row in ("share", "agnostic-share"):
            config = row_config(row, target="uji", network="dnn", sources=SOURCES, share=share)
            assert (config.train.epochs, config.data.fraction) == (epochs, share)
    assert config.teacher.kind == "agnostic" and config.distill.num_unlabelled == 128
    of_tampere = row_config("share", target="tampere", network="dnn", sources=SOURCES, share=0.1)
    assert of_tampere.train.epochs == 400
    assert list(row_students("agnostic-share", config)) == [
        "standalone",
        "distilled",
        "soft-target",
        "ensemble",
        "alignment",
    ]


@pytest.mark.slow
def test_a_share_has_a_subset_of_its_own_for_every_seed(tmp_path):
    tiny.write_sites(tmp_path / "data", "home", "mall")
    config = tiny.make_tiny_config(data_dir=str(tmp_path / "data"))
    config.teacher.kind, config.data.fraction = "untrained", 0.5
    run = partial(run_row, "share", config, tmp_path / "run")
    first = run()["result"]["students"]
    assert list(first) == ["standalone", "distilled"]
    # A receipt of several rounds has the students that all of them have.
    config.seeds = (0, 1)
    few = run(students=["standalone"])["result"]["students"]
    assert list(few) == ["standalone"] and len(few["standalone"]["mae_m"]) == 2
    assert few["standalone"]["mae_m"][0] == first["standalone"]["mae_m"][0]
    made = run()
    assert made["result"]["seeds"] == [0, 1]
    for student, figures in made["result"]["students"].items():
        assert figures["mae_m"][0] == first[student]["mae_m"][0] != figures["mae_m"][1]
    assert made["config"]["data.fraction_seed"] == "the seed"
    digests = [
        json.loads((tmp_path / f"run/round-{seed}/metrics.jsonl").read_text().splitlines()[0])
        for seed in (0, 1)
    ]
    assert digests[0]["data"] != digests[1]["data"]


def test_some_of_a_rows_students_may_be_asked_for(tmp_path):
    config = row_config("agnostic-share", target="uji", network="dnn", sources=SOURCES, share=0.1)
    assert list(row_students("agnostic-share", config, only=["soft-target", "standalone"])) == [
        "standalone",
        "soft-target",
    ]
    match = "agnostic-share has no student 'started'; it has standalone, distilled, soft-target"
    with pytest.raises(ConfigError, match=match):
        row_students("agnostic-share", config, only=["standalone", "started"])


@pytest.mark.slow
def test_more_seeds_and_students_may_be_asked_for_later(tmp_path):
    tiny.write_sites(tmp_path / "data", "home", "mall")
    config = tiny.make_tiny_config(data_dir=str(tmp_path / "data"))
    config.teacher.kind = "untrained"
    first = run_row("students", config, tmp_path / "run")["result"]
    config.seeds = (0, 1)
    second = run_row("students", config, tmp_path / "run", tables=("1", "2"))["result"]
    assert first["students"].keys() < second["students"].keys()
    for student in ("standalone", "distilled"):
        assert second["students"][student]["mae_m"][0] == first["students"][student]["mae_m"][0]
        assert len(second["students"][student]["mae_m"]) == 2
    # Fewer tables take nothing away.
    assert run_row("students", config, tmp_path / "run")["result"] == second


@pytest.mark.parametrize(
    ("network", "fields", "single"),
    [
        ("baat", {}, ["similarity", "mutual_information"]),
        (
            "baat",
            {"distill.force_functional_information": True},
            [*TERMS[:2], "similarity+mutual_information", "functional_information"],
        ),
    ],
)
def test_a_network_has_rows_of_the_terms_that_it_has(network, fields, single):
    config = row_config(
        "students", target="uji", network=network, sources=SOURCES, overrides=fields
    )
    assert list(row_students("students", config, ("2",))) == ["standalone", "distilled", *single]


def test_the_name_of_a_row_says_its_network_share_and_variant():
    assert row_name("noise", "dnn") == "dnn-noise"
    assert row_name("share", "package.module:make", share=0.01, variant="a") == (
        "package.module.make-share-1-a"
    )


def test_only_a_student_of_their_own_network_can_start_at_site_agnostic_teachers():
    for network, able in (("agnostic", True), ("dnn", False)):
        config = row_config("agnostic", target="uji", network=network, sources=SOURCES)
        started = row_students("agnostic", config).get("started")
        assert (started is not None) == able
        if started:
            plan = plan_student(config, make_network(config), started)
            assert plan.starts_at_teacher and plan.terms == ()
