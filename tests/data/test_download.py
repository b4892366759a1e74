"""Downloads from a server of this test: verified, whole or absent, and with a plain cause."""

import functools
import hashlib
import http.server
import io
import threading
import zipfile
from dataclasses import replace

import pytest

from rsstl_jax.data import load as load_module
from rsstl_jax.data.cards import CARDS, PublishedFile
from rsstl_jax.data.download import download_dataset, verify_digest
from rsstl_jax.errors import MissingDataError

TABLE = b"WAP001,Pos_x,Pos_y,Floor_ID\n-50,1.0,2.0,3\n"


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def zipped(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(f"inside/{name}.csv", data)
    return buffer.getvalue()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def served(tmp_path):
    """A folder and the address under which its files are served."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def make_card(*downloads, contents=None):
    return replace(CARDS["uts"], downloads=downloads, contents=contents or {})


def test_a_verified_file_is_put_in_place(served, tmp_path):
    folder, address = served
    (folder / "a.csv").write_bytes(TABLE)
    card = make_card(PublishedFile("mine.csv", (address + "a.csv",), sha256(TABLE)))
    download_dataset(card, tmp_path / "cache" / "uts")
    assert (tmp_path / "cache" / "uts" / "mine.csv").read_bytes() == TABLE
    assert [path.name for path in (tmp_path / "cache" / "uts").iterdir()] == ["mine.csv"]


def test_a_file_that_is_there_is_not_fetched_again(served, tmp_path):
    _, address = served
    (tmp_path / "mine.csv").write_bytes(b"mine")
    card = make_card(PublishedFile("mine.csv", (address + "absent.csv",), sha256(TABLE)))
    download_dataset(card, tmp_path)
    assert (tmp_path / "mine.csv").read_bytes() == b"mine"


def test_the_second_address_is_tried(served, tmp_path):
    folder, address = served
    (folder / "a.csv").write_bytes(TABLE)
    urls = (address + "absent.csv", address + "a.csv")
    download_dataset(make_card(PublishedFile("a.csv", urls, sha256(TABLE))), tmp_path)
    assert (tmp_path / "a.csv").read_bytes() == TABLE


def test_a_changed_file_leaves_nothing_behind(served, tmp_path):
    folder, address = served
    (folder / "a.csv").write_bytes(TABLE + b"-51,1.0,2.0,3\n")
    card = make_card(PublishedFile("a.csv", (address + "a.csv",), sha256(TABLE)))
    with pytest.raises(
        MissingDataError, match=r"a\.csv is not there and its download failed \(127.0.0.1:\d+: what"
    ):
        download_dataset(card, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_files_inside_an_archive_are_verified(served, tmp_path):
    folder, address = served
    (folder / "a.zip").write_bytes(zipped(first=TABLE, second=b"changed"))
    card = make_card(
        PublishedFile("a.zip", (address + "a.zip",)),
        contents={"first.csv": sha256(TABLE)},
    )
    download_dataset(card, tmp_path / "good")
    assert (tmp_path / "good" / "a.zip").exists()
    second = {"second.csv": sha256(TABLE)}
    with pytest.raises(MissingDataError, match=r"second\.csv inside it does not have digest sha"):
        download_dataset(replace(card, contents={**card.contents, **second}), tmp_path / "bad")
    absent = {"third.csv": sha256(TABLE)}
    with pytest.raises(MissingDataError, match=r"third\.csv is not there"):
        download_dataset(replace(card, contents=absent), tmp_path / "bad")
    (folder / "a.zip").write_bytes(b"<html>log in</html>")
    with pytest.raises(MissingDataError, match="not a readable zip archive"):
        download_dataset(card, tmp_path / "bad")
    assert list((tmp_path / "bad").iterdir()) == []


def test_an_answer_of_not_found_is_the_cause(served, tmp_path):
    _, address = served
    card = make_card(PublishedFile("a.csv", (address + "a.csv",), sha256(TABLE)))
    with pytest.raises(MissingDataError, match=r"download failed \(127.0.0.1:\d+: 404"):
        download_dataset(card, tmp_path)


def test_no_connection_is_the_cause_and_the_remedy_is_kept(tmp_path):
    # port 1 is reserved: nothing listens there
    card = make_card(PublishedFile("a.csv", ("http://127.0.0.1:1/a.csv",), sha256(TABLE)))
    with pytest.raises(MissingDataError) as error:
        download_dataset(card, tmp_path)
    assert str(error.value) == (
        f"{tmp_path / 'a.csv'} is not there and its download failed (no connection to "
        f"127.0.0.1:1). It can be had from {card.address}: put the file there, or choose other "
        "sites."
    )


def test_git_names_a_blob_by_its_length_and_contents():
    # printf 'hello\n' | git hash-object --stdin
    assert verify_digest(b"hello\n", "git:ce013625030ba8dba906f756967f9e9ca394464a")
    assert not verify_digest(b"hello", "git:ce013625030ba8dba906f756967f9e9ca394464a")
    with pytest.raises(ValueError, match="'md5:0' must start with 'sha256:' or 'git:'"):
        verify_digest(b"", "md5:0")


def test_load_downloads_into_the_cache_and_nowhere_else(served, tmp_path, monkeypatch):
    folder, address = served
    files = []
    for name in ("UTS_training.csv", "UTS_test.csv"):
        (folder / name).write_bytes(TABLE)
        files.append(PublishedFile(name, (address + name,), sha256(TABLE)))
    card = replace(
        make_card(*files),
        num_train=1,
        num_test=1,
        num_access_points=1,
        num_repeated_in_test=1,
    )
    monkeypatch.setitem(load_module.CARDS, "uts", card)
    monkeypatch.delenv("RSSTL_DATA_DIR", raising=False)
    monkeypatch.setattr(load_module.pooch, "os_cache", lambda _: tmp_path / "cache")
    (tmp_path / "mine").mkdir()
    with pytest.raises(MissingDataError, match=r"mine/uts/UTS_training\.csv is not there\. It can"):
        load_module.load_site("uts", data_dir=tmp_path / "mine")
    assert list((tmp_path / "mine").iterdir()) == []
    site = load_module.load_site("uts")
    assert site.train.rss_dbm.tolist() == [[-50.0]]
    assert (tmp_path / "cache" / "uts" / "UTS_test.csv").exists()
