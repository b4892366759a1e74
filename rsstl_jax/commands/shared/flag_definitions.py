"""The flags that several commands share, and what their values stand for."""

import os
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from absl import flags
from ml_collections import ConfigDict, config_flags

from rsstl_jax.config.recipes import RECIPES
from rsstl_jax.config.schema import validate
from rsstl_jax.config.unused import why_unused
from rsstl_jax.errors import ConfigError

CONFIG_MISSING = (
    "--config is missing; name a configuration, such as --config=configs/uji.py:tuned or "
    "--config=uji:tuned"
)
OR_PRETRAINED = ", or pretrained, the network that the package carries, or a folder of such weights"
"""What --student may also be, where a command takes it."""
_NAMED_SITE = Path(__file__).with_name("named_site.py")


class FolderParser(flags.ArgumentParser):
    """A folder's name, in which ~ is the user's home."""

    def parse(self, argument: str) -> str:
        if argument in ("", "None"):
            words = argument or "empty"
            raise ValueError(f"it is {words}; name a folder or a file, or leave the flag out")
        folder = os.path.expanduser(argument)
        if folder.startswith("~"):
            raise ValueError(f"there is no user {folder.partition('/')[0][1:]!r}")
        return folder


class NamesParser(flags.ListParser):
    """Names, or folders, separated by commas, each given once."""

    def parse(self, argument: str | list[str]) -> list[str]:
        names = [os.path.expanduser(word.strip()) for word in super().parse(argument)]
        if not all(names) or argument == "":
            raise ValueError("a name is empty; write them as a,b")
        paths = [os.path.realpath(name) for name in names]
        for name, path in zip(names, paths, strict=True):
            if paths.count(path) > 1:
                raise ValueError(f"{os.path.normpath(name)!r} is named twice; name it once")
        return names


def define_names(name: str, default: list[str] | None, help_text: str, **options: Any) -> None:
    """A flag that lists different names, or different folders."""
    options |= {"serializer": flags.ListSerializer(",")}
    flags.DEFINE(NamesParser(), name, default, help_text, **options)


def refuse_unused(why: str, *names: str) -> None:
    """Refuses flags that were given and that the others leave without effect."""
    for name in names:
        if flags.FLAGS[name].present:
            raise ConfigError(f"--{name} has no effect {why}; leave it out")


def refuse_unused_fields(why: str, *used: str) -> None:
    """Refuses fields that were set and are none of these; "section." stands for all of its own."""
    for path in config_flags.get_override_values(flags.FLAGS["config"]):
        if path not in used and not path.startswith(tuple(u for u in used if u.endswith("."))):
            raise ConfigError(f"--config.{path} has no effect {why}; leave it out")


def refuse_idle_fields() -> None:
    """Refuses fields that were set and that others leave without effect on a run's students."""
    validate(flags.FLAGS.config)
    for path in config_flags.get_override_values(flags.FLAGS["config"]):
        if why := why_unused(flags.FLAGS.config, path):
            raise ConfigError(f"--config.{path} has no effect {why}; leave it out")


def fix_fields(why: str, fields: Mapping[str, Any]) -> None:
    """Gives fields the values that a command needs; refuses others that were given."""
    given = config_flags.get_override_values(flags.FLAGS["config"])
    for path, value in fields.items():
        if given.get(path, value) != value:
            raise ConfigError(f"--config.{path}={given[path]} has no effect {why}; leave it out")
        flags.FLAGS.config.update_from_flattened_dict({path: value})


def define_folder(name: str, default: str | None, help_text: str, **options: Any) -> None:
    """A flag that names a folder or a file; an empty one is refused."""
    flags.DEFINE(FolderParser(), name, default, help_text, **options)


def define_dataset(help_text: str, **options: Any) -> None:
    """The flag that names one site."""
    flags.DEFINE_string("dataset", None, help_text, **options)
    message = "it is empty; name a site, such as uji"
    flags.register_validator("dataset", lambda name: name != "", message=message)


def define_config(*, required: bool = True) -> None:
    config_flags.DEFINE_config_file(
        "config",
        None,
        "Names the configuration: a file such as configs/uji.py, or a site such as uji, and behind "
        f"a colon the recipe, one of {', '.join(RECIPES)}. The smoke recipes are short runs to try "
        "out, whose figures mean nothing. --config.<field>=<value> sets one of its fields.",
        lock_config=True,
    )
    parser: Any = flags.FLAGS["config"].parser
    parser.parse = partial(_parse_file, parser.parse)
    if required:
        flags.register_validator("config", lambda value: value is not None, message=CONFIG_MISSING)


def _parse_file(parse: Callable[[str], Any], value: str) -> Any:
    """The configuration that a file makes; what is wrong with the file is said in one line."""
    file = value.partition(":")[0]
    try:
        config = parse(value)
        hasattr(config, "target")  # An OSError of the file shows only here.
    except ConfigError:
        raise
    except Exception as error:
        raise flags.Error(_describe_error(error, file)) from error
    if not isinstance(config, ConfigDict):
        raise flags.Error(f"{file}: get_config returns {config!r}; a ConfigDict is expected")
    return config


def _describe_error(error: BaseException, file: str) -> str:
    """The file, the line and the cause of an error that a configuration file makes."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f"{error.filename or file}, line {error.lineno}: {error.msg}"
    caught: BaseException | None = error
    while caught is not None:  # ml_collections raises some errors anew.
        for frame in reversed(traceback.extract_tb(caught.__traceback__)):
            if os.path.abspath(frame.filename) == os.path.abspath(file):
                words = " ".join(str(caught).split())
                return f"{file}, line {frame.lineno}: {type(caught).__name__}: {words}"
        caught = caught.__context__
    return f"{file}: {str(error).splitlines()[-1].strip()}"


def define_workdir(default: str) -> None:
    define_folder("workdir", None, f"Sets the folder of the run. By default it is {default}.")


def define_data_dir() -> None:
    define_folder(
        "data_dir",
        None,
        "Names the folder of the datasets. By default it is RSSTL_DATA_DIR, else the cache folder.",
    )


def define_student(others: str = "") -> None:
    """The flags by which a command is told one locator."""
    define_folder("workdir", None, "Names the folder of a finished run of distill.")
    define_folder(
        "student",
        "seed-0/standalone",
        "Names one of its students: seed-<seed>/standalone is the baseline student. Without "
        f"--workdir it is the folder of any locator{others}.",
    )


def config_file(value: str) -> str:
    """The file, and its argument, that a value of --config means."""
    name, colon, recipe = value.partition(":")
    if not name:
        raise ConfigError(CONFIG_MISSING)
    if "/" not in name and not name.endswith(".py"):
        return f"{_NAMED_SITE}:{value}"
    file = Path(os.path.expanduser(name))
    if not file.is_file():
        there = ", ".join(sorted(map(str, file.parent.glob("*.py"))))
        hint = f"there are {there}" if there else "a site's name needs no file, as in --config=uji"
        raise ConfigError(f"--config: No such file or directory: {name!r}; {hint}")
    return f"{file}{colon}{recipe}"
