"""A first line of progress, printed before the seconds that JAX and the data take to load."""

import sys

__all__ = ["announce"]


def announce(text: str) -> None:
    print(f"{text} ...", file=sys.stderr, flush=True)
