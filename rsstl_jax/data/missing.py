"""Why a dataset's file is not there, and what was probably meant."""

from difflib import get_close_matches
from pathlib import Path

from rsstl_jax.data.cards import CARDS
from rsstl_jax.data.readers.columns import shown
from rsstl_jax.data.synthetic import SYNTHETIC_SITES

OTHER_FORMS = ("xlsx", "xls", "ods", "json", "jsonl", "txt", "tsv", "parquet", "mat", "CSV")


def explain_missing(name: str, root: Path, file: Path) -> str:
    """The cause of a missing file as a phrase; empty where nothing more is known of it."""
    folder = root / name
    if _has_part(root, "train") and not folder.exists():
        return (
            f"{root} is itself the folder of a dataset; name the folder above it as the data "
            f"folder, and {root.resolve().name} as the dataset"
        )
    if name not in CARDS and not folder.is_dir():
        known = [*CARDS, *SYNTHETIC_SITES]
        cause = f"{name!r} is none of the known datasets ({', '.join(known)})"
        others = sorted(path.name for path in root.glob("[!.]*") if path.is_dir())
        lower = {other.lower(): other for other in (*known, *others)}
        if near := get_close_matches(name.lower(), lower, n=1):
            return f"{cause}; perhaps {lower[near[0]]} is meant"
        return cause + (f" or of the folders in {root} ({shown(others)})" if others else "")
    if other := next((o for o in OTHER_FORMS if file.with_suffix(f".{o}").is_file()), ""):
        return f"{file.with_suffix(f'.{other}').name} is; save it as {file.name}, UTF-8 text"
    if file.name == "test.csv" and _has_part(folder, "train"):
        return (
            "train.csv is; measuring takes fingerprints of known position that are not in it. "
            "rsstl predict and rsstl check_site take train.csv alone"
        )
    present = {path.name for path in folder.glob("[!.]*")} if folder.is_dir() else set()
    return f"{folder} holds {shown(present)}" if present and name not in CARDS else ""


def _has_part(folder: Path, part: str) -> bool:
    return any((folder / f"{part}.csv{end}").is_file() for end in ("", ".gz"))
