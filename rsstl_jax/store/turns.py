"""Blocks of rows that devices answer in turn, also those of several processes."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import TypeVar

import jax

from rsstl_jax.store.processes import exchange

Block = TypeVar("Block")
Piece = TypeVar("Piece")


def in_turns(
    function: Callable[[Block, jax.Device], Piece],
    blocks: Sequence[Block],
    devices: Sequence[jax.Device],
) -> list[Piece]:
    """What a function makes of each block on the device whose turn it is; all processes get all."""
    turns = list(zip(blocks, cycle(devices), strict=False))
    own = [turn for turn in turns if turn[1].process_index == jax.process_index()]
    with ThreadPoolExecutor(len(devices)) as threads:
        pieces = list(threads.map(lambda turn: function(*turn), own))
    of_processes = [iter(of_one) for of_one in exchange(pieces)]
    return [next(of_processes[device.process_index]) for _, device in turns]
