"""The matrix of transforms, dtypes and meshes, in a process that has eight devices."""

import pytest
from running import pass_on_eight_devices


@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param("float32 or not test_all_transforms_agree", id="float32"),
        pytest.param("", id="every dtype", marks=pytest.mark.slow),
    ],
)
def test_every_loss_composes_with_every_transform_in_every_dtype_on_every_mesh(chosen):
    pass_on_eight_devices("tests/losses/transform_matrix.py", "-k", chosen)
