"""The baselines that carry parameters from site to site, and their control from scratch."""

from collections.abc import Mapping
from dataclasses import replace

import jax
from flax import linen as nn
from ml_collections import ConfigDict

from rsstl_jax._numerics import seed_key
from rsstl_jax.data import Fingerprints
from rsstl_jax.engine.fit_network import fit_network
from rsstl_jax.engine.site_job import SiteJob, make_site_job
from rsstl_jax.errors import ConfigError
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.types import Params

ENCODER_WIDTH = 256


class EncodedFramer(nn.Module):
    """One dense layer with ReLU in front of a framer."""

    framer: nn.Module  # of the network

    @nn.compact
    def __call__(self, fingerprints: jax.Array, *, train: bool = False) -> jax.Array:
        encoded = nn.relu(nn.Dense(ENCODER_WIDTH, name="encoder")(fingerprints))
        return self.framer(encoded, train=train)


def make_transfer_job(config: ConfigDict, train: Fingerprints) -> SiteJob:
    """The configured network behind an encoder Dense(n -> 256), at a site."""
    job = make_site_job(config, train)
    if job.network.uses_support:
        raise ConfigError(
            "a network that is given its site's fingerprints as support has no layer of the site's "
            "own to put an encoder for: network must be another for sequential, collective and "
            "scratch"
        )
    network = job.network.clone(framer=EncodedFramer(job.network.framer), decoder=None)
    return replace(job, site_network=replace(job.site_network, network=network))


def get_body(params: Params) -> Params:
    """The part of a transfer network's parameters that moves between sites."""
    return {"framer": params["framer"]["framer"], "extractor": params["extractor"]}


def put_body(params: Params, body: Params) -> Params:
    """The parameters of one site with the body of another."""
    framer = {**params["framer"], "framer": body["framer"]}
    return {**params, "framer": framer, "extractor": body["extractor"]}


def sequential_transfer(
    job: SiteJob, sources: Mapping[str, SiteJob], *, seed: int, recorder: Recorder
) -> Params:
    """Carries the body from source to source, the largest first, and on to the target (`*`).

    Without sources it is the control: the network from scratch, with what its encoder adds.
    """
    body, key = None, seed_key(seed)
    for source in sorted(sources, key=lambda name: -len(sources[name].train)):
        source_key = jax.random.fold_in(key, len(sources[source].train))
        name = f"seed-{seed}/sequential-{source}"
        trained = _train_at(sources[source], body, source_key, name=name, recorder=recorder)
        body = get_body(trained)
    name = f"seed-{seed}/{'sequential' if sources else 'scratch'}"
    return _train_at(job, body, key, name=name, recorder=recorder)


def _train_at(
    job: SiteJob, body: Params | None, key: jax.Array, *, name: str, recorder: Recorder
) -> Params:
    """Trains all of a transfer network at one site, with a body from elsewhere or a fresh one."""
    init_key, train_key = jax.random.split(key)

    def start() -> Params:
        params = job.init(init_key)
        return params if body is None else put_body(params, body)

    return fit_network(job, start, train_key, name=name, recorder=recorder)
