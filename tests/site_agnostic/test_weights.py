"""The bundle that the package carries, and what happens to one that was changed."""

import json
from dataclasses import replace

import jax
import numpy as np
import pytest
import tiny

from rsstl_jax.data import load_site
from rsstl_jax.errors import DamagedError, DataError, MissingDataError
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.site_agnostic.at_site import Pretrained
from rsstl_jax.site_agnostic.weights import PRETRAINED, load_pretrained, save_pretrained
from rsstl_jax.store.files import write_sealed

SETTINGS = AgnosticSettings(width=8, num_heads=2, feed_width=4, num_blocks=1)
MEMBERS = tiny.draw_members(SETTINGS)
BUNDLE = Pretrained(SETTINGS, MEMBERS, ("uji", "home"), {"seconds": 3})


@pytest.fixture
def folder(tmp_path):
    save_pretrained(tmp_path, BUNDLE)
    return tmp_path


def test_what_was_written_is_read(folder):
    found = load_pretrained(folder)
    assert (found.settings, found.sources) == (SETTINGS, ("uji", "home"))
    tiny.assert_same_bits(found.members, MEMBERS)
    card = json.loads((folder / "agnostic.json").read_text())
    assert card["sources"][0]["licence"] == "CC BY 4.0" and card["report"] == {"seconds": 3}


def test_parameters_are_plain_arrays(folder):
    with np.load(folder / "agnostic.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype == np.float32 for name in arrays.files)
        assert "1/framer/query/kernel" in arrays.files


def test_a_changed_file_is_named(folder):
    content = bytearray((folder / "agnostic.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "agnostic.npz").write_bytes(content)
    with pytest.raises(DamagedError, match=r"agnostic\.npz was changed: its checksum"):
        load_pretrained(folder)


def test_a_changed_or_foreign_card_is_named(folder):
    file = folder / "agnostic.json"
    card = json.loads(file.read_text())
    file.write_text(json.dumps({**card, "members": 3}))
    with pytest.raises(DamagedError, match=r"agnostic\.json"):
        load_pretrained(folder)
    card.pop("sha256")
    for changed, words in (
        ({"settings": {**card["settings"], "depth": 12}}, "unexpected keyword argument 'depth'"),
        ({"settings": {**card["settings"], "kinds": ["neighbours"]}}, "kinds is .* no field any m"),
        ({"format": 7}, "format is 7; 1 is expected"),
        ({"sources": 5}, "sources is 5; list is expected"),
    ):
        write_sealed(file, {**card, **changed})
        with pytest.raises(DamagedError, match=words):
            load_pretrained(folder)


def test_a_missing_file_is_named(folder):
    (folder / "agnostic.npz").unlink()
    with pytest.raises(FileNotFoundError, match=r"agnostic\.npz is not there"):
        load_pretrained(folder)


def test_buildings_that_it_has_seen_are_refused():
    bundle = replace(BUNDLE, sources=("uji", "tampere"))
    bundle.check_target("tut7")
    bundle.check_target("my-office")
    for target in ("uji", "tampere", "TUT3"):
        with pytest.raises(DataError, match=f"trained in the building of {target}"):
            bundle.check_target(target)


def test_a_fit_where_it_was_trained_is_warned_of(caplog):
    radio_map = tiny.make_part().take([0, 1])
    replace(BUNDLE, sources=("uji",)).fit(radio_map)
    assert "was trained" not in caplog.text
    BUNDLE.fit(radio_map)
    assert "the pretrained network was trained in the building of home (on home)" in caplog.text


def test_renamed_copies_of_what_it_has_seen_are_refused():
    """By all of the data, whatever the dataset is called, in either part."""
    office, mall = (load_site(f"synthetic-{name}") for name in ("office", "mall"))
    bundle = replace(
        BUNDLE, sources=("office",), report={"data": {"office": office.train.digest()}}
    )
    copy = replace(office.train, dataset="my-office")
    bundle.check_data(mall.train, mall.test, office.test)
    for parts in ((copy, mall.test), (mall.train, replace(copy, part="test"))):
        with pytest.raises(
            DataError, match=r"my-office, t.* part: these are .* fingerprints of off"
        ):
            bundle.check_data(*parts)


@pytest.mark.data
@pytest.mark.parametrize(
    "source", [*(pytest.param(name, marks=pytest.mark.slow) for name in ("uji", "tampere")), "tut7"]
)
def test_a_copy_is_known_by_its_positions_too(source):
    """Rows in another order, access points of other names, another origin."""
    try:
        train = load_site(source).train
    except MissingDataError as error:
        pytest.skip(str(error))
    train = train.take(np.random.default_rng(0).permutation(len(train)))
    copy = replace(
        train,
        dataset="my-office",
        position_m=train.position_m + np.array([[1000.5, -20.25]]),
        access_points=tuple(f"N{number}" for number in range(train.num_access_points)),
    )
    load_pretrained().check_data(copy.take(range(len(copy) // 2)))
    with pytest.raises(DataError, match=f"fingerprints of {source}, which the pretrained network"):
        load_pretrained().check_data(copy)
    replace(BUNDLE, sources=("mall-1",)).check_data(copy)


def test_the_package_carries_one_below_a_megabyte_that_is_what_its_card_says():
    files = sorted(PRETRAINED.iterdir())
    assert [file.name for file in files] == ["agnostic.json", "agnostic.npz"]
    assert sum(file.stat().st_size for file in files) < 1_000_000
    found = load_pretrained()
    assert found.sources == ("uji", "tampere", "tut7", "mall-1", "mall-2")
    card = json.loads((PRETRAINED / "agnostic.json").read_text())
    assert all(source["licence"] for source in card["sources"])
    assert "experiments/agnostic.py" in card["report"]["command"]


def test_a_card_of_an_earlier_version_is_read(folder):
    """Its settings held what never varied."""
    file = folder / "agnostic.json"
    card = json.loads(file.read_text())
    card.pop("sha256")
    old = {"num_candidates": 64, "num_compared": 64, "kinds": ["access_points", "neighbours"]}
    write_sealed(file, card | {"settings": card["settings"] | old})
    assert load_pretrained(folder).settings == SETTINGS


def test_it_is_shown_in_a_few_lines():
    shown = repr(BUNDLE).splitlines()
    assert shown[0] == "Pretrained(2 ensemble members, trained on uji, home;"
    assert len(shown) == 3 and "width=8" in shown[1] and max(map(len, shown)) < 100
    assert repr(replace(BUNDLE, members=MEMBERS[:1])).startswith("Pretrained(1 ensemble member, ")


@pytest.mark.slow
def test_the_pretrained_ensemble_answers_scans_as_it_predicts_the_rows_they_make():
    site = load_site("synthetic-office")
    radio_map = site.train.take(range(0, len(site.train), 5))
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        office, part = load_pretrained().fit(radio_map), site.test.take(range(3))
    scans = [
        {name: level for name, level in zip(part.access_points, row, strict=True) if level == level}
        for row in part.rss_dbm.tolist()
    ]
    answers = office.locate(scans)
    predicted_m = office.predict_m(part.rss_dbm)
    np.testing.assert_allclose(answers[["x_m", "y_m"]], predicted_m, atol=1e-3)
    with pytest.warns(UserWarning, match="1 of 1 scans, the first of them scan 0: no position"):
        assert office.locate([{"a telephone": -40.0}])[["x_m", "floor"]].isna().all(axis=None)
