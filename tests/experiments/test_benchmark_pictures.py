"""The benchmark's pictures: a title that can be read alone, and ticks without powers of ten."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location(
    "benchmark_pictures", ROOT / "experiments/benchmarks/pictures.py"
)
pictures = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pictures)


@pytest.mark.parametrize("part", pictures.TITLES)
def test_a_picture_can_be_read_alone(tmp_path, monkeypatch, part):
    drawn = []
    monkeypatch.setattr(pictures, "save_figure", lambda figure, path: drawn.append(figure))
    table = pd.read_csv(ROOT / "docs/results/benchmark" / f"{part}.csv")
    pictures.plot_part(tmp_path / "a.png", table, part)
    (figure,) = drawn
    assert len(figure.get_suptitle().split()) > 5
    figure.draw_without_rendering()
    for axes in figure.axes:
        labels = axes.get_xlabel() + axes.get_ylabel()
        assert any(f"({unit})" in labels for unit in ("ms", "µs", "s", "kB", "MB")), labels
        ticks = [tick.get_text() for tick in (*axes.get_xticklabels(), *axes.get_yticklabels())]
        assert not any("10^" in tick for tick in ticks), ticks


def test_a_picture_of_networks_shows_seconds(tmp_path, monkeypatch):
    """Not the number of parameters, which is the first column of numbers."""
    drawn = []
    monkeypatch.setattr(pictures, "save_figure", lambda figure, path: drawn.append(figure))
    columns = {"network": ["dnn"], "parameters": [479102], "steps": [5]}
    seconds = {"ours (s)": [0.5], "PyTorch eager (s)": [0.25], "torch.compile (s)": [0.75]}
    frame = pd.DataFrame(columns | seconds | {"ratio": [0.5]})
    pictures.plot_part(tmp_path / "a.png", frame, "networks")
    bars = [bar.get_width() for bar in drawn[0].axes[0].patches]
    assert bars == [0.5, 0.25, 0.75]
