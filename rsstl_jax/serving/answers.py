"""A table of answers as lines of JSON."""

import json
from typing import Any

import pandas as pd


def answers_json(answers: pd.DataFrame) -> list[str]:
    """Each row of a table of answers as a line of JSON; what is missing is null."""
    # Column by column: pandas takes milliseconds for the records of a table.
    missing: Any = None
    columns = [answers[name].to_numpy(object, na_value=missing).tolist() for name in answers]
    names = answers.columns.tolist()
    return [json.dumps(dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]
