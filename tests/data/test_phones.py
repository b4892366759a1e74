"""Phones and times of fingerprints: how they are read, and what is held out by them."""

import json

import numpy as np
import pytest
from tiny import make_part, make_tiny_config, name_phones, write_sites

from rsstl_jax.data import load_site
from rsstl_jax.data.readers import read_site
from rsstl_jax.data.target import leave_out, split_parts, target_parts
from rsstl_jax.errors import DataError, MissingDataError

UJI = """WAP001,LONGITUDE,LATITUDE,FLOOR,BUILDINGID,USERID,PHONEID,TIMESTAMP
-60,-7541.2643,4864920.7782,2,1,11,{}
100,-7536.6212,4864934.2252,4,0,1,{}
"""
MOMENTS = ("2013-06-20T07:35:33", "2013-10-04T07:45:03")
PHONES = ("13", "Pixel 4, blue", "7")
FORMS = {"seconds": "1371713733", "date": "2013-06-20", "moment": "2013-06-20T09:35:33+02:00"}


def write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)


def read_uji(folder, *rows, change=lambda text: text):
    """The train part of UJI with these phones and times."""
    text = change(UJI.format(*rows))
    write(folder, trainingData=text, validationData=text)
    return read_site("uji", folder).train


def test_phones_and_times_of_uji_are_read_and_change_no_digest(tmp_path):
    train = read_uji(tmp_path, "13,1371713733", "7,1380872703")
    assert train.phone.tolist() == ["13", "7"]
    assert read_uji(tmp_path, "13.0,1371713733", "7,1371713733").phone.tolist() == ["13", "7"]
    assert train.time.astype(str).tolist() == list(MOMENTS)
    assert train.groups()["month"].tolist() == ["2013-06", "2013-10"]
    assert train.take([1]).groups()["phone"].tolist() == ["7"]
    change = lambda text: text.replace("PHONEID", "OTHER").replace("TIMESTAMP", "ANOTHER")  # noqa: E731
    without = read_uji(tmp_path, "13,0", "7,0", change=change)
    assert without.groups() == {} and without.digest() == train.digest()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (",1371713733", "line 3, column 'PHONEID': is ''; the name of a phone is expected"),
        ("7,noon", "line 3, column 'TIMESTAMP': is 'noon'; seconds since 1970, or a time such"),
        ("7,1371713733000", "column 'TIMESTAMP': is '1371713733000'; .* in 1990...2099"),
        ("7,20130620", "column 'TIMESTAMP': is '20130620'; "),
        ("7,", "column 'TIMESTAMP': is ''; "),
        ("7,now", "column 'TIMESTAMP': is 'now'; "),
    ],
)
def test_a_cell_that_is_no_phone_or_time_is_named(tmp_path, row, message):
    with pytest.raises(DataError, match=message):
        read_uji(tmp_path, "13,1371713733", row)


@pytest.mark.parametrize("form", FORMS)
def test_a_table_of_ones_own_names_its_columns(tmp_path, form):
    rows = [f'-50,{number},0,"{phone}",{FORMS[form]}' for number, phone in enumerate(PHONES)]
    text = "\n".join(["AP1,x,y,handset,at", *rows])
    write(tmp_path, train=text, test=text)
    (tmp_path / "layout.json").write_text(json.dumps({"phone": "handset", "time": "at"}))
    train = read_site("home", tmp_path).train
    assert train.phone.tolist() == list(PHONES) and train.access_points == ("AP1",)
    assert set(train.groups()["month"]) == {"2013-06"}
    seconds = {"date": "2013-06-20T00:00:00"}.get(form, MOMENTS[0])
    assert (train.time == np.datetime64(seconds)).all()
    data = make_tiny_config().data
    data.held_out_phones = '"Pixel 4, blue", 13'
    assert leave_out(train, data).phone.tolist() == ["7"]
    data.held_out_phones = '7" tablet, "Pixel 4, blue"'
    with pytest.raises(DataError, match="no fingerprint of the phone '7\" tablet'"):
        split_parts(train, None, data)
    data.held_out_phones = "Pixel 4"
    with pytest.raises(DataError, match=r"'Pixel 4'; there are 13,7,\"Pixel 4, blue\"$"):
        split_parts(train, None, data)
    (tmp_path / "layout.json").write_text(json.dumps({"phone": "handest", "ignore": ["at"]}))
    with pytest.raises(DataError, match="column 'handest' is missing from the header"):
        read_site("home", tmp_path)


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (2, 0)])
def test_a_time_without_a_zone_is_utc_whatever_stands_beside_it(tmp_path, order):
    forms = ("2013-07-01 02:00", "2013-06-30T23:00:00+05:00", "2013-06-30 20:00Z")
    train = read_uji(tmp_path, *(f"13,{forms[index]}" for index in order))
    hours = np.array(["2013-07-01T02", "2013-06-30T18", "2013-06-30T20"], "datetime64[s]")
    np.testing.assert_array_equal(train.time, hours[list(order)])


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """The tiny sites; home's fingerprints are of three phones and months, the mall's of none."""
    root = write_sites(tmp_path_factory.mktemp("data"), "home", "mall")
    name_phones(root / "home")
    return root


def parts(data_dir, **fields):
    config = make_tiny_config(data_dir=str(data_dir))
    config.update_from_flattened_dict({f"data.{name}": value for name, value in fields.items()})
    return target_parts(config), config.data


def positions(part):
    return set(map(tuple, part.position_m.tolist()))


@pytest.mark.parametrize("seed", range(4))
def test_what_is_held_out_is_measured_and_not_trained_on(data_dir, seed):
    fields = {"evaluate_on": "validation", "validation_fraction": 0.4, "validation_seed": seed}
    (all_of_train, all_measured, _), _ = parts(data_dir, **fields)
    (train, measured, _), data = parts(data_dir, **fields, held_out_phones="a,c")
    assert set(train.phone) == {"b"} and set(measured.phone) == {"a", "b", "c"}
    assert measured.digest() == all_measured.digest()
    assert not positions(train) & positions(measured)
    assert positions(train) == positions(all_of_train.take(all_of_train.phone == "b"))
    assert set(leave_out(measured, data).phone) == {"b"}
    (train, measured, _), _ = parts(data_dir, **fields, held_out_months="2024-02")
    assert "2024-02" not in train.groups()["month"] and "2024-02" in measured.groups()["month"]


def test_the_test_part_stays_whole(data_dir):
    (train, test, _), _ = parts(data_dir, held_out_phones="a", held_out_months="2024-01")
    assert set(zip(*train.groups().values(), strict=True)) == {
        (phone, month) for phone in "bc" for month in ("2024-02", "2024-03")
    }
    assert test.digest() == load_site("home", data_dir=data_dir).test.digest()
    assert parts(data_dir)[0].train.digest() == make_part("home").digest()


def test_a_radio_map_alone_has_a_validation_part(tmp_path):
    (write_sites(tmp_path, "home", "mall") / "home" / "test.csv").unlink()
    (train, measured, _), _ = parts(tmp_path, evaluate_on="validation", validation_fraction=0.4)
    assert len(train) + len(measured) == len(make_part("home")) and measured.part == "validation"
    message = r"test\.csv is not there .* runs with data\.evaluate_on=validation take train\.csv al"
    with pytest.raises(MissingDataError, match=message):
        parts(tmp_path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"held_out_phones": "a,d"}, "home train has no fingerprint of the phone 'd'; there are a"),
        ({"held_out_months": "2023-01"}, "no fingerprint of the month '2023-01'; there are 2024"),
        ({"held_out_phones": "a,b,c"}, "home train: no fingerprint is left without the phones"),
    ],
)
def test_what_cannot_be_held_out_is_named(data_dir, fields, message):
    with pytest.raises(DataError, match=message):
        parts(data_dir, **fields)


def test_a_site_without_phones_is_refused(data_dir):
    config = make_tiny_config(
        data_dir=str(data_dir), target="mall", **{"data.held_out_phones": "a"}
    )
    with pytest.raises(DataError, match=r"held_out_phones is 'a', and no phone of mall's finger"):
        target_parts(config)
