"""What earlier versions wrote is read, and what nobody could mean any more is refused."""

import pytest

from rsstl_jax.config import FIELDS
from rsstl_jax.config.overrides import check_overrides
from rsstl_jax.config.retired import RENAMED, RETIRED, drop_retired
from rsstl_jax.errors import ConfigError


def test_retired_fields_of_the_accepted_value_are_left_out():
    kept = {"train.epochs": 3, "teacher.epochs": 5}
    assert drop_retired(RETIRED | kept) == kept


@pytest.mark.parametrize("path", RETIRED)
def test_another_value_of_a_retired_field_is_refused(path):
    with pytest.raises(ConfigError) as error:
        drop_retired({path: "other"})
    accepted = RETIRED[path]
    assert str(error.value) == (
        f"{path} is 'other' and is no field any more; it must be {accepted!r}"
    )


def test_renamed_fields_keep_their_values():
    assert drop_retired({"distill.told_by": "mean"}) == {"distill.pseudo_labels": "mean"}


def test_zero_epochs_were_those_of_the_recipe():
    old = {"teacher.epochs": 0, "specialise.epochs": 0, "model.cnnloc.pretrain_epochs": 0}
    new = {"teacher.epochs": None, "specialise.epochs": None, "model.cnnloc.pretrain_epochs": 0}
    assert drop_retired(old) == new == drop_retired(new)


def test_the_command_line_is_told_what_became_of_a_field():
    with pytest.raises(ConfigError, match=r"told_by is called distill\.pseudo_labels now"):
        check_overrides(["distill.py", "--config.distill.told_by=mean"])
    with pytest.raises(ConfigError, match="reduction is no field any more; it is always 'sum'"):
        check_overrides(["distill.py", "--config.distill.reduction=mean"])


def test_the_tables_agree_with_the_schema():
    assert not set(FIELDS) & (RETIRED.keys() | RENAMED.keys())
    assert set(RENAMED.values()) <= set(FIELDS)
