"""The four networks in PyTorch, layer by layer as in rsstl_jax/models; for benchmarks alone."""

import math

import torch
from ml_collections import ConfigDict
from torch import Tensor, nn

from rsstl_jax.models.cnnloc import FILTERS, FRAME_WIDTH, WINDOW


def torch_device() -> torch.device:
    """Where PyTorch computes: on a GPU if it finds one, as JAX does."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def wait(device: torch.device) -> None:
    """Until all that was started there is done."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def dnn(config: ConfigDict, num_access_points: int) -> nn.Module:
    own = config.model.dnn
    layers: list[nn.Module] = [nn.Dropout(own.input_dropout)]
    width = num_access_points
    for _ in range(own.num_layers):
        layers += [nn.Linear(width, own.hidden_width), nn.ReLU(), nn.Dropout(own.dropout)]
        width = own.hidden_width
    return nn.Sequential(*layers, nn.Linear(width, 2))


def cnnloc(config: ConfigDict, num_access_points: int) -> nn.Module:
    own = config.model.cnnloc
    layers: list[nn.Module] = [nn.Linear(num_access_points, own.hidden_width), nn.ELU()]
    layers += [nn.Linear(own.hidden_width, FRAME_WIDTH), nn.ELU()]
    layers += [nn.Dropout(own.dropout), nn.Unflatten(1, (1, FRAME_WIDTH))]
    channels = 1
    for filters in FILTERS:
        layers += [nn.Conv1d(channels, filters, WINDOW), nn.ELU()]
        channels = filters
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels, 2))


def bayescnn(config: ConfigDict, num_access_points: int) -> nn.Module:
    own = config.model.bayescnn
    side = math.isqrt(num_access_points - 1) + 1
    layers: list[nn.Module] = [nn.ConstantPad1d((0, side * side - num_access_points), 0.0)]
    layers += [nn.Unflatten(1, (1, side, side))]
    before = 1
    for channels in own.channels:
        for _ in range(own.num_convolutions):
            layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU()]
            before = channels
        layers += [nn.MaxPool2d(2)]
        side //= 2
    layers += [nn.Flatten(), nn.Linear(before * side * side, own.dense_width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Dropout(own.dropout), nn.Linear(own.dense_width, 2))


class Block(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, width: int, num_heads: int, feed_width: int, dropout: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(2)])
        self.attend = nn.MultiheadAttention(width, num_heads, batch_first=True)
        self.feed = nn.Sequential(
            nn.Linear(width, feed_width), nn.GELU(approximate="tanh"), nn.Linear(feed_width, width)
        )
        self.drop = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.norms[0](tokens)
        tokens = tokens + self.drop(self.attend(x, x, x, need_weights=False)[0])
        return tokens + self.drop(self.feed(self.norms[1](tokens)))


class Baat(nn.Module):
    """Anchor2Vec, transformer blocks, the class token."""

    def __init__(self, config: ConfigDict, num_access_points: int) -> None:
        super().__init__()
        own = config.model.baat
        width = own.token_width
        self.shape = (own.num_tokens, width)
        self.embed = nn.Linear(num_access_points, own.num_tokens * width)
        self.first = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.positions = nn.Parameter(0.02 * torch.randn(1, own.num_tokens + 1, width))
        block = lambda: Block(width, own.num_heads, own.feed_width, own.dropout)  # noqa: E731
        self.blocks = nn.Sequential(*(block() for _ in range(own.num_blocks)))
        self.norm, self.regress = nn.LayerNorm(width), nn.Linear(width, 2)

    def forward(self, fingerprints: Tensor) -> Tensor:
        tokens = self.embed(fingerprints).unflatten(1, self.shape)
        tokens = torch.cat([self.first.expand(len(tokens), -1, -1), tokens], dim=1)
        tokens = self.blocks(tokens + self.positions)
        return self.regress(self.norm(tokens)[:, 0])


NETWORKS = {"dnn": dnn, "cnnloc": cnnloc, "bayescnn": bayescnn, "baat": Baat}
