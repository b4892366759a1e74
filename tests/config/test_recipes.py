"""What a site is trained with: the numbers of the paper's Sec. 4.1, and whose they are."""

from itertools import permutations

import pytest

from rsstl_jax.config import make_config, named_config, site_config
from rsstl_jax.config.recipes import DEFAULT_SOURCES, RECIPES
from rsstl_jax.config.schema import flatten, validate
from rsstl_jax.errors import ConfigError

# Sec. 4.1: "trained for 2000, 500, and 400 epochs at learning rates of 1e-3, 1e-3, and 1e-4 for
# Tampere, UJIIndoorLoc, and UTS datasets, respectively".
PAPER = {"tampere": (2000, 1e-3), "uji": (500, 1e-3), "uts": (400, 1e-4)}
OTHERS = {site: ",".join(other for other in PAPER if other != site) for site in PAPER}


@pytest.mark.parametrize("site", PAPER)
def test_the_papers_schedule_is_the_targets(site):
    config = make_config("paper", target=site, sources=OTHERS[site])
    validate(config)
    assert (config.train.epochs, config.train.learning_rate) == PAPER[site]
    assert config.train.schedule == "constant"


@pytest.mark.parametrize(("target", "source"), list(permutations(PAPER, 2)))
def test_a_source_keeps_its_own_sites_schedule(target, source):
    config = make_config("paper", target=target, sources=source)
    own = site_config(config, source)
    assert (own.train.epochs, own.train.learning_rate) == PAPER[source]
    assert own.teacher.epochs == PAPER[source][0]
    assert (config.train.epochs, config.train.learning_rate) == PAPER[target]


def test_what_the_paper_states_of_all_sites():
    """Batch 128, lambda 3, 0.5, 0.5, 0.5 (Sec. 4.1), alpha 0.2 (Eq. 1), Alg. 3 as printed."""
    config = make_config("paper", target="uji", sources="uts,tampere")
    assert config.train.batch_size == 128
    assert config.distill.weights.to_dict() == {
        "localization": 3.0,
        "similarity": 0.5,
        "mutual_information": 0.5,
        "functional_information": 0.5,
        "soft_target": 0.0,  # ours; the paper has none
    }
    assert config.distill.margin == 0.2
    assert config.input.encoding == "raw"
    assert set(config.augment.to_dict().values()) == {0.0}
    assert config.model.dnn.num_layers == 3
    assert (config.teacher.noise, config.teacher.conditioning) == ("fresh", "none")
    # WGAN-GP's own numbers [Gulrajani et al. 2017, Algorithm 1].
    teacher = config.teacher
    assert (teacher.num_critic_steps, teacher.penalty_weight, teacher.learning_rate) == (
        5,
        10,
        1e-4,
    )


def test_a_site_that_no_recipe_names_takes_the_values_of_uji():
    config = make_config("paper", target="mysite", sources="uji")
    assert (config.train.epochs, config.train.learning_rate) == PAPER["uji"]


@pytest.mark.parametrize("recipe", ["paper", "tuned"])
def test_own_input_augmentation_and_schedule_go_with_the_site(recipe):
    """Whatever the target's are changed to, those of a source are what it has as a target."""
    config = make_config(recipe, target="tampere", sources="uji")
    config.augment.gain_offset_db = 9.0
    config.input.update(encoding="exponential", exponent=7.0)
    config.train.update(epochs=77, learning_rate=0.5, schedule="constant")
    own, as_target = site_config(config, "uji"), make_config(recipe, target="uji", sources="uts")
    for section in ("input", "augment", "train"):
        assert own[section].to_dict() == as_target[section].to_dict()


def test_what_belongs_to_the_run_is_the_runs_at_every_source():
    config = make_config("paper", target="tampere", sources="uji")
    config.train.batch_size, config.teacher.hidden_width, config.model.dnn.dropout = 64, 99, 0.25
    own = site_config(config, "uji")
    run = (own.train.batch_size, own.teacher.hidden_width, own.model.dnn.dropout)
    assert run == (64, 99, 0.25)


def test_epochs_of_both_phases_can_be_set_for_all_sources():
    config = make_config("paper", target="tampere", sources="uji,uts")
    assert (config.specialise.epochs, config.teacher.epochs) == (None, None)
    config.specialise.epochs = 3
    owns = [site_config(config, site) for site in ("uji", "uts")]
    assert [(own.train.epochs, own.teacher.epochs) for own in owns] == [(3, 500), (3, 400)]
    config.teacher.epochs = 5
    owns = [site_config(config, site) for site in ("uji", "uts")]
    assert [(own.train.epochs, own.teacher.epochs) for own in owns] == [(3, 5), (3, 5)]


@pytest.mark.parametrize(("recipe", "base"), [("smoke", "paper"), ("tuned-smoke", "tuned")])
def test_smoke_is_a_short_recipe_and_otherwise_the_same(recipe, base):
    short, whole = (flatten(make_config(r, target="uts", sources="uji")) for r in (recipe, base))
    changed = {path for path in whole if short[path] != whole[path]}
    of_agnostic = {"agnostic.epochs", "agnostic.members"}
    # The pretrained network takes longer than the two epochs.
    assert (short["run.baselines"], whole["run.baselines"]) == (
        "knn",
        {"paper": "knn", "tuned": "knn,pretrained"}[base],
    )
    assert changed - of_agnostic - {"run.baselines"} == {
        "recipe",
        "train.epochs",
        "train.batch_size",
        "run.log_every_epochs",
    }
    assert all(short[path] == 1 for path in of_agnostic)
    assert (short["train.epochs"], short["train.batch_size"]) == (2, 32)
    own = site_config(make_config(recipe, target="uts", sources="uji"), "uji")
    assert (own.train.epochs, own.teacher.epochs) == (2, 2)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_fills_in_target_sources_and_its_own_name(recipe):
    config = make_config(recipe, target="a", sources="b,c")
    assert (config.target, config.sources, config.recipe) == ("a", "b,c", recipe)
    validate(config)


def test_an_unknown_recipe_is_refused_and_the_known_are_named():
    message = "recipe is 'quick'; it must be one of paper, tuned, smoke, tuned-smoke"
    with pytest.raises(ConfigError, match=message):
        make_config("quick", target="uji", sources="uts")
    config = make_config("paper", target="uji", sources="uts")
    config.recipe = "quick"
    with pytest.raises(ConfigError, match=message):
        site_config(config, "uts")


@pytest.mark.parametrize("target", DEFAULT_SOURCES)
def test_a_known_target_has_one_name_and_takes_any_recipe(target):
    paper, tuned = named_config(target), named_config(f"{target}:tuned")
    sources = DEFAULT_SOURCES[target]
    assert flatten(paper) == flatten(make_config("paper", target=target, sources=sources))
    assert flatten(tuned) == flatten(make_config("tuned", target=target, sources=sources))
    validate(tuned)


def test_a_name_close_to_a_target_is_no_dataset_of_ones_own():
    with pytest.raises(ConfigError, match=r"no configuration 'ujii'; did you mean uji\?"):
        named_config("ujii:tuned")
    with pytest.raises(ConfigError, match="the configuration is table, with target=uji1"):
        named_config("uji1:tuned")
    with pytest.raises(ConfigError, match="recipe is 'quick'; it must be one of paper"):
        named_config("uji:quick")
    with pytest.raises(ConfigError, match="name is None; a target is expected"):
        named_config(None)


def test_any_other_name_is_a_dataset_of_ones_own():
    config = named_config("my-office:tuned")
    assert (config.target, config.sources) == ("my-office", "uji,tampere")
    assert config.train.epochs == named_config("table:tuned").train.epochs
