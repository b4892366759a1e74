"""What Python calls give that the command line cannot: other types, other numbers, copies."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
import pytest
import tiny

from rsstl_jax import (
    ConfigError,
    DataError,
    ExportedStudent,
    MissingDataError,
    Student,
    export_student,
    load_exported,
    load_locator,
    load_pretrained,
    load_student,
    make_config,
    make_network,
    metrics,
    run_distillation,
    validate,
)
from rsstl_jax.data import (
    encode_rss,
    fit_preprocessor,
    read_radio_map,
    read_scans,
)
from rsstl_jax.data.scans import check_rows, name_columns
from rsstl_jax.data.splits import grouped_validation_split
from rsstl_jax.engine.prototypes import make_prototypes
from rsstl_jax.engine.radius import RadiusModel
from rsstl_jax.engine.saved_student import save_student
from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.engine.site_network import SiteNetwork
from rsstl_jax.errors import Interrupted
from rsstl_jax.models import Estimator
from rsstl_jax.phases.alignment_terms import Alignment
from rsstl_jax.phases.distill_step import DistillContext, make_distill_state, make_distill_step
from rsstl_jax.phases.student_specs import StudentSpec, plan_student

PART = tiny.make_part()
READINGS = np.array([-60.0], np.float32)
AT, TRUE = [[3.0, 4.0]], [[0.0, 0.0]]
TINY = tiny.make_tiny_config()


ONES = jnp.ones((1, 4, 4))


class Renamed(Alignment):
    """A term of one's own under the name of another."""

    def losses(self, *_):
        return {"localization": jnp.zeros(())}


def run_step(alignment, taught=(ONES, ONES), **arrays):
    """A step of a student under one teacher, traced alone; other arrays of the batch."""
    job, tx = make_site_job(TINY, PART), optax.sgd(1.0)
    step = make_distill_step(job.site_network, lambda *_: taught, alignment, tx)
    state = make_distill_state(job.init(jax.random.key(0)), {}, tx)
    context = DistillContext({}, {"localization": 1.0}, 0.2)
    jax.eval_shape(step, state, job.data._replace(**arrays), jax.random.key(1), context)


@pytest.fixture(scope="module")
def student():
    site_network = SiteNetwork(make_network(TINY), fit_preprocessor(PART))
    params = site_network.init(jax.random.key(0), PART.num_access_points)
    return Student(site_network, params, PART.access_points, PART.dataset)


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
@pytest.mark.parametrize(
    "error",
    [MissingDataError("uts/x.csv", address="https://a", cause="why"), Interrupted(15)],
    ids=repr,
)
def test_a_copied_error_says_the_same(error, copied):
    assert str(copied(error)) == str(error) and vars(copied(error)) == vars(error)


def test_a_locator_in_use_can_be_given_to_another_process(student, tmp_path):
    export_student(student, tmp_path)
    for locator in (student, load_exported(tmp_path)):
        answers = locator.locate([{"AP0": -60.0}])
        assert pickle.loads(pickle.dumps(locator)).locate([{"AP0": -60.0}]).equals(answers)


def test_the_pretrained_network_can_be_compared():
    assert load_pretrained() != load_pretrained()
    assert len({load_pretrained()}) == 1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: make_network("dnn"), ConfigError, "config is 'dnn'; a configuration is expected"),
        (lambda: validate(None), ConfigError, "config is None; a configuration is expected"),
        (
            lambda: make_config("smoke", target="home", sources=["a", "b"]),
            ConfigError,
            r"sources is \['a', 'b'\]; it must be datasets' names separated by commas",
        ),
        (lambda: make_config("smoke", target=None, sources="a"), ConfigError, "target is None"),
        (lambda: export_student(None, "x"), ConfigError, "student is a NoneType; what load_stud"),
        (lambda: export_student("seed-0", "x"), ConfigError, "student is a str; what load_student"),
        (lambda: load_student(None), TypeError, "folder is None; a path is expected"),
        (lambda: load_locator(3), TypeError, "folder is 3; a path is expected"),
        (lambda: load_pretrained(b"x"), TypeError, "folder is b'x'; a path is expected"),
        (lambda: run_distillation(TINY, None), TypeError, "workdir is None; a path is expected"),
        (lambda: run_distillation(TINY, ""), ConfigError, "workdir is empty; a path is expected"),
        *(
            (lambda s=s: grouped_validation_split(PART, fraction=0.5, seed=s), TypeError, "int")
            for s in (None, 1.5, "0")
        ),
        (
            lambda: ExportedStudent(None, "ab", np.zeros(2), "home"),
            DataError,
            "access_points is a text",
        ),
        (lambda: read_radio_map("no.csv"), MissingDataError, "^no.csv is not there"),
        (lambda: read_scans([{"a": -60}], "ab"), DataError, "access_points is a text"),
        (lambda: name_columns(np.ones((1, 2)), "ab"), DataError, "access_points is a text"),
        (lambda: name_columns(np.ones((1, 2)), {"a", "b"}), DataError, "is a set, which has no"),
        (lambda: name_columns(np.ones((1, 2)), [1, 2]), DataError, "1 is no access point's name"),
        (lambda: check_rows(np.zeros((1, 1), bool), ("a",)), DataError, "rss_dbm is a ndarray"),
        (
            lambda: check_rows(pd.DataFrame([[-60.0, -70.0]], columns=["b", "a"]), ("a", "b")),
            DataError,
            "columns are not the access points in their order",
        ),
        (lambda: check_rows(PART, ("a",)), DataError, "rss_dbm is a Fingerprints; readings in"),
        (
            lambda: check_rows([[-60.0], []], ("a",)),
            DataError,
            "rss_dbm is a list; readings in dBm",
        ),
        (lambda: make_site_job(TINY, None), DataError, "train is a NoneType; fingerprints are exp"),
        (
            lambda: Alignment(Estimator(4), ("mutual_information",)).losses(
                {}, None, ONES, ONES, DistillContext({}, {"mutual_information": 1.0}, 0.2)
            ),
            ValueError,
            "estimator_params is empty; mutual_information needs those that init_params",
        ),
        (lambda: run_step(Renamed(None, ())), ValueError, "a term is called 'localization', as on"),
        *(
            (
                lambda t=taught: run_step(Alignment(None, ()), t),
                ValueError,
                r"teachers must return \(frame, extract\), got arrays of shape [({\[N]",
            )
            for taught in (ONES, None, {"frame": ONES, "extract": ONES}, (ONES, ONES, ONES))
        ),
        (
            lambda: run_step(Alignment(None, ()), row=jnp.arange(3)),
            ValueError,
            r"a batch has 3 rows and an array \(21, 6\)",
        ),
        (lambda: encode_rss(jnp.array([-60]), floor_dbm=-100.5), TypeError, "rss_dbm is int32"),
    ],
)
def test_what_is_not_meant_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_run_of_no_student_is_refused_before_a_teacher_is_trained(tmp_path):
    config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
    with pytest.raises(ConfigError, match="students is empty"):
        run_distillation(config, tmp_path / "run", students={})
    with pytest.raises(ConfigError, match=r"students is \['distilled'\]; {name: StudentSpec} is"):
        run_distillation(config, tmp_path / "run", students=["distilled"])
    plan_student(config, make_network(config), StudentSpec(None))  # None is the configuration.
    for student in (StudentSpec(sources="synthetic-mall"), StudentSpec([1.0]), {"similarity": 1.0}):
        with pytest.raises(ConfigError, match=r"student 'a' is .*; a StudentSpec is expected, its"):
            run_distillation(config, tmp_path / "run", students={"a": student})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.floor_hit_rate(None, None),
        lambda: metrics.floor_hit_rate([[1]], [[1]]),
        lambda: metrics.summarize(None),
        lambda: metrics.summarize([1.0, np.nan]),
        lambda: metrics.summarize([-1.0]),
        lambda: metrics.summarize([[1.0, 2.0]]),
        lambda: metrics.evaal_error_m(AT, TRUE, floors_off=[1], building_wrong=[2]),
        lambda: metrics.evaal_error_m(AT, TRUE, floors_off=[1.5], building_wrong=[0]),
    ],
)
def test_no_figure_is_made_of_what_are_no_errors(call):
    with pytest.raises(ValueError, match=r"expected|must be"):
        call()


def test_what_is_masked_or_missing_is_no_answer():
    masked = np.ma.masked_array([[1.0, 2.0]], mask=[[True, False]])
    assert np.isnan(metrics.error_m(masked, TRUE)).all()
    floors = pd.array([1, None], "Int64")  # as `locate` gives them
    for given in ([1.0, np.nan], floors, floors.tolist()):
        assert metrics.floor_hit_rate(given, [1, 2]) == 0.5
    rows = check_rows(np.ma.masked_array([[-60.0, -70.0]], mask=[[False, True]]), ("a", "b"))
    np.testing.assert_array_equal(rows, [[-60.0, np.nan]])


def test_the_home_folder_is_meant_by_a_tilde(student, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    save_student("~/student", TINY, student)
    export_student(student, "~/exported")
    load_student("~/student"), load_locator("~/student"), load_exported("~/exported")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]


def test_an_exported_program_runs_where_no_nan_may_be_made(student, tmp_path):
    export_student(student, tmp_path)
    answers = load_exported(tmp_path).locate([{"AP0": -60.0}])
    with jax.debug_nans(True):
        assert load_exported(tmp_path).locate([{"AP0": -60.0}]).equals(answers)


@pytest.mark.parametrize("radius", [None, RadiusModel(jnp.zeros(6), jnp.zeros(()), jnp.ones(1))])
def test_a_program_made_with_float64_enabled_has_the_types_of_its_card(student, radius):
    given = {"prototypes": make_prototypes(PART, student.preprocessor), "radius": radius}
    known = Student(student.site_network, student.params, PART.access_points, "home", **given)
    rows = jax.ShapeDtypeStruct((2, PART.num_access_points), jnp.float32)
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"):
        found = jax.eval_shape(known.answer_fn(), rows)
    assert [str(leaf.dtype) for leaf in found] == ["float32", "int32", "float32"]
