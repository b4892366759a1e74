"""report.html: one file without network, whose figures are those of result.json."""

import dataclasses
import html
import json
import shutil
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from browser import CHROMIUM, dump
from tiny import write_result

from rsstl_jax import load_site, make_config
from rsstl_jax.config.schema import flatten
from rsstl_jax.report.html_report import write_agnostic_report, write_report
from rsstl_jax.report.predicted import Predicted
from rsstl_jax.report.result_table import mean_and_spread, student_label
from rsstl_jax.store.recorder import Recorder

PLANE = {"variance": [0.75, 0.125], "real": [[0.0, 1.0]], "generated": [[2.0, 3.0]]}
RECORDS = (
    {"run": "start", "device": "cpu: cpu", "commit": None, "time": 1.5, "data": {"office": "ab12"}},
    {"run": "teacher-mall/expert", "epoch": 1, "batch_size": 8, "wasserstein": 0.5},
    {"run": "teacher-mall/expert", "plane": PLANE},
    {"run": "seed-0/standalone", "epoch": 1, "batch_size": 8, "total": 3.0, "gradient_norm": 9.0},
    {"run": "seed-0/distilled", "epoch": 1, "batch_size": 8, "total": 2.0, "similarity": 0.25},
)


class Page(HTMLParser):
    """The texts of a page's data and command, and its links."""

    def __init__(self, text):
        super().__init__()
        self.texts, self.links = {}, []
        self._open = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.links += [attributes[name] for name in ("src", "href") if name in attributes]
        self._open = attributes.get("id", self._open)

    def handle_data(self, text):
        if self._open is not None:
            self.texts[self._open] = self.texts.get(self._open, "") + text

    def handle_endtag(self, tag):
        if tag in ("script", "code"):
            self._open = None


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("results") / "run"
    config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
    config.seeds = (0, 1)
    test = load_site("synthetic-office").test
    rng = np.random.default_rng(0)
    predicted = {
        seed: {
            student: Predicted(test.position_m + rng.normal(0, spread, test.position_m.shape))
            for student, spread in (("standalone", 4.0), ("distilled", 3.0))
        }
        for seed in config.seeds
    }
    Recorder(workdir).log(*RECORDS)
    quality = {"mall": {"pair_cosine": 0.5, "collapsed": False}}
    result = write_result(
        config, test, predicted, workdir, terms=(), num_train=600, teachers=quality
    )
    return workdir, config, result


def page_of(workdir):
    return Page((workdir / "report.html").read_text(encoding="utf-8"))


def test_its_figures_are_those_of_the_result(run):
    workdir, _, result = run
    text = (workdir / "report.html").read_text(encoding="utf-8")
    assert "<tr><th>student</th><th>mean (m)</th><th>75th (m)</th><th>95th (m)</th><th>int" in text
    for student, figures in result["students"].items():
        cells = [student_label(student, "dnn")]
        cells += [mean_and_spread(figures[name]) for name in ("mae_m", "p75_m", "p95_m")]
        low, high = figures["mae_interval_over_positions_m"]
        cells.append(f"[{low:.2f}, {high:.2f}]")
        cells += [mean_and_spread(figures[name]) for name in ("median_m", "within_10_m")]
        assert f"<tr><td>{'</td><td>'.join(cells)}</td></tr>" in text


def test_its_pictures_show_the_predictions(run):
    workdir, _, result = run
    data = json.loads(page_of(workdir).texts["data"])
    table = pd.read_csv(workdir / "predictions.csv")
    test = load_site("synthetic-office").test
    assert data["map"]["floor"] == test.floor.tolist()
    for seed in (0, 1):
        rows = table[table.seed == seed]
        for student in data["students"]:
            shown = data["map"]["predicted"][str(seed)][student["name"]]
            where = np.add([shown["x"], shown["y"]], np.array(data["map"]["origin"])[:, None])
            wanted = rows[[f"{student['name']}_x_m", f"{student['name']}_y_m"]].to_numpy().T
            np.testing.assert_allclose(where, wanted, atol=0.006)
            error_m = rows[f"{student['name']}_error_m"].mean()
            assert error_m == pytest.approx(np.mean(shown["error"]), abs=0.005)
    for student in data["students"]:
        errors = np.sort(table[f"{student['name']}_error_m"])
        assert student["quantiles"][100] == pytest.approx(np.median(errors), abs=1e-3)
        assert student["quantiles"][-1] == pytest.approx(errors[-1], abs=1e-3)
        assert student["mean"] == result["students"][student["name"]]["mae_m"]


def test_it_needs_no_network_and_is_the_same_each_time(run):
    workdir, config, _ = run
    text = (workdir / "report.html").read_text(encoding="utf-8")
    assert page_of(workdir).links == ["data:,"]
    assert text.replace("http://www.w3.org/2000/svg", "").count("http") == 0
    assert "@import" not in text and "url(" not in text
    write_report(workdir, flatten(config), command="rsstl distill")
    assert (workdir / "report.html").read_text(encoding="utf-8") == text


def test_its_command_gives_the_configuration(run):
    workdir, _, _ = run
    words = page_of(workdir).texts["command"].replace("\\\n", "").split()
    assert words == [
        "rsstl",
        "distill",
        "--config=synthetic-office:smoke",
        "--config.seeds=0,1",
        "--config.sources=synthetic-mall",
        "--workdir=run",
    ]


def test_its_command_gives_every_digit_of_a_field(tmp_path):
    config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
    config.train.learning_rate = 0.0010000004
    write_agnostic_report(tmp_path, flatten(config), command="rsstl agnostic")
    assert "--config.train.learning_rate=0.0010000004" in page_of(tmp_path).texts["command"]


@pytest.mark.parametrize(
    ("target", "words"),
    [("uji1", "--config=table:tuned --config.target=uji1"), ("tut1", "--config=tut1:tuned")],
)
def test_its_command_takes_a_target_that_is_called_nearly_as_a_configuration(
    target, words, tmp_path
):
    config = make_config("tuned", target=target, sources="uji,tampere")
    write_agnostic_report(tmp_path, flatten(config), command="rsstl distill")
    command = page_of(tmp_path).texts["command"].replace("\\\n", "")
    assert command.split() == ["rsstl", "distill", *words.split(), f"--workdir={tmp_path.name}"]


def test_no_text_of_a_run_is_read_as_html(run, tmp_path):
    workdir, config, result = run
    name = "</script><b>&amp"
    shutil.copytree(workdir, tmp_path / "run")
    students = {name: result["students"]["distilled"]}
    (tmp_path / "run/result.json").write_text(json.dumps(result | {"students": students}))
    table = pd.read_csv(workdir / "predictions.csv")
    columns = {c: c.replace("distilled", name) for c in table if c.startswith("distilled")}
    table.rename(columns=columns).to_csv(tmp_path / "run/predictions.csv", index=False)
    write_report(tmp_path / "run", flatten(config), command="rsstl distill")
    page = page_of(tmp_path / "run")
    text = (tmp_path / "run/report.html").read_text(encoding="utf-8")
    assert f"<tr><td>dnn {html.escape(name)}</td><td>" in text and name not in text
    assert json.loads(page.texts["data"])["students"][0]["name"] == name


def test_three_seeds_of_ujis_size_stay_small(tmp_path):
    config = make_config("tuned", target="uji", sources="tampere,tut7")
    config.seeds = (0, 1, 2)
    rng = np.random.default_rng(0)
    part = load_site("synthetic-mall").train
    part = part.take(np.arange(1111) % len(part))
    position_m = rng.uniform([-7700.0, 4864700.0], [-7300.0, 4865000.0], (1111, 2))
    part = dataclasses.replace(part, position_m=position_m)
    names = ("standalone", "distilled", "agnostic", "mean")
    predicted = {
        seed: {name: Predicted(part.position_m + rng.normal(0, 6, (1111, 2))) for name in names}
        for seed in config.seeds
    }
    terms = dict.fromkeys(("total", "localization", "similarity", "gradient_norm"), 0.123456789)
    records = [
        {"run": f"seed-{seed}/{name}", "epoch": epoch, **terms}
        for seed in config.seeds
        for name in names[:2]
        for epoch in range(1, 1001)
    ]
    Recorder(tmp_path).log(*records)
    write_result(config, part, predicted, tmp_path, terms=(), num_train=9, teachers={})
    assert (tmp_path / "report.html").stat().st_size < 1_000_000


NOTE = """<script>
addEventListener("load", () => {
  const note = document.documentElement.dataset;
  note.curves = document.querySelectorAll("#curves path.curve").length;
  note.errors = errors.join("; ");
});
</script>"""
HOVER = """<script>
addEventListener("load", () => {
  const note = document.documentElement.dataset, tip = document.getElementById("tip");
  const path = document.querySelector("#map path.true"), svg = path.ownerSVGElement;
  const [x, y] = path.getAttribute("d").match(/M(\\S+) (\\S+?)h/).slice(1).map(Number);
  const send = (kind, Event, more) => {
    const at = new DOMPoint(x, y).matrixTransform(path.getScreenCTM());
    svg.dispatchEvent(new Event(kind, {clientX: at.x, clientY: at.y, bubbles: true, ...more}));
    return at.x;
  };
  const world = svg.querySelector("g");
  send("pointermove", PointerEvent);
  note.hover = tip.textContent;
  note.circle = svg.querySelectorAll("circle").length;
  const before = send("pointermove", PointerEvent), size = path.getScreenCTM().a;
  send("wheel", WheelEvent, {deltaY: -500, cancelable: true});
  note.zoomed = path.getScreenCTM().a / size;
  note.moved = Math.abs(send("pointermove", PointerEvent) - before);
  document.getElementById("zoom-all").click();
  note.back = path.getScreenCTM().a / size;
  const cdf = document.querySelector("#cdf svg"), box = cdf.getBoundingClientRect();
  const middle = {clientX: box.left + box.width / 2, clientY: box.top + 50, bubbles: true};
  cdf.dispatchEvent(new PointerEvent("pointermove", middle));
  note.cdf = tip.textContent;
  note.curves = document.querySelectorAll("#curves path.curve").length;
  note.clouds = document.querySelectorAll("#planes path.cloud").length;
  note.wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  const mean = document.querySelector("#figures td:nth-child(2)").getBoundingClientRect();
  note.keys = document.querySelectorAll("#figures i.key").length;
  note.hidden = mean.right - document.documentElement.clientWidth;
  note.errors = errors.join("; ");
});
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("width", [1280, 400])
def test_a_browser_shows_it_without_errors_and_names_what_is_pointed_at(run, tmp_path, width):
    workdir, config, _ = run
    shutil.copytree(workdir, tmp_path / "run")
    table = pd.read_csv(workdir / "predictions.csv")
    table.assign(distilled_radius_m=4.5).to_csv(tmp_path / "run/predictions.csv", index=False)
    write_report(tmp_path / "run", flatten(config), command="rsstl distill")
    text = (tmp_path / "run/report.html").read_text(encoding="utf-8")
    text = text.replace("dnn baseline student", student_label("knn", "dnn"))  # The longest name.
    note = dump(text.replace("</body>", f"{HOVER}</body>"), tmp_path, width)
    assert note["data-errors"] == ""
    lines = note["data-hover"].splitlines()
    floors = table[table.seed == 0].floor
    first = table[(table.seed == 0) & (table.floor == floors.mode()[0])].iloc[0]
    assert lines[:3] == [
        f"error {first.distilled_error_m:.2f} m",
        "radius 4.50 m",
        f"true floor {first.floor:.0f}",
    ]
    assert note["data-circle"] == "1"
    assert float(note["data-zoomed"]) == pytest.approx(np.exp(0.75), rel=1e-3)
    assert float(note["data-moved"]) < 0.5 and float(note["data-back"]) == pytest.approx(1)
    assert "dnn distilled student: " in note["data-cdf"] and " % below " in note["data-cdf"]
    assert (note["data-curves"], note["data-clouds"], note["data-keys"]) == ("5", "2", "2")
    assert int(note["data-wide"]) <= 0 and float(note["data-hidden"]) <= 0


def test_trainings_of_the_site_agnostic_network_have_a_page_of_curves(tmp_path):
    config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
    terms = {"batch_size": 1, "total": 3.0, "gradient_norm": 9.0}
    Recorder(tmp_path).log(*({"run": "sources/seed-0", "epoch": e, **terms} for e in (1, 2)))
    table = [{"method": "kNN & <co|b>", "mean (m)": "1.50"}]
    command = "rsstl agnostic --baselines=false"
    write_agnostic_report(tmp_path, flatten(config), command=command, table=table)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<td>kNN &amp; &lt;co|b&gt;</td><td>1.50</td></tr>" in text
    page = page_of(tmp_path)
    assert page.texts["command"].startswith(f"{command} \\\n    --config=synthetic-office:smoke")
    (curves,) = json.loads(page.texts["data"])["curves"]
    assert [term["label"] for term in curves["terms"]] == ["total", "gradient norm"]
    if CHROMIUM:
        note = dump(text.replace("</body>", f"{NOTE}</body>"), tmp_path)
        assert (note["data-errors"], note["data-curves"]) == ("", "2")
