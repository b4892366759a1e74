"""Phase 0: a network is specialised at its site, trained on J_MAE alone."""

from functools import partial

import jax

from rsstl_jax.engine.fit_network import fit_network
from rsstl_jax.engine.site_job import SiteJob
from rsstl_jax.phases.autoencoder import initial_params
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.types import Params


def specialise(job: SiteJob, *, seed: int, name: str, recorder: Recorder) -> Params:
    """Trains the job's network on its own fingerprints, or loads what an earlier start trained."""
    init_key, train_key = jax.random.split(jax.random.key(seed))
    start = partial(initial_params, job, init_key, name=name, recorder=recorder)
    return fit_network(job, start, train_key, name=name, recorder=recorder)
