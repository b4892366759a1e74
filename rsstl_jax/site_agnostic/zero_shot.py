"""The site-agnostic network on a target that it was not trained on, beside its baselines."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from rsstl_jax.config.rules import name_list
from rsstl_jax.config.schema import flatten, validate
from rsstl_jax.data import Fingerprints, check_sources, load_radio_map
from rsstl_jax.data.buildings import check_no_copy
from rsstl_jax.data.target import held_out_groups, read_target, split_parts
from rsstl_jax.errors import ConfigError
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.report.html_report import write_agnostic_report
from rsstl_jax.report.result_table import agnostic_table
from rsstl_jax.site_agnostic.at_site import Pretrained
from rsstl_jax.site_agnostic.episodes import check_mesh, renew_episodes, training_facts
from rsstl_jax.site_agnostic.fraction_figures import (
    check_fractions,
    measure_fraction,
    summarize_errors,
)
from rsstl_jax.site_agnostic.training import (
    fit_members,
    make_agnostic_site_network,
    predict_members_m,
)
from rsstl_jax.site_agnostic.weights import load_pretrained, renew_sizes, save_pretrained
from rsstl_jax.store.files import as_path, differences, json_digest, read_json, write_json
from rsstl_jax.store.lock import locked
from rsstl_jax.store.processes import in_first
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.store.workdir import (
    held_card,
    log_start,
    make_recorder,
    provenance,
    refuse_other_command,
    seconds_so_far,
)
from rsstl_jax.types import Params


def pretrain(
    config: ConfigDict, workdir: str | Path, folder: str | Path, *, command: str = ""
) -> Pretrained:
    """Trains on all sources at once and writes the bundle that locates anywhere else."""
    workdir, folder = as_path("workdir", workdir), as_path("folder", folder)
    config = config.copy_and_resolve_references()
    config.target = "any"  # Every site may be a source: the bundle is for targets to come.
    validate(config)
    check_mesh(config)
    check_sources(config.target, name_list(config.sources))
    parts = _read_sources(config)
    digests = {part.dataset: part.digest() for part in parts}
    trained = training_facts(config) | {"seeds": list(config.seeds), "data": digests}
    settings = AgnosticSettings.from_config(config)
    _check_replaced(folder, trained | asdict(settings))
    with locked(workdir):
        recorder = _open_folder(config, workdir)
        log_start(recorder, digests, config.run.mesh)
        members = fit_members(config, parts, settings, config.seeds, "sources", recorder)
        words = f"rsstl agnostic --pretrain={shlex.quote(str(folder))}"
        in_first(write_agnostic_report)(recorder.workdir, flatten(config), command=words)
    report = {
        "command": command,
        **trained,
        "seconds": seconds_so_far(recorder),
        **provenance(),
    }
    pretrained = Pretrained(settings, members, name_list(config.sources), report)
    in_first(save_pretrained)(folder, pretrained)
    return pretrained


@in_first
def _check_replaced(folder: str | Path, wanted: Mapping[str, Any]) -> None:
    """Refuses a folder with a locator, or with a bundle of another training."""
    if card := held_card(folder):
        raise ConfigError(f"{folder} holds a locator ({card}); name another folder")
    if not (Path(folder) / "agnostic.json").exists():
        return
    bundle = load_pretrained(folder)
    held = {**bundle.report, **asdict(bundle.settings)}
    held["episodes"] = renew_episodes(held.get("episodes", {}))
    if changed := differences({name: held.get(name) for name in wanted}, wanted):
        raise ConfigError(
            f"{folder} holds a bundle of another training ({'; '.join(changed)}); name another "
            "folder or remove it"
        )


def run_zero_shot(
    config: ConfigDict, workdir: str | Path, *, baselines: bool = True
) -> dict[str, Any]:
    """Trains on the sources, then measures on the target with fractions of it as radio map."""
    workdir = as_path("workdir", workdir)
    validate(config)
    check_mesh(config)
    if config.data.fraction != 1:
        raise ConfigError(
            f"data.fraction is {config.data.fraction}; the fractions of the target that a "
            "site-agnostic network is measured with are those of agnostic.fractions"
        )
    check_sources(config.target, name_list(config.sources))
    parts = _read_sources(config)
    survey, test = read_target(config)
    for part in parts:
        check_no_copy(survey, part)
    train, held_out = split_parts(survey, test, config.data)
    check_fractions(config, train)
    with locked(workdir):
        recorder = _open_folder(config, workdir)
        log_start(
            recorder,
            {part.dataset: part.digest() for part in (survey, *parts)},
            config.run.mesh,
        )
        settings = AgnosticSettings.from_config(config)
        members = fit_members(config, parts, settings, config.seeds, "sources", recorder)
        tuned = _tune(config, members, train, recorder) if config.agnostic.tune.epochs else ()
        return _measure(config, members, tuned, train, held_out, recorder, baselines)


@in_first
def _measure(
    config: ConfigDict,
    members: Sequence[Params],
    tuned: Sequence[Params],
    train: Fingerprints,
    held_out: Fingerprints,
    recorder: Recorder,
    baselines: bool,
) -> dict[str, Any]:
    """Measures with each fraction of the target, and leaves result.json and report."""
    figures = {
        str(float(fraction)): measure_fraction(
            config, members, train, held_out, fraction, baselines
        )
        for fraction in config.agnostic.fractions
    }
    if tuned:
        site_network = make_agnostic_site_network(AgnosticSettings.from_config(config), train)
        figures.setdefault("1.0", {"num_support": [len(train)]})["fine-tuned"] = summarize_errors(
            [predict_members_m(site_network, tuned, held_out.rss_dbm)], held_out
        )
    started = next(r for r in recorder.records() if r.get("run") == "start")
    result = {
        "plan": measured_plan(config, baselines),
        "start": {key: value for key, value in started.items() if key != "run"},
        "part": held_out.part,
        "seconds": seconds_so_far(recorder),
        "shares": figures,
    }
    write_json(recorder.workdir / "result.json", result)
    write_agnostic_report(
        recorder.workdir,
        flatten(config),
        command=f"rsstl agnostic{'' if baselines else ' --baselines=false'}",
        table=agnostic_table(result),
    )
    return read_json(recorder.workdir / "result.json")


def _read_sources(config: ConfigDict) -> list[Fingerprints]:
    data_dir = config.data_dir or None
    return [load_radio_map(source, data_dir=data_dir) for source in name_list(config.sources)]


def _plan(config: ConfigDict) -> dict[str, Any]:
    """What a training on the sources depends on, beside its seed, as JSON has it."""
    return training_facts(config) | {
        "sources": list(name_list(config.sources)),
        "network": asdict(AgnosticSettings.from_config(config)),
    }


def measured_plan(config: ConfigDict, baselines: bool) -> dict[str, Any]:
    """What was trained and measured, for result.json."""
    return {
        "target": config.target,
        **_plan(config),
        "seeds": list(config.seeds),
        "fractions": list(config.agnostic.fractions),
        "num_subsets": config.agnostic.num_subsets,
        "tune": config.agnostic.tune.to_dict(),
        "data": config.data.to_dict(),
        "baselines": baselines,
    }


def _open_folder(config: ConfigDict, workdir: str | Path) -> Recorder:
    """Opens the folder of trainings on some sources, new or left by an earlier start."""
    file = Path(workdir) / "plan.json"
    facts = _written_facts(file, _plan(config))
    recorder = make_recorder(config, workdir, json_digest(facts)[:16])
    in_first(write_json)(file, facts)
    return recorder


@in_first
def _written_facts(file: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """The plan of the trainings that a folder holds, which must be the one that is wanted."""
    refuse_other_command(file.parent, "config.json")
    if not (file.exists() and (file.parent / "checkpoints").exists()):
        return facts
    # Its states are signed with the plan in the form of the version that wrote it.
    written = read_json(file)
    try:
        network, episodes = renew_sizes(written["network"]), renew_episodes(written["episodes"])
        changed = differences({**written, "network": network, "episodes": episodes}, facts)
    except (ConfigError, KeyError, TypeError, ValueError, AttributeError) as error:
        changed = [str(error)]
    if changed:
        raise ConfigError(
            f"{file.parent} holds trainings of another plan ({'; '.join(changed)}); choose another "
            "--workdir or remove the folder"
        )
    return written


def _tune(
    config: ConfigDict, members: Sequence[Params], train: Fingerprints, recorder: Recorder
) -> tuple[Params, ...]:
    """The members after a further training on episodes of the target itself."""
    target = f"{config.target}-{config.data.evaluate_on}"
    facts = {"sources": recorder.owner, "target": target, "tune": config.agnostic.tune.to_dict()}
    if config.data.evaluate_on == "validation":
        facts |= {"fraction": config.data.validation_fraction, "seed": config.data.validation_seed}
    facts |= held_out_groups(config.data)
    at_target = make_recorder(config, recorder.workdir, json_digest(facts)[:16])
    settings = AgnosticSettings.from_config(config)
    return fit_members(
        config, [train], settings, config.seeds, target, at_target, tuned_from=members
    )
