"""Receipts on disk: compact, without a lost number, and those of version 0.1 as well."""

import json

import pytest

from rsstl_jax.config.schema import flatten
from rsstl_jax.errors import DamagedError
from rsstl_jax.paper.records import add_receipt, has_receipts, read_receipts
from rsstl_jax.paper.rows import SOURCES, row_config


def figures(*mae_m):
    # 0.1 + 0.2 has all 17 digits.
    return {"mae_m": [*mae_m], "p95_m": [0.1 + 0.2], "percentiles_m": [[0.0, 0.163, 12.345]]}


def make_receipt(students, **fields):
    config = row_config("noise", target="uji", network="dnn", sources=SOURCES)
    # Through JSON, which has no tuples, as a receipt goes.
    config_fields = json.loads(json.dumps(flatten(config))) | fields
    result = {"target": "uji", "network": "dnn", "recipe": "tuned", "seeds": [0]}
    return {
        "row": "noise",
        "result": result | {"students": students},
        "config": config_fields,
        "start": {"device": "cpu: cpu", "data": {"uji": "c891"}},
        "seconds": 615.3,
    }


def read(folder):
    """{name: receipt}, without what reading adds."""
    return {
        receipt["file"]: {k: v for k, v in receipt.items() if k not in ("file", "changed")}
        for receipt in read_receipts(folder)
    }


def test_a_receipt_comes_back_as_it_was_written(tmp_path):
    first = make_receipt({"distilled": figures(7.0)})
    other = make_receipt({"target": figures(6.551025056719171)}, **{"train.epochs": 7})
    # An older receipt lacks a field.
    del other["config"]["teacher.noise"]
    other["start"] = {"device": "gpu: NVIDIA H100"}
    for name, receipt in (("b", first), ("a", other)):
        add_receipt(tmp_path / "uji.jsonl", name, receipt)
    assert read(tmp_path) == {"a": other, "b": first}


def test_what_a_receipt_shares_with_the_first_is_written_once(tmp_path):
    file = tmp_path / "uji.jsonl"
    add_receipt(file, "a", make_receipt({"distilled": figures(7.0)}))
    before = file.stat().st_size
    add_receipt(file, "b", make_receipt({"distilled": figures(7.5)}, **{"train.epochs": 7}))
    assert file.stat().st_size - before < 400
    assert json.loads(file.read_text().splitlines()[2])["config"] == {"train.epochs": 7}


def test_a_receipt_replaces_the_one_of_its_name(tmp_path):
    for error_m in (7.0, 6.0):
        add_receipt(tmp_path / "uji.jsonl", "a", make_receipt({"distilled": figures(error_m)}))
    assert read(tmp_path) == {"a": make_receipt({"distilled": figures(6.0)})}


def test_a_receipt_keeps_the_further_students_of_the_one_of_its_name(tmp_path):
    first = make_receipt({"distilled": figures(7.0), "alone": figures(8.0)})
    again = make_receipt({"distilled": figures(7.0)})
    for receipt in first, again:
        add_receipt(tmp_path / "uji.jsonl", "a", receipt)
    assert read(tmp_path)["a"]["result"]["students"] == first["result"]["students"]
    # One of other settings is another training.
    other = make_receipt({"distilled": figures(7.0)}, **{"train.epochs": 7})
    add_receipt(tmp_path / "uji.jsonl", "a", other)
    assert read(tmp_path) == {"a": other}


def test_receipt_files_of_version_0_1_are_read_and_newer_records_replace_them(tmp_path):
    assert not has_receipts(tmp_path)
    (tmp_path / "receipts").mkdir()
    for name, error_m in (("a", 7.0), ("b", 8.0)):
        old = make_receipt({})
        del old["result"]["students"]
        # The student stood beside the fields of the result.
        old["result"]["distilled"] = figures(error_m)
        (tmp_path / "receipts" / f"{name}.json").write_text(json.dumps(old, indent=1))
    assert has_receipts(tmp_path)
    add_receipt(tmp_path / "uji.jsonl", "b", make_receipt({"distilled": figures(6.0)}))
    assert read(tmp_path) == {
        "a": make_receipt({"distilled": figures(7.0)}),
        "b": make_receipt({"distilled": figures(6.0)}),
    }


def test_receipts_are_read_by_name_with_what_was_changed(tmp_path):
    for name, epochs in (("b", 7), ("a", 60)):
        receipt = make_receipt({"distilled": figures(7.0)}, **{"train.epochs": epochs})
        add_receipt(tmp_path / "uji.jsonl", name, receipt)
    found = [(receipt["file"], receipt["changed"]) for receipt in read_receipts(tmp_path)]
    assert found == [("a", ""), ("b", "train.epochs=7")]


def test_fields_of_earlier_versions_are_no_change(tmp_path):
    """Version 0.1 wrote 0 for the epochs of the source's recipe, and had `distill.reduction`."""
    old = {"specialise.epochs": 0, "teacher.epochs": 0, "distill.reduction": "sum"}
    add_receipt(tmp_path / "uji.jsonl", "a", make_receipt({"distilled": figures(7.0)}, **old))
    (receipt,) = read_receipts(tmp_path)
    assert receipt["changed"] == ""


def test_a_damaged_line_is_named(tmp_path):
    file = tmp_path / "uji.jsonl"
    add_receipt(file, "a", make_receipt({"distilled": figures(7.0)}))
    file.write_text(file.read_text() + '{"name": "b", "result"\n')
    with pytest.raises(DamagedError, match=r"uji[.]jsonl, line 3: Expecting"):
        list(read_receipts(tmp_path))
    first = file.read_text().splitlines()[0]
    file.write_text(f'{first}\n{{"name": "b", "result": {{}}, "config": 5}}\n')
    with pytest.raises(DamagedError, match=r"uji[.]jsonl is not what `rsstl tables` wrote"):
        list(read_receipts(tmp_path))


def test_a_folder_without_receipts_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no receipts; rsstl tables makes them"):
        list(read_receipts(tmp_path))
