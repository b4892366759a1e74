"""The three phases, and the loop, state and files that they share."""

from rsstl_jax.train.agnostic import (
    fit_agnostic,
    fit_members,
    init_agnostic,
    make_agnostic_localizer,
    make_episode_step,
    predict_members_m,
)
from rsstl_jax.train.alignment import TERMS, Alignment, active_terms
from rsstl_jax.train.bundle import BundleCard, load_bundle, save_bundle
from rsstl_jax.train.checkpoint import load_checkpoint, save_checkpoint
from rsstl_jax.train.distill import DistillContext, make_distill_state, make_distill_step
from rsstl_jax.train.episodes import (
    Episode,
    EpisodeSettings,
    Sources,
    draw_episode,
    make_sources,
)
from rsstl_jax.train.expert import SourceBatch, make_expert_step, represent_source, train_expert
from rsstl_jax.train.initial import initial_params, make_autoencoder_step
from rsstl_jax.train.localizer import Localizer, make_batch, make_predictor, predict_m
from rsstl_jax.train.loop import (
    DivergedError,
    Replication,
    effective_batch_size,
    fit,
    make_epochs,
)
from rsstl_jax.train.pretrained import Pretrained, load_pretrained, save_pretrained
from rsstl_jax.train.quality import teacher_quality
from rsstl_jax.train.recorder import Recorder
from rsstl_jax.train.sharpness import sharpen
from rsstl_jax.train.specialise import (
    fit_network,
    make_localizer,
    make_specialise_step,
    specialise,
    training_plan,
)
from rsstl_jax.train.state import TrainState, learning_rate, make_optimizer, make_state
from rsstl_jax.train.student import Student, load_student, save_student
from rsstl_jax.train.students import Distillation, make_distillation, train_students
from rsstl_jax.train.surrogate import draw_codes, generate, make_teacher_fn, place_inputs
from rsstl_jax.train.survey import (
    Survey,
    count_places,
    deal_folds,
    draw_support,
    make_survey,
    place_numbers,
    whole_support,
)
from rsstl_jax.train.variants import STUDENTS, Variant

__all__ = [
    "STUDENTS",
    "TERMS",
    "Alignment",
    "BundleCard",
    "DistillContext",
    "Distillation",
    "DivergedError",
    "Episode",
    "EpisodeSettings",
    "Localizer",
    "Pretrained",
    "Recorder",
    "Replication",
    "SourceBatch",
    "Sources",
    "Student",
    "Survey",
    "TrainState",
    "Variant",
    "active_terms",
    "count_places",
    "deal_folds",
    "draw_codes",
    "draw_episode",
    "draw_support",
    "effective_batch_size",
    "fit",
    "fit_agnostic",
    "fit_members",
    "fit_network",
    "generate",
    "init_agnostic",
    "initial_params",
    "learning_rate",
    "load_bundle",
    "load_checkpoint",
    "load_pretrained",
    "load_student",
    "make_agnostic_localizer",
    "make_autoencoder_step",
    "make_batch",
    "make_distill_state",
    "make_distill_step",
    "make_distillation",
    "make_episode_step",
    "make_epochs",
    "make_expert_step",
    "make_localizer",
    "make_optimizer",
    "make_predictor",
    "make_sources",
    "make_specialise_step",
    "make_state",
    "make_survey",
    "make_teacher_fn",
    "place_inputs",
    "place_numbers",
    "predict_m",
    "predict_members_m",
    "represent_source",
    "save_bundle",
    "save_checkpoint",
    "save_pretrained",
    "save_student",
    "sharpen",
    "specialise",
    "teacher_quality",
    "train_expert",
    "train_students",
    "training_plan",
    "whole_support",
]
