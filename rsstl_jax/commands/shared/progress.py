"""A first line of progress, printed before the seconds that JAX and the data take to load."""

import sys

from rsstl_jax.store.processes import is_first


def announce(text: str) -> None:
    if is_first():
        print(f"{text} ...", file=sys.stderr, flush=True)


def announce_sites(*names: str) -> None:
    """Says which sites are read; one of the texts may hold several names, as a,b."""
    announce(f"reading {', '.join(name.strip() for name in ','.join(names).split(','))}")
