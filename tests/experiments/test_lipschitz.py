"""The true Lipschitz constant, where it is known: a linear extractor's is its weight's norm."""

import importlib.util
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest
from flax import linen as nn
from running import call, succeed
from tiny import make_part, make_tiny_config, write_sites

from rsstl_jax.config.recipes import make_config
from rsstl_jax.data import fit_preprocessor, load_site
from rsstl_jax.engine.saved_student import Student, save_student
from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.engine.site_network import SiteNetwork
from rsstl_jax.errors import DataError
from rsstl_jax.models import Network, Regressor
from rsstl_jax.models.dnn import DenseStack
from rsstl_jax.pipeline import run_distillation

FILE = Path(__file__).parents[2] / "experiments" / "lipschitz.py"
spec = importlib.util.spec_from_file_location("experiments_lipschitz", FILE)
lipschitz = importlib.util.module_from_spec(spec)
spec.loader.exec_module(lipschitz)


class Linear(nn.Module):
    """One dense layer without activation."""

    @nn.compact
    def __call__(self, x, *, train=False):
        return nn.Dense(4)(x)


def test_a_linear_extractor_has_the_norm_of_its_weight_everywhere():
    network = Network(DenseStack((5,)), Linear(), Regressor(), 5, 4, "linear")
    part = make_part()
    site_network = SiteNetwork(network, fit_preprocessor(part))
    params = site_network.init(jax.random.key(0), part.num_access_points)
    found = lipschitz.true_lipschitz(site_network, params, jnp.asarray(part.rss_dbm[:4]))
    kernel = np.asarray(params["extractor"]["Dense_0"]["kernel"])
    largest = np.linalg.svd(kernel, compute_uv=False)[0]
    np.testing.assert_allclose(found, np.full(4, largest), rtol=1e-5)


@pytest.mark.slow
def test_students_are_compared_before_and_after_training(tmp_path):
    config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
    config.model.dnn.hidden_width, config.train.epochs, config.teacher.kind = 8, 1, "untrained"
    run_distillation(config, tmp_path / "run")
    rows = lipschitz.compare_student(tmp_path / "run/students/seed-0/standalone", num_batches=2)
    assert [row["state"] for row in rows] == ["initial", "initial", "trained", "trained"]
    assert all(row["true_median"] <= row["true_max"] for row in rows)
    assert rows[0]["estimate"] != rows[2]["estimate"]
    lipschitz.plot_comparison(tmp_path / "a.png", rows)
    assert len(np.unique(plt.imread(tmp_path / "a.png").reshape(-1, 4), axis=0)) > 3


def test_the_train_part_lies_in_data_dir_and_is_that_of_the_students_site(tmp_path, monkeypatch):
    data = write_sites(tmp_path / "data", "home")
    train = load_site("home", data_dir=data).train
    config = make_tiny_config()
    site_network = make_site_job(config, train).site_network
    params = site_network.init(jax.random.key(0), train.num_access_points)
    folder = tmp_path / "student"
    save_student(folder, config, Student(site_network, params, train.access_points, "home"))
    rows = lipschitz.compare_student(folder, num_batches=1, data_dir=data)
    assert [row["dataset"] for row in rows] == ["home", "home"]

    # Each point of the picture is a whole batch, however few the site has.
    lengths, place = [], lipschitz.to_device
    monkeypatch.setattr(lipschitz, "BATCH", len(train) // 2 - 1)
    monkeypatch.setattr(lipschitz, "to_device", lambda b: (lengths.append(len(b)), place(b))[1])
    lipschitz.compare_student(folder, num_batches=9, data_dir=data)
    assert lengths == [lipschitz.BATCH] * 4

    write_sites(tmp_path / "other", "mall")
    (tmp_path / "other/mall").rename(tmp_path / "other/home")
    with pytest.raises(DataError, match="AP6"):
        lipschitz.compare_student(folder, num_batches=1, data_dir=tmp_path / "other")


def test_the_picture_is_drawn_again_from_the_record(tmp_path):
    state = {"network": "dnn", "dataset": "home", "true_median": 1.0}
    rows = [
        state | {"state": "initial", "estimate": 0.3, "true_max": 1.5},
        state | {"state": "trained", "estimate": 0.2, "true_max": 20.0},
    ]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    succeed("lipschitz", "--render", f"--output={tmp_path / 'a.png'}")
    code, _, err = call("lipschitz", "--workdirs=none", f"--output={tmp_path}/a.json/b.png")
    assert code == 2 and "a.json is a file; name a folder" in err
    assert "once a workdir. Default: 4." in " ".join(succeed("lipschitz", "--help").split())
    lipschitz.plot_comparison(tmp_path / "b.png", rows)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert json.loads((tmp_path / "a.json").read_text()) == rows


def test_workdirs_without_their_number_of_batches_are_refused(tmp_path):
    code, _, err = call("lipschitz", "--workdirs=a,b,c", "--batches=1", "--batches=2")
    assert code == 2 and "given once, or once for each of --workdirs" in err
