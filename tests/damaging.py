"""What may happen to a saved state; each damage returns what has to be said about it."""

import json

import numpy as np

from rsstl_jax.store.checkpoint import save_checkpoint
from rsstl_jax.store.files import write_json

TREE = {"w": np.arange(12, dtype=np.float32).reshape(3, 4), "n": {"count": np.int32(7)}}


def array_file(saved):
    """The largest file that Orbax wrote."""
    files = [f for f in (saved / "state").rglob("*") if f.is_file() and f.parent.name == "d"]
    return max(files, key=lambda file: file.stat().st_size)


def truncate(saved):
    file = array_file(saved)
    file.write_bytes(file.read_bytes()[:-1])
    return f"{file} is damaged: its checksum does not fit"


def flip_a_byte(saved):
    file = array_file(saved)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    return f"{file} is damaged: its checksum does not fit"


def lose_a_file(saved):
    file = array_file(saved)
    file.unlink()
    return f"{file} is missing"


def lose_the_manifest(saved):
    (saved / "manifest.json").unlink()
    return f"{saved} has no manifest.json: an earlier version or another tool made it"


def truncate_the_manifest(saved):
    file = saved / "manifest.json"
    file.write_bytes(file.read_bytes()[:-20])
    return f"{file} is not the JSON that was written"


def edit_the_manifest(saved):
    file = saved / "manifest.json"
    write_json(file, json.loads(file.read_text()) | {"owner": "somebody"})
    return f"{file} was changed: its checksum does not fit"


def put_another_network_there(saved):
    save_checkpoint(saved.parent, TREE | {"w": np.zeros((3, 5), np.float32)}, step=4, owner="a")
    return f"{saved} is a state of another structure: w was 'float32[3,5]' and is 'float32[3,4]'"


def put_another_training_there(saved):
    save_checkpoint(saved.parent, TREE, step=4, owner="seed-1/distilled")
    return f"{saved} is a state of 'seed-1/distilled'; one of 'a' is needed"


DAMAGES = [
    truncate,
    flip_a_byte,
    lose_a_file,
    lose_the_manifest,
    truncate_the_manifest,
    edit_the_manifest,
    put_another_network_there,
    put_another_training_there,
]
