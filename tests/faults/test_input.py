"""What reaches the program from outside: each case that once went wrong, and what must not be."""

import ast
import gzip
import pickle
import socketserver
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

import rsstl_jax
from rsstl_jax.data.cards import CARDS, PublishedFile
from rsstl_jax.data.download import download_dataset
from rsstl_jax.data.readers import read_site, read_table
from rsstl_jax.errors import DataError, MissingDataError

GOOD = "AP1,AP2,x,y\n-50,100,1,2\n-51,-52,1,2\n"


def write(folder, train, test=GOOD):
    folder.mkdir(exist_ok=True)
    for part, text in (("train", train), ("test", test)):
        data = text if isinstance(text, bytes) else text.encode()
        (folder / f"{part}.csv").write_bytes(data)
    return folder


RETURN = "holds a carriage return that no line feed follows; save the file as plain text again"
MARK = "holds a byte order mark that is not at the start of the file; save the file as plain text"
NOT_A_NUMBER = "is not a number; a number with a decimal point is expected"
BEYOND = r"a position in metres is expected in -1e\+09...1e\+09"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # was a traceback of the csv module
        (GOOD.replace("\n", "\r"), f"line 1: {RETURN}"),
        (GOOD + "-50,-50,1\r,2\n", f"line 4: {RETURN}"),
        (GOOD + '"-50\r",-50,1,2\n', f"line 4: {RETURN}"),
        (GOOD + '"-50,-50,1,2\n' + GOOD * 4000, r"line 4: cannot be cut into cells"),
        ('"AP1,AP2,x,y\n-50,-50,1,2\n', "line 1: cannot be cut into columns' names"),
        # was a traceback of a list index
        (GOOD + '"-50,-50",1,2\n', r"line 4: has 3 columns; 4 are expected"),
        # was accepted
        (GOOD + '"-5"0,-50,1,2\n', r"line 4: cannot be cut .* quotes must come in pairs"),
        (GOOD + "-50,-50,1e300,2\n", rf"line 4, column 'x': is 1e\+300; {BEYOND}"),
        (GOOD + "-50,-50,1,-1.1e9\n", rf"line 4, column 'y': is -1.1e\+09; {BEYOND}"),
        ("\ufeff\ufeff" + GOOD, f"line 1: {MARK}"),
        ("AP1,x,y\n\ufeff-50,1,2\n", f"line 2: {MARK}"),
        ("AP1,x,y\nFalse,1,2\nTrue,3,4\n", f"line 2, column 'AP1': 'False' {NOT_A_NUMBER}"),
        ("AP1,x,y\n-50,1,true\n", f"line 2, column 'y': 'true' {NOT_A_NUMBER}"),
        (
            "AP1,x,y,floor\n-50,1,2,TRUE\n",
            "line 2, column 'floor': 'TRUE' is not a number; a whole number",
        ),
        (
            "AP1,AP2,x,y,Floor\n-50,-50,1,2,0\n",
            "line 1: columns .* something else: Floor",
        ),
        (GOOD + "-50,-1e400,1,2\n", r"line 4, column 'AP2': '-1e400' is too large"),
        (GOOD + "-50,\u0665,1,2\n", rf"line 4, column 'AP2': '\u0665' {NOT_A_NUMBER}"),
        (GOOD + "-50,\x1c-5,1,2\n", rf"line 4, column 'AP2': '\\x1c-5' {NOT_A_NUMBER}"),
        ("\n" + GOOD, "line 1: is empty; the columns' names are expected"),
        (GOOD + "-50,-5\0,1,2\n", "line 4: holds a NUL byte; save the file as plain text again"),
        (GOOD + "-50,-131,1,2\n", r"column 'AP2': is -131; .* in -130...0 dBm, or 100 for undet"),
    ],
)
def test_a_fault_is_named_with_its_place(tmp_path, text, message):
    with pytest.raises(DataError, match=message) as error:
        read_table("home", write(tmp_path / "home", text))
    assert str(error.value).startswith(f"{tmp_path}/home/train.csv, ")
    assert len(str(error.value).splitlines()) == 1


TAMPERE = {
    "Training_rss_21Aug17.csv": "-60\n-61\n",
    "Training_coordinates_21Aug17.csv": "1,2,3.7\n1,3,3.7\n",
    "Test_rss_21Aug17.csv": "-60\n-61\n",
    "Test_coordinates_21Aug17.csv": "1,2,3.7\n1,3,3.7\n",
}


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        # was a traceback of a list index
        ("Training_rss_21Aug17.csv", "\n-\n", r"line 1: has 0 columns; 1 are expected"),
        # was cut to 32 bits
        ("Test_coordinates_21Aug17.csv", "1,2,3.7e30\n1,3,0\n", r"'height': is 3.7e\+30; a posit"),
        # was accepted, with rows of its own making
        ("Test_coordinates_21Aug17.csv", "1,2,0\r1,3,0\r", f"line 1: {RETURN}"),
    ],
)
def test_files_without_a_header(tmp_path, file, text, message):
    for name, sound in (TAMPERE | {file: text}).items():
        (tmp_path / name).write_bytes(sound.encode())
    with pytest.raises(DataError, match=message) as error:
        read_site("tampere", tmp_path)
    assert str(error.value).startswith(str(tmp_path / file))


def test_columns_in_another_order_give_the_same_site(tmp_path):
    reordered = "y,AP2,x,AP1\n2,100,1,-50\n2,-52,1,-51\n"
    site = read_table("home", write(tmp_path / "home", GOOD, reordered))
    assert site.test.digest() == site.train.digest()


def zip_with(folder, method=zipfile.ZIP_DEFLATED, **members):
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / "published.zip", "w", method) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return folder / "published.zip"


def test_an_archive_is_read_without_writing_a_file_anywhere(tmp_path):
    inside = tmp_path / "deep" / "home"
    inside.parent.mkdir()
    zip_with(inside, **{"../../train.csv": GOOD, "/test.csv": GOOD, "../escaped.txt": "x"})
    before = sorted(tmp_path.rglob("*"))
    assert len(read_table("home", inside).train) == 2
    assert sorted(tmp_path.rglob("*")) == before


def test_archives_that_need_a_password_or_an_unknown_method_are_refused(tmp_path):
    """Flag 1 of a member means encrypted; the method stands two bytes behind the flags."""
    for at, value, cause in ((0, 1, "encrypted"), (2, 99, "compression method")):
        archive = zip_with(tmp_path / "home", **{"train.csv": GOOD, "test.csv": GOOD})
        data = bytearray(archive.read_bytes())
        for head, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            data[data.index(head) + flags + at] = value
        archive.write_bytes(data)
        with pytest.raises(DataError, match=rf"published\.zip: train\.csv: cannot be .*{cause}"):
            read_table("home", archive.parent)


def test_a_damaged_lzma_member_is_refused(tmp_path):
    archive = zip_with(
        tmp_path / "home", zipfile.ZIP_LZMA, **{"train.csv": GOOD * 50, "test.csv": GOOD}
    )
    data = bytearray(archive.read_bytes())
    data[50:80] = bytes(30)
    archive.write_bytes(data)
    with pytest.raises(DataError, match=r"published\.zip: train\.csv: cannot be unpacked"):
        read_table("home", archive.parent)


class Bomb:
    """Unpickling it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_pickle_in_the_place_of_data_is_not_opened(tmp_path):
    bomb = pickle.dumps(Bomb(tmp_path / "exploded"))
    with pytest.raises(DataError, match=r"train\.csv, line 1: "):
        read_table("home", write(tmp_path / "home", bomb))
    (tmp_path / "home" / "train.csv").unlink()
    (tmp_path / "home" / "train.csv.gz").write_bytes(gzip.compress(bomb))
    with pytest.raises(DataError, match=r"train\.csv\.gz, line 1: "):
        read_table("home", tmp_path / "home")
    assert not (tmp_path / "exploded").exists()
    pickle.loads(bomb)
    assert (tmp_path / "exploded").exists()


def test_nothing_in_the_package_could_load_a_pickle():
    root = Path(rsstl_jax.__file__).parents[1]
    forbidden = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
    files = [
        f for part in ("rsstl_jax", "experiments", "configs") for f in root.glob(f"{part}/**/*.py")
    ]
    assert len(files) > 50
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", "") or ""}
                assert not {name.split(".")[0] for name in names} & forbidden, file
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("read_pickle", "unsafe_load", "fromfile"), file
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.load", "jnp.load"):
                told = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                assert told.get("allow_pickle") == "False", file


class Breaks(socketserver.StreamRequestHandler):
    """Promises a thousand bytes and hangs up after ten."""

    def handle(self):
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 10)


def test_a_download_that_breaks_off_is_removed_and_said(tmp_path):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Breaks) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/a.zip"
        card = replace(CARDS["uji"], downloads=(PublishedFile("a.zip", (url,)),))
        with pytest.raises(MissingDataError, match=r"a\.zip is not there and its download failed"):
            download_dataset(card, tmp_path / "cache")
        server.shutdown()
        thread.join()
    assert list((tmp_path / "cache").iterdir()) == []


def test_what_a_killed_download_left_is_never_used(tmp_path):
    (tmp_path / ".download-old").mkdir()
    (tmp_path / ".download-old" / "train.csv").write_text(GOOD)
    with pytest.raises(MissingDataError):
        read_table("home", tmp_path)
