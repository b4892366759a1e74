"""The matrix of transforms, dtypes and meshes, in a process that has eight devices."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param("float32 or not test_all_transforms_agree", id="float32"),
        pytest.param("", id="every dtype", marks=pytest.mark.slow),
    ],
)
def test_every_loss_composes_with_every_transform_in_every_dtype_on_every_mesh(chosen):
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
    environment = os.environ | {
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": flags,
        "JAX_COMPILATION_CACHE_DIR": tiny.COMPILED,
        "PYTEST_ADDOPTS": "",
    }
    matrix = "tests/losses/transform_matrix.py"
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "--tb=short",
            "-k",
            chosen,
            matrix,
        ],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
