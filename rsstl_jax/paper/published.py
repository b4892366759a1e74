"""The paper's own figures: mean errors in metres, from its Tables 1 to 4; UTS among the sources."""

from collections.abc import Hashable
from functools import cache
from pathlib import Path

import pandas as pd


def paper_figure(
    table: str, target: str, network: str, student: str, *, share: float = 1.0
) -> float | None:
    """The mean error that the paper prints for a row of one of its tables."""
    if table == "4":
        return _figures().get((table, target, network, student, round(100 * share, 9)))
    # Tables 2 and 3 leave out what Table 1 has.
    own, first = (_figures().get((t, target, network, student, 100.0)) for t in (table, "1"))
    return first if own is None else own


@cache
def _figures() -> dict[tuple[Hashable, ...], float]:
    """{(table, target, network, student, per cent of the train part): mean error}."""
    frame = pd.read_csv(Path(__file__).parent / "published.csv", dtype={"table": str})
    return {tuple(names): mean_m for *names, mean_m in frame.itertuples(index=False)}
