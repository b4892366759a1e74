"""Times that can be compared: all variants in turn, so that they meet the same load."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any


def interleaved(
    functions: Mapping[str, Callable[[], Any]],
    *,
    repeats: int,
    at_least_s: float = 0.0,
) -> dict[str, float]:
    """Median seconds of a call of each function; in every round each has a turn of some length.

    A turn of a few milliseconds measures the waking of threads and caches that are cold.
    """
    times: dict[str, list[float]] = {name: [] for name in functions}
    for number in range(1 + repeats):
        for name, function in functions.items():
            start, passed_s, count = time.perf_counter(), -1.0, 0
            while passed_s < at_least_s:
                function()
                passed_s, count = time.perf_counter() - start, count + 1
            if number:  # The first round compiles.
                times[name].append(passed_s / count)
    return {name: statistics.median(of_one) for name, of_one in times.items()}
