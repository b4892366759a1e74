"""How the fuzzes run."""

from hypothesis import HealthCheck, settings


def fuzz(number):
    """So many examples, the same at every run; nothing is timed."""
    return settings(
        max_examples=number,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
