"""An exported student gives the positions that the student gives, and says what it cannot read."""

import json
import subprocess
import sys

import jax
import numpy as np
import pytest
from tiny import make_part, make_tiny_config

from rsstl_jax.data import load_site
from rsstl_jax.engine.saved_student import Student
from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.engine.site_network import predict_m
from rsstl_jax.errors import ConfigError, DamagedError, DataError
from rsstl_jax.export import export_student, load_exported

NETWORKS = ("dnn", "cnnloc", "bayescnn", "baat", "agnostic")
TRAIN, TEST = make_part(), make_part(part="test")


def make_student(network="dnn", train=TRAIN, seed=0):
    site_network = make_site_job(make_tiny_config(network=network), train).site_network
    params = site_network.init(jax.random.key(seed), train.num_access_points)
    return Student(site_network, params, train.access_points, train.dataset)


def positions_m(located):
    return located[["x_m", "y_m"]].to_numpy()


def scans_of(part):
    """Scans as receivers report them: in another order, without what was not detected."""
    rows = [zip(part.access_points, map(float, row), strict=True) for row in part.rss_dbm]
    return [dict(reversed([(n, v) for n, v in row if not np.isnan(v)])) for row in rows]


@pytest.fixture
def exported(tmp_path):
    export_student(make_student(), tmp_path / "out")
    return tmp_path / "out"


@pytest.mark.parametrize("network", NETWORKS)
def test_positions_are_those_of_the_student(network, tmp_path):
    site = load_site("synthetic-office")  # The convolutions need more than a few access points.
    test = site.test.take(range(9))
    student = make_student(network, site.train.take(range(40)))
    export_student(student, tmp_path / "out")
    loaded = load_exported(tmp_path / "out")
    wanted = predict_m(student.site_network, student.params, test)
    assert wanted.std(axis=0).max() > 0
    # Two compilations of one program may order sums in two ways; positions are tens of metres.
    np.testing.assert_allclose(
        positions_m(loaded.locate(scans_of(test))), wanted, rtol=0, atol=1e-3
    )


def test_few_scans_are_located_by_a_program_that_is_there(exported):
    loaded, student = load_exported(exported), make_student()
    wanted = predict_m(student.site_network, student.params, TEST)
    for count in (9, 1, 1, 5, 7):
        some = loaded.locate(scans_of(TEST)[:count])
        np.testing.assert_allclose(positions_m(some), wanted[:count], rtol=0, atol=1e-3)
    assert loaded._run._cache_size() == 3  # for 16 rows, 1 and 8


def test_jax_alone_runs_it(exported):
    program = (
        "import json, sys, numpy as np\nfrom pathlib import Path\nfrom jax import export\n"
        f"folder = Path({str(exported)!r})\n"
        "card = json.loads((folder / 'exported.json').read_text())\n"
        "run = export.deserialize(bytearray((folder / 'student.bin').read_bytes()))\n"
        "rss = np.full((1, len(card['access_points'])), np.nan, np.float32)\n"
        "rss[0, card['access_points'].index('AP2')] = -60\n"
        "assert not [m for m in sys.modules if m.split('.')[0] in ('rsstl_jax', 'flax')]\n"
        "print(json.dumps((np.asarray(run.call(rss)[0], float) + card['origin_m']).tolist()))\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    wanted = load_exported(exported).locate([{"AP2": -60.0}])
    np.testing.assert_allclose(json.loads(printed), positions_m(wanted), rtol=0, atol=1e-3)


def test_what_the_student_does_not_know_changes_nothing(exported):
    loaded = load_exported(exported)
    known, more = {"AP1": -50.0}, {"AP1": -50.0, "a telephone": -30.0}
    position = loaded.locate([known, more | {"AP2": 100}])  # undetected, as in the site's table
    np.testing.assert_array_equal(positions_m(position)[0], positions_m(position)[1])
    assert position.unknown.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("scans", "words"),
    [
        ([], "at least one scan"),
        ([{"AP1": 5.0}], r"scan 0, access point 'AP1': 5 .* -130...0 dBm"),
        ([{"AP1": "far"}], "scan 0, access point 'AP1': 'far' is no level"),
    ],
)
def test_bad_scans_are_named(exported, scans, words):
    with pytest.raises(DataError, match=words):
        load_exported(exported).locate(scans)


@pytest.mark.parametrize("name", ["student.bin", "exported.json"])
def test_damage_is_named(exported, name):
    content = bytearray((exported / name).read_bytes())
    content[len(content) // 2] ^= 1
    (exported / name).write_bytes(content)
    with pytest.raises(DamagedError, match=name):
        load_exported(exported)
    (exported / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        load_exported(exported)


def test_an_export_takes_the_place_of_another_and_of_its_onnx_file(exported):
    (exported / "student.onnx").write_text("of the first")
    other = make_student(seed=1)
    export_student(other, exported)
    assert not (exported / "student.onnx").exists()
    wanted = predict_m(other.site_network, other.params, TEST)
    located = load_exported(exported).locate(scans_of(TEST))
    np.testing.assert_allclose(positions_m(located), wanted, rtol=0, atol=1e-3)


def test_an_export_hides_no_other_locator(tmp_path):
    (tmp_path / "student.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"no exported program \(student\.json\); name another"):
        export_student(make_student(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["student.json"]


def test_a_missing_flatbuffers_is_named_with_the_remedy(exported, monkeypatch):
    monkeypatch.setattr("rsstl_jax.export.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'rsstl_jax\[export\]'"):
        load_exported(exported)
    with pytest.raises(ConfigError, match="flatbuffers"):
        export_student(make_student(), exported)
