"""The contract of a specialised network: framer, extractor, regressor."""

import math
from functools import partial
from inspect import signature
from typing import Any

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from rsstl_jax.config.rules import POSITIVE, whole
from rsstl_jax.errors import ConfigError
from rsstl_jax.types import Params, Representations

ACTIVATIONS = {"relu": nn.relu, "elu": nn.elu, "linear": lambda x: x}
"""What an extractor may end in; a generator ends in the same, so that their ranges match."""

LOWEST = {"relu": 0.0, "elu": -1.0, "linear": -math.inf}
"""No output of an activation is below this."""


def check_activation(key: str) -> None:
    """ConfigError for what is no key of `ACTIVATIONS`."""
    if key not in ACTIVATIONS:
        raise ConfigError(
            f"extract_activation is {key!r}; it must be one of {', '.join(ACTIVATIONS)}, the range "
            "of the extractor's output"
        )


def _check_part(name: str, part: Any, inputs: tuple[str, ...], *, train: bool = True) -> None:
    """ConfigError for what is no module of Linen, or cannot be called with these inputs."""
    if not isinstance(part, nn.Module):
        first_line = repr(part).partition("\n")[0]  # Modules of Flax NNX have many.
        raise ConfigError(
            f"{name} is {first_line}; a part is a module of Flax Linen, such as Regressor()"
        )
    kind, called = type(part).__name__, part
    while isinstance(called, nn.Sequential) and called.layers:  # which hands all to its first layer
        called = called.layers[0]
        kind = f"Sequential that starts with {getattr(called, '__name__', type(called).__name__)}"
    try:
        signature(called).bind(*inputs, **({"train": False} if train else {}))
    except TypeError as error:
        call = ", ".join([*inputs, "train=..."] if train else inputs)
        raise ConfigError(
            f"{name} is a {kind}, which cannot be called as {name}({call}): {error}"
        ) from error


def _require_array(name: str, output: Any) -> Any:
    """What a part makes, unless it is no array."""
    if not hasattr(output, "shape"):
        raise ConfigError(f"{name} makes a {type(output).__name__}; one array is expected")
    return output


def average_features(features: jax.Array) -> jax.Array:
    """The frame float[B, F] of a feature map float[B, ..., F]."""
    return features.mean(axis=tuple(range(1, features.ndim - 1)))


def init_params(module: nn.Module, key: jax.Array, *inputs: Any) -> Params:
    """As one program: operation by operation each of the forward pass would be compiled alone."""
    try:
        hash(module)
    except TypeError:  # One of its fields is a list, as in Flax's own examples.
        return jax.jit(partial(_init, module))(key, *inputs)
    return _init_once(module, key, *inputs)


def _init(module: nn.Module, key: jax.Array, *inputs: Any) -> Params:
    variables = module.init(key, *inputs)
    if others := sorted(set(variables) - {"params"}):
        raise ConfigError(
            f"{type(module).__name__} keeps {', '.join(others)} beside its parameters, which no "
            "training here updates or saves: take layers without, such as LayerNorm for BatchNorm"
        )
    if "params" not in variables:
        raise ConfigError(f"{type(module).__name__} has no parameters: nothing could be trained")
    params: Params = variables["params"]
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            raise ConfigError(
                f"params{jax.tree_util.keystr(path)} of {type(module).__name__} is {leaf.dtype}; "
                "only floating-point parameters are trained: make it a field of its part"
            )
    return params


_init_once = jax.jit(_init, static_argnums=0)


def normal(stddev: float) -> nn.initializers.Initializer:
    """Flax's initializer with the same bits inside a compiled program and outside."""

    def init(key: jax.Array, shape: Any, dtype: Any = jnp.float32) -> jax.Array:
        # Without a barrier XLA joins this factor with the one that makes the numbers normal.
        return jax.lax.optimization_barrier(jax.random.normal(key, shape, dtype)) * stddev

    return init


class Network(nn.Module):
    """A specialised network S = {F, E, R} out of its three parts (paper, Sec. 3.1).

    Z^F = F(X), Z^E = E(Z^F), Y = R(Z^E). A part is any module called as `part(x, train=...)`.
    The framer may return a feature map of any rank; `frame` is its average over the axes between
    the first and the last.

    Args:
        framer: module. Encoded fingerprints float[B, A] -> feature map float[B, ..., F].
        extractor: module. The feature map -> float[B, D].
        regressor: module. float[B, D] -> float[B, 2], in units of the site's scale.
        frame_width: F. Must not depend on the number of access points A.
        extract_width: D. Must not depend on A, or teachers of several sites cannot be stacked.
        extract_activation: what extractor and generators end in, a key of `ACTIVATIONS`.
        decoder: module(frame, A) -> float[B, A]. If given, the framer is first trained as an
            auto-encoder with it; the decoder is no part of the network's parameters.
        lipschitz: False where J_FI makes no sense, as behind dot-product attention
            [Kim et al. 2021]; phase 2 then leaves the term out unless it is forced.
        learning_rate_factor: what the site's learning rate is multiplied by for this network.
        uses_support: whether the network is given the site's train part as its support.

    Raises:
        ConfigError: if there is no such activation, a width is no whole number, the factor is not
            above 0, or a part cannot be called as above; on call, if an output is not as declared.
        AssertionError: on call, if the fingerprints are not float[B, A].

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from rsstl_jax import default_config, make_network
        >>> network = make_network(default_config())
        >>> network
        Network(DenseStack 300, DenseStack 300 relu, Regressor 2)
        >>> for num_access_points in (60, 520):
        ...     fingerprints = jnp.zeros((8, num_access_points))
        ...     params = network.init(jax.random.key(0), fingerprints)
        ...     print(network.apply(params, fingerprints).extract.shape)
        (8, 300)
        (8, 300)
    """

    framer: nn.Module
    extractor: nn.Module
    regressor: nn.Module
    frame_width: int
    extract_width: int
    extract_activation: str
    decoder: nn.Module | None = None
    lipschitz: bool = True
    learning_rate_factor: float = 1.0
    uses_support: bool = False

    def __post_init__(self) -> None:
        check_activation(self.extract_activation)
        rules = {"frame_width": whole(1), "extract_width": whole(1)}
        for name, rule in (rules | {"learning_rate_factor": POSITIVE}).items():
            if not rule.holds(getattr(self, name)):
                raise ConfigError(f"{name} is {getattr(self, name)!r}; it must be {rule.words}")
        if type(self).__call__ is Network.__call__:  # Else it calls its parts in its own way.
            support = ("support",) if self.uses_support else ()
            _check_part("framer", self.framer, ("x", *support))
            _check_part("extractor", self.extractor, ("x",))
            _check_part("regressor", self.regressor, ("x",))
        if self.decoder is not None:
            _check_part("decoder", self.decoder, ("frame", "A"), train=False)
        super().__post_init__()

    def __call__(
        self, fingerprints: jax.Array, support: Any = None, *, train: bool = False
    ) -> Representations:
        """All three representations of a batch.

        Args:
            fingerprints: float[B, A]. Encoded fingerprints.
            support: arrays computed once from the site's train part, for networks that use it.
            train: whether dropout is active (then an rng named "dropout" is needed).

        Returns:
            Representations of float[B, F], float[B, D] and float[B, 2].
        """
        chex.assert_rank(fingerprints, 2, custom_message="fingerprints must be float[B, A]")
        chex.assert_type(fingerprints, float, custom_message="fingerprints must be encoded floats")
        context = () if support is None else (support,)
        features = _require_array("framer", self.framer(fingerprints, *context, train=train))
        extract = _require_array("extractor", self.extractor(features, train=train))
        location = _require_array("regressor", self.regressor(extract, train=train))
        frame = average_features(features)
        declared = {"frame": self.frame_width, "extract": self.extract_width, "location": 2}
        for (name, width), array in zip(declared.items(), (frame, extract, location), strict=True):
            shape, dtype = (fingerprints.shape[0], width), array.dtype
            if array.shape != shape or not jnp.issubdtype(dtype, jnp.floating):
                raise ConfigError(
                    f"{name} has shape {array.shape} and is {dtype}; its shape must be {shape}, "
                    f"and its type floating-point, as {self!r} says"
                )
        return Representations(frame, extract, location)

    def regress(self, extract: jax.Array) -> jax.Array:
        """R of Eq. 2, without dropout: float[B, D] to float[B, 2] in units of the site's scale."""
        return self.regressor(extract, train=False)

    def __repr__(self) -> str:
        """One line; Flax's own goes through every layer."""
        framer, extractor, regressor = (
            type(part).__name__ for part in (self.framer, self.extractor, self.regressor)
        )
        return (
            f"{type(self).__name__}({framer} {self.frame_width}, "
            f"{extractor} {self.extract_width} {self.extract_activation}, {regressor} 2)"
        )


class Regressor(nn.Module):
    """The last part of every built-in network: one linear layer onto the plane.

    Linear, because a saturating output dies in training. Dropout acts on its input here rather
    than in the extractor, so that teachers meet the whole representation.

    Args:
        dropout: probability that a unit of the representation is hidden in training.

    Example:
        >>> import jax.numpy as jnp
        >>> layer = {"kernel": jnp.ones((3, 2)), "bias": jnp.array([1.0, -1.0])}
        >>> extract = jnp.array([[1.0, 2.0, 3.0]])
        >>> print(Regressor(dropout=0.5).apply({"params": {"Dense_0": layer}}, extract))
        [[7. 5.]]
    """

    dropout: float = 0.0

    @nn.compact
    def __call__(self, extract: jax.Array, *, train: bool = False) -> jax.Array:
        extract = nn.Dropout(self.dropout, deterministic=not train)(extract)
        return nn.Dense(2)(extract)
