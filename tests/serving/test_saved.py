"""Ensembles, the pretrained network at a site, calibration: saved, read again, and joined."""

import dataclasses
import json
import shutil
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tiny

from rsstl_jax import Pretrained, Site, load_pretrained, load_site, load_student
from rsstl_jax.config.schema import flatten
from rsstl_jax.engine.prototypes import make_prototypes, write_prototypes
from rsstl_jax.errors import ConfigError, DamagedError, DataError
from rsstl_jax.export import describe
from rsstl_jax.pipeline import run_distillation
from rsstl_jax.serving import saved
from rsstl_jax.serving.answers import answers_json
from rsstl_jax.serving.calibrate import calibrate_run, check_same_data, students_of_run
from rsstl_jax.serving.ensemble import Ensemble
from rsstl_jax.serving.join import join_run
from rsstl_jax.serving.saved import check_measured_site, load_locator, save_at_site, save_ensemble
from rsstl_jax.site_agnostic.at_site import EnsembleAtSite
from rsstl_jax.store.files import write_json


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two seeds on tiny sites, calibrated."""
    folder = tmp_path_factory.mktemp("serving")
    tiny.write_sites(folder, "home", "mall")
    config = tiny.make_tiny_config(data_dir=str(folder), seeds=(0, 1), **tiny.ONE_TERM)
    run_distillation(config, folder / "run")
    names = students_of_run(folder / "run")
    return folder / "run", calibrate_run(folder / "run", names)


def scans_of(part):
    return pd.DataFrame(part.rss_dbm, columns=list(part.access_points))


def test_every_student_of_a_calibrated_run_answers_with_a_radius(run):
    workdir, radii = run
    assert radii.keys() == {f"seed-{s}/{n}" for s in (0, 1) for n in ("standalone", "distilled")}
    student = load_student(workdir / "students" / "seed-0" / "distilled")
    answers = student.locate(scans_of(tiny.make_part(part="test")))
    assert (answers.radius_m > 0).all() and answers.floor.isna().all()
    record = json.loads(answers_json(answers)[0])
    assert record["floor"] is None and record["radius_m"] > 0
    number = len(radii["seed-0/distilled"][0])
    assert describe(student)["coverage"] == number / (number + 1) < 0.9


def test_a_twin_has_not_seen_what_it_is_measured_on(run):
    workdir, radii = run
    config = json.loads((workdir / "calibration" / "config.json").read_text())
    assert config["data.evaluate_on"] == "validation"
    number = len(radii["seed-0/distilled"][0])
    assert 0 < number < len(tiny.make_part()) / 2


def test_only_the_students_that_are_asked_for_get_a_twin(run, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(run[0], workdir, ignore=shutil.ignore_patterns("calibration"))
    assert calibrate_run(workdir, ["seed-1/distilled"]).keys() == {"seed-1/distilled"}
    twins = (workdir / "calibration" / "students").glob("*/*")
    assert ["/".join(twin.parts[-2:]) for twin in twins] == ["seed-1/distilled"]


@pytest.mark.slow
def test_a_radius_does_not_see_the_phones_that_the_run_holds_out(tmp_path, caplog):
    tiny.write_sites(tmp_path, "home", "mall")
    tiny.name_phones(tmp_path / "home")
    fields = {"data.held_out_phones": "b", "seeds": (0,)} | tiny.ONE_TERM
    config = tiny.make_tiny_config(data_dir=str(tmp_path), **fields)
    run_distillation(config, tmp_path / "run")
    [(error_m, _)] = calibrate_run(tmp_path / "run", ["seed-0/standalone"]).values()
    held = len(error_m) / (len(error_m) + 1)
    assert f"holds a position {100 * held:.0f} % of the time and not 90" in caplog.text
    twin = pd.read_csv(tmp_path / "run" / "calibration" / "predictions.csv")
    assert len(error_m) == (twin.phone != "b").sum() < len(twin)


def test_an_ensemble_is_the_mean_of_its_members_and_is_read_again(run, tmp_path, caplog):
    workdir, radii = run
    ensemble = join_run(workdir, "distilled", tmp_path / "out")
    assert f"have {len(radii['seed-0/distilled'][0])} fingerprints, too few" in caplog.text
    scans = scans_of(tiny.make_part(part="test"))
    members = [load_student(workdir / "students" / f"seed-{seed}" / "distilled") for seed in (0, 1)]
    each = [member.locate(scans)[["x_m", "y_m"]].to_numpy() for member in members]
    answers = ensemble.locate(scans)
    np.testing.assert_allclose(answers[["x_m", "y_m"]], np.mean(each, axis=0), atol=1e-6)
    assert (answers.radius_m > 0).all()
    pd.testing.assert_frame_equal(load_locator(tmp_path / "out").locate(scans), answers)
    assert not [*tmp_path.glob("out/*/.lock")]


def test_one_that_is_replaced_while_it_is_read_is_read_again(run, tmp_path, monkeypatch):
    a, b = (run[0] / "students" / s / "standalone" for s in ("seed-0", "seed-1"))
    save_ensemble(tmp_path, [a, b], Ensemble([load_student(a), load_student(b)]))
    load = saved.load_answers

    def replace_once(*of):
        monkeypatch.setattr(saved, "load_answers", load)
        ensemble = Ensemble([load_student(b), load_student(b)])
        save_ensemble(tmp_path, [b, b], ensemble, replace=True)
        return load(*of)

    monkeypatch.setattr(saved, "load_answers", replace_once)
    rows = tiny.make_part(part="test").rss_dbm
    locator = load_locator(tmp_path)
    np.testing.assert_allclose(locator.predict_m(rows), load_student(b).predict_m(rows), rtol=1e-5)


def test_members_in_another_order_of_access_points_are_read_by_name(run, tmp_path):
    workdir, _ = run
    folder = workdir / "students" / "seed-0" / "standalone"
    student, turned = load_student(folder), load_student(folder)
    part = tiny.make_part(part="test")
    turned.access_points = turned.access_points[::-1]
    predict = turned.predict_m
    turned.predict_m = lambda rows: predict(np.ascontiguousarray(np.asarray(rows)[:, ::-1]))
    both = Ensemble([student, turned]).predict_m(part.rss_dbm)
    np.testing.assert_allclose(both, student.predict_m(part.rss_dbm), atol=1e-6)
    other = load_student(folder)
    other.access_points = ("elsewhere", *other.access_points[1:])
    with pytest.raises(DataError, match="need the same access points"):
        Ensemble([student, other])
    with pytest.raises(DataError, match="at least one member"):
        Ensemble([])
    with pytest.raises(DataError, match=r"object object.* cannot be joined"):
        Ensemble([student, object()])
    assert len(Ensemble(member for member in (student, student)).members) == 2


@pytest.mark.slow
def test_the_pretrained_network_at_a_site_is_read_again(tmp_path):
    site = load_site("synthetic-office")
    office = load_pretrained().fit(site.train)
    save_at_site(tmp_path, office)
    scans = scans_of(site.test.take(range(8)))
    answers = office.locate(scans)
    assert answers[["floor", "radius_m"]].notna().all(axis=None)
    pd.testing.assert_frame_equal(load_locator(tmp_path).locate(scans), answers)
    (tmp_path / "radio_map.npz").write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(DamagedError, match=r"radio_map\.npz is damaged"):
        load_locator(tmp_path)


def test_a_site_of_the_pretrained_networks_training_is_no_new_one(tmp_path, monkeypatch):
    part, network = tiny.make_part(), load_pretrained()
    test = dataclasses.replace(part, part="test")
    # Weights of one's own, those of the package, and these as an earlier version wrote them.
    for number, sources in enumerate((("mall",), network.sources, ())):
        saved = EnsembleAtSite(dataclasses.replace(network, sources=sources), part)
        saved.prototypes = make_prototypes(part, saved.preprocessor)
        save_at_site(tmp_path / f"{number}", saved)
        saved = load_locator(tmp_path / f"{number}")
        seen, unseen = ("mall", "tut1") if number == 0 else ("tut1", "mall")
        check_measured_site(saved, Site(unseen, part, test))
        with pytest.raises(DataError, match=f"was trained in the building of {seen}"):
            check_measured_site(Ensemble([saved]), Site(seen, part, test))

    def refuse(*parts):
        raise DataError(f"{len(parts) - 1} parts are known")

    tiny.write_sites(tmp_path, "home", "mall")
    write_json(tmp_path / "config.json", flatten(tiny.make_tiny_config(data_dir=str(tmp_path))))
    monkeypatch.setattr(Pretrained, "check_data", refuse)
    monkeypatch.setattr("rsstl_jax.serving.join.load_student", Path)
    with pytest.raises(DataError, match="2 parts are known"):
        join_run(tmp_path, "standalone", tmp_path / "joined", pretrained=True)


def test_twins_are_not_trained_on_other_data_or_otherwise_than_the_run(tmp_path):
    tiny.write_sites(tmp_path, "home", "mall")
    config = tiny.make_tiny_config(data_dir=str(tmp_path))
    write_json(tmp_path / "config.json", flatten(config))
    digest = load_site("home", data_dir=tmp_path).train.digest()
    log = tmp_path / "metrics.jsonl"
    for other, is_refused in ((digest, False), ("0" * 64, True)):
        log.write_text(json.dumps({"run": "start", "data": {"home": other}}) + "\n")
        with pytest.raises(DataError, match="other data of home") if is_refused else nullcontext():
            check_same_data(config, tmp_path)
    config.data_dir = "moved"
    with pytest.raises(ConfigError, match="json: data_dir is 'moved', which is not a folder here"):
        check_same_data(config, tmp_path)
    tiny.save_untrained(tmp_path, "seed-0/distilled")
    prototypes = make_prototypes(
        tiny.make_part(), load_student(tmp_path / "students/seed-0/distilled").preprocessor
    )
    write_prototypes(tmp_path / "students/seed-0/distilled/prototypes.npz", prototypes)
    with pytest.raises(DataError, match="was made from other data of home"):
        calibrate_run(tmp_path, ["seed-0/distilled"])
    log.write_text(
        json.dumps({"run": "students", "students": {"distilled": {"margin": 0.6}}}) + "\n"
    )
    with pytest.raises(ConfigError, match=r"another student called distilled .margin was 0\.6 and"):
        calibrate_run(tmp_path, ["seed-0/distilled"])


@pytest.mark.slow
def test_the_radius_of_the_pretrained_network_covers_a_test_part():
    site = load_site("synthetic-office")
    office = load_pretrained().fit(site.train)
    answers = office.answer(site.test.rss_dbm)
    error_m = np.linalg.norm(answers.position_m - site.test.position_m, axis=1)
    # 200 fingerprints: the standard error of a coverage of 0.9 is 0.02.
    assert 0.82 < (error_m <= answers.radius_m).mean() < 0.98


def test_floors_of_an_earlier_versions_student_come_from_a_radio_map(run, tmp_path):
    workdir, _ = run
    folder = workdir / "students" / "seed-0" / "standalone"
    student = load_student(folder)
    student.prototypes = student.radius = None
    part = tiny.make_part()
    scans = scans_of(part)
    assert student.locate(scans).floor.isna().all()
    labelled = dataclasses.replace(part, floor=np.full(len(part), 3, np.int32))
    student.read_labels(labelled)
    assert (student.locate(scans).floor == 3).all()
    ensemble = Ensemble([load_student(folder)])
    ensemble.read_labels(labelled)
    notes = [tmp_path / "joined" / name / "notes" for name in ("member-3", "member-list")]
    for file in notes:
        file.parent.mkdir(parents=True)
        file.touch()
    save_ensemble(tmp_path / "joined", [folder], ensemble)
    assert [file.exists() for file in notes] == [False, True]
    assert (load_locator(tmp_path / "joined").locate(scans).floor == 3).all()


def test_a_member_that_cannot_be_copied_is_named_with_one_cause(tmp_path):
    tiny.save_untrained(tmp_path, "seed-0/distilled")
    member = tmp_path / "students" / "seed-0" / "distilled"
    for name in "ab":
        (member / name).symlink_to("nowhere")
    with pytest.raises(OSError) as error:
        save_ensemble(tmp_path / "out", [member], Ensemble([load_student(member)]))
    words = f"{member} cannot be copied to {tmp_path}/out: [Errno 2] No such file or directory"
    assert str(error.value).startswith(words) and str(error.value).count("Errno") == 1


def test_what_is_no_locator_or_run_is_named(run, tmp_path):
    workdir, _ = run
    with pytest.raises(FileNotFoundError, match="holds no locator"):
        load_locator(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"is a run, and .*/seed-0/distilled one"):
        load_locator(workdir)
    with pytest.raises(ConfigError, match=r"config\.json is missing"):
        calibrate_run(tmp_path, ["seed-0/distilled"])
    for names in ["seed-0/other"], ["seed-9/standalone"], []:
        with pytest.raises(ConfigError, match=r"cannot calibrate .* are seed-0/standalone, seed"):
            calibrate_run(workdir, names)
    with pytest.raises(ConfigError, match="cannot calibrate seed-9/standalone; those"):
        calibrate_run(workdir, ["seed-0/standalone", "seed-9/standalone"])
    # Those of a seed that a later start left out have no twin.
    shutil.copytree(Path(workdir, "students"), tmp_path / "run" / "students")
    shutil.copy(Path(workdir, "config.json"), tmp_path / "run")
    students = tmp_path / "run" / "students"
    shutil.copytree(students / "seed-0", students / "seed-9")
    assert students_of_run(tmp_path / "run") == students_of_run(workdir) != []
    folder = Path(workdir, "students", "seed-0", "distilled")
    save_ensemble(tmp_path / "one", [folder], Ensemble([load_student(folder)]))
    (tmp_path / "one" / "ensemble.json").write_text("{}")
    with pytest.raises(DamagedError, match="no checksum"):
        load_locator(tmp_path / "one")
