"""What is trained of the site-agnostic network and measured, and the folder that holds it."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rsstl_jax.config import ConfigError
from rsstl_jax.files import differences, read_json, write_json
from rsstl_jax.models import AgnosticSettings
from rsstl_jax.overrides import SEED, SHARE
from rsstl_jax.train.agnostic import LEARNING_RATE
from rsstl_jax.train.episodes import EpisodeSettings
from rsstl_jax.train.recorder import Recorder

__all__ = ["AgnosticPlan", "open_agnostic"]

# Fields that bear on the figures alone; every seed is a training of its own.
_FIGURES = {"shares", "num_subsets", "seeds", "rivals", "data_dir"}
# Fields that bear on the training at the target, not on that on the sources.
_TUNING = {"target", "evaluate_on", "tune_epochs", "tune_learning_rate", "tune_episodes"}


@dataclass(frozen=True)
class AgnosticPlan:
    """What is trained and measured.

    Args:
        target: dataset on which the network is measured.
        sources: datasets that it is trained on, none from the target's building.
        shares: shares of the target's train part that serve as support.
        num_subsets: random subsets of each share below 1.
        evaluate_on: "test", or "validation" for places held out of train.
        seeds: of the trainings; their mean place is measured, and each alone.
        epochs: of a training on the sources.
        learning_rate: Adam's step size at its start.
        tune_epochs: of a further training on the target's own episodes; 0: none.
        tune_learning_rate: Adam's step size at its start.
        network: sizes of the network.
        episodes: how they are drawn.
        tune_episodes: how the target's own are drawn.
        rivals: whether kNN and the centroid are measured on the same subsets.
        data_dir: folder of the datasets; empty: RSSTL_DATA_DIR, else the cache.

    Raises:
        ConfigError: if a share, seed or number cannot be; the message names the field.

    Example:
        >>> AgnosticPlan("uji", ("tampere", "tut7")).shares
        (0.01, 0.1, 1.0)
    """

    target: str
    sources: tuple[str, ...]
    shares: tuple[float, ...] = (0.01, 0.1, 1.0)
    num_subsets: int = 3
    evaluate_on: str = "test"
    seeds: tuple[int, ...] = (0, 1, 2)
    epochs: int = 30
    learning_rate: float = LEARNING_RATE
    tune_epochs: int = 0
    tune_learning_rate: float = 5e-4
    network: AgnosticSettings = field(default_factory=AgnosticSettings)
    episodes: EpisodeSettings = field(default_factory=EpisodeSettings)
    tune_episodes: EpisodeSettings = field(
        default_factory=lambda: EpisodeSettings(
            min_support=512, max_support=2048, access_point_dropout=0.1, query_dropout=0.1
        )
    )
    rivals: bool = True
    data_dir: str = ""

    def __post_init__(self) -> None:
        for name, rule in (("shares", SHARE), ("seeds", SEED)):
            values = getattr(self, name)
            if not values or not all(map(rule.holds, values)) or len(set(values)) < len(values):
                raise ConfigError(f"{name} is {values!r}; each must be {rule.words}, given once")
        for name, least in (("num_subsets", 1), ("epochs", 1), ("tune_epochs", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least {least}")
        if self.evaluate_on not in ("test", "validation"):
            raise ConfigError(f"evaluate_on is {self.evaluate_on!r}; it must be test or validation")

    def facts(self, *, tuned: bool = False) -> dict[str, Any]:
        """What the trainings on these sources depend on, or those at the target then."""
        dropped = _FIGURES if tuned else _FIGURES | _TUNING
        kept = {name: value for name, value in asdict(self).items() if name not in dropped}
        found: dict[str, Any] = json.loads(json.dumps(kept))
        return found

    def digest(self, *, tuned: bool = False) -> str:
        """What tells the trainings on these sources, or at the target then, from all others."""
        facts = json.dumps(self.facts(tuned=tuned), sort_keys=True)
        return hashlib.sha256(facts.encode()).hexdigest()[:16]


def open_agnostic(plan: AgnosticPlan, workdir: str | Path) -> Recorder:
    """Opens the folder of a plan's trainings, new or left by an earlier start.

    Args:
        plan: what is trained; plan.json is written from it.
        workdir: the folder; made if needed.

    Returns:
        Recorder of the folder.

    Raises:
        ConfigError: if the folder holds trainings of other settings or sources; the message names
            what differs.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     recorder = open_agnostic(AgnosticPlan("uji", ("tampere",)), folder)
        ...     (Path(folder) / "plan.json").exists()
        True
    """
    file, wanted = Path(workdir) / "plan.json", plan.facts()
    taken = file.exists() and (file.parent / "checkpoints").exists()
    if taken and (changed := differences(read_json(file), wanted)):
        raise ConfigError(
            f"{workdir} holds trainings of another plan ({'; '.join(changed)}); choose another "
            "--workdir or remove the folder"
        )
    recorder = Recorder(workdir, owner=plan.digest())
    write_json(file, wanted)
    return recorder
