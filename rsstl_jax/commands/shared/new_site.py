"""The folder of a site whose table a command makes."""

from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from rsstl_jax.commands.shared.flag_definitions import define_data_dir
from rsstl_jax.commands.shared.outputs import SITE_FILES
from rsstl_jax.config.rules import DATASET_NAME
from rsstl_jax.errors import ConfigError

if TYPE_CHECKING:
    from rsstl_jax.data import Site


def define_new_site() -> None:
    flags.DEFINE_string("name", None, "Names the site that is made.", required=True)
    define_data_dir()


def new_site_folder(name: str, data_dir: str | None) -> Path:
    """The folder of a new table."""
    from rsstl_jax.data.load import resolve_data_dir
    from rsstl_jax.data.readers import READERS
    from rsstl_jax.data.synthetic import SYNTHETIC_PREFIX

    if not DATASET_NAME.fullmatch(name) or name.startswith(SYNTHETIC_PREFIX) or name in READERS:
        raise ConfigError(
            f"--name={name} cannot be the name of a table: it must be of ASCII letters, digits, "
            f"'.', '_' and '-', none of {', '.join(READERS)}, and not begin with {SYNTHETIC_PREFIX}"
        )
    folder = resolve_data_dir(data_dir)[0] / name
    for file in sorted(folder.glob("*")):
        if file.suffix == ".zip" or file.name.removesuffix(".gz") in SITE_FILES:
            raise ConfigError(
                f"{file} is there already and may be read with the new table; choose another "
                "--name or remove it"
            )
    return folder


def write_site(site: "Site", folder: Path, ending: str) -> None:
    """Writes both parts as tables, unless the site is not the known one of its name."""
    from rsstl_jax.data import CARDS, write_table
    from rsstl_jax.data.cards import check_card

    if site.name in CARDS:
        check_card(CARDS[site.name], site)
    folder.mkdir(parents=True, exist_ok=True)
    for part in (site.train, site.test):
        file = folder / f"{part.part}{ending}"
        write_table(part, file)
        print(f"{file}: {len(part)} fingerprints, digest {part.digest()[:12]}")
