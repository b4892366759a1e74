"""What is trained of the site-agnostic network and measured, and the folder that holds it."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rsstl_jax.config.overrides import SEED
from rsstl_jax.config.rules import SHARE
from rsstl_jax.errors import ConfigError
from rsstl_jax.models import AgnosticSettings
from rsstl_jax.site_agnostic.episodes import EpisodeSettings
from rsstl_jax.site_agnostic.training import LEARNING_RATE
from rsstl_jax.store.files import differences, read_json, write_json
from rsstl_jax.store.recorder import Recorder

__all__ = ["AgnosticPlan", "open_agnostic"]

# Fields that bear on the figures alone; every seed is a training of its own.
_FIGURES = {"shares", "num_subsets", "seeds", "rivals", "data_dir"}
# Fields that bear on the training at the target, not on that on the sources.
_TUNING = {"target", "evaluate_on", "tune_epochs", "tune_learning_rate", "tune_episodes"}


@dataclass(frozen=True)
class AgnosticPlan:
    """What is trained and measured."""

    target: str  # dataset on which the network is measured
    sources: tuple[str, ...]  # datasets that it is trained on, none from the target's building
    # shares of the target's train part that serve as support
    shares: tuple[float, ...] = (0.01, 0.1, 1.0)
    num_subsets: int = 3  # random subsets of each share below 1
    evaluate_on: str = "test"  # "test", or "validation" for places held out of train
    seeds: tuple[int, ...] = (0, 1, 2)  # of the trainings
    epochs: int = 30  # of a training on the sources
    learning_rate: float = LEARNING_RATE  # Adam's step size at its start
    tune_epochs: int = 0  # of a further training on the target's own episodes
    tune_learning_rate: float = 5e-4  # Adam's step size at its start
    network: AgnosticSettings = field(default_factory=AgnosticSettings)  # sizes of the network
    episodes: EpisodeSettings = field(default_factory=EpisodeSettings)  # how they are drawn
    # how the target's own are drawn
    tune_episodes: EpisodeSettings = field(
        default_factory=lambda: EpisodeSettings(
            min_support=512, max_support=2048, access_point_dropout=0.1, query_dropout=0.1
        )
    )
    rivals: bool = True  # whether kNN and the centroid are measured on the same subsets
    data_dir: str = ""  # folder of the datasets

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
    """Opens the folder of a plan's trainings, new or left by an earlier start."""
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
