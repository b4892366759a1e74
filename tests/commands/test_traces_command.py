"""traces: the table that it writes is the one that is read afterwards."""

import json

import pytest
from running import call

from rsstl_jax.data import load_site


@pytest.fixture
def mall(tmp_path):
    """The flags of a call for a building of ten short walks."""
    floor = tmp_path / "mall" / "F1"
    (floor / "path_data_files").mkdir(parents=True)
    outline = {"features": [{"geometry": {"coordinates": [[120.0, 30.0]]}}]}
    (floor / "geojson_map.json").write_text(json.dumps(outline))
    lines = ["0\tTYPE_WAYPOINT\t0\t0", "9000\tTYPE_WAYPOINT\t18\t9"]
    lines.append("3000\tTYPE_WIFI\tguest\taa:bb\t-50\t2422\t3000")
    for walk in range(10):
        (floor / "path_data_files" / f"{walk}.txt").write_text("\n".join(lines))
    return f"--traces={tmp_path}/mall", f"--data_dir={tmp_path}", "--min_scans=1"


def test_the_site_is_read_by_its_name(mall, tmp_path):
    code, out, err = call("traces", *mall, "--name=hall")
    assert code == 0, err
    site = load_site("hall", data_dir=tmp_path)
    assert len(site.train) + len(site.test) == 10
    assert f"{len(site.train)} fingerprints, digest {site.train.digest()[:12]}" in out


@pytest.mark.parametrize("name", ["../hall", "uji", "synthetic-hall"])
def test_a_name_that_no_site_can_have_is_refused(mall, name):
    code, _, err = call("traces", *mall, f"--name={name}")
    assert code == 2 and f"error: --name={name} cannot be the name of a table" in err


@pytest.mark.parametrize("command", ["traces", "convert"])
@pytest.mark.parametrize("file", ["layout.json", "train.csv.gz", "my.zip"])
def test_nothing_is_read_in_place_of_the_table_or_with_it(mall, tmp_path, command, file):
    (tmp_path / "hall").mkdir()
    (tmp_path / "hall" / file).write_text("{}")
    source = mall if command == "traces" else ("--mat=nowhere.mat", mall[1])
    code, _, err = call(command, *source, "--name=hall")
    assert code == 2 and f"hall/{file} is there already and may be read with the new" in err
    assert [there.name for there in (tmp_path / "hall").iterdir()] == [file]
