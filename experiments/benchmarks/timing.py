"""Times that can be compared: all variants in turn, so that they meet the same load."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["interleaved"]


def interleaved(
    functions: Mapping[str, Callable[[], Any]], *, repeats: int, warm_up: int = 1
) -> dict[str, float]:
    """Median seconds of each function, called one after the other in every round."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for number in range(warm_up + repeats):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            if number >= warm_up:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(of_one) for name, of_one in times.items()}
