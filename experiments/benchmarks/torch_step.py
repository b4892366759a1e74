"""The same distilling step in PyTorch, written as its users write it."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.distill_step import BATCH, ESTIMATOR, HIDDEN, LATENT, WIDTH
from benchmarks.torch_networks import torch_device, wait

MARGIN, ITERATIONS = 0.2, 10
WEIGHTS = [weight / 4.5 for weight in (3.0, 0.5, 0.5, 0.5)]


class Teacher(nn.Module):
    """A generator."""

    def __init__(self) -> None:
        super().__init__()
        self.framer, self.hidden = nn.Linear(LATENT, WIDTH), nn.Linear(WIDTH, HIDDEN)
        self.extractor = nn.Linear(HIDDEN, WIDTH)

    def forward(self, code: Tensor) -> tuple[Tensor, Tensor]:
        frame = functional.leaky_relu(self.framer(code), 0.2)
        hidden = functional.leaky_relu(self.hidden(frame), 0.2)
        return frame, torch.relu(self.extractor(hidden))


class Distiller(nn.Module):
    """Student and estimator, and the overall loss under two teachers."""

    def __init__(self, num_access_points: int, scale_m: float) -> None:
        super().__init__()
        self.framer = nn.Sequential(nn.Linear(num_access_points, WIDTH), nn.ReLU())
        self.extractor = nn.Sequential(
            nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU()
        )
        self.regressor = nn.Linear(WIDTH, 2)
        self.estimator = nn.Sequential(
            nn.Linear(2 * WIDTH, ESTIMATOR),
            nn.ReLU(),
            nn.Linear(ESTIMATOR, ESTIMATOR),
            nn.ReLU(),
            nn.Linear(ESTIMATOR, 1),
        )
        self.teachers = nn.ModuleList(Teacher() for _ in range(2))
        self.teachers.requires_grad_(False)
        self.scale_m = scale_m

    def forward(self, encoded: Tensor, actual_m: Tensor, code: Tensor) -> Tensor:
        frame = self.framer(encoded)
        extract = self.extractor(frame)
        error_m = (self.regressor(extract) * self.scale_m - actual_m).norm(dim=1).mean()
        own = functional_information(frame, extract)
        terms = encoded.new_zeros(3)
        for teacher in self.teachers:
            of_teacher, z = teacher(code)
            terms = terms + torch.stack(
                [
                    similarity_loss(extract, z),
                    self.information_loss(z, extract),
                    (functional_information(of_teacher, z) - own).abs(),
                ]
            )
        return WEIGHTS[0] * error_m + (encoded.new_tensor(WEIGHTS[1:]) * terms).sum()

    def information_loss(self, z: Tensor, extract: Tensor) -> Tensor:
        joint = self.estimator(torch.cat([z, extract], dim=1))
        product = self.estimator(torch.cat([z, extract.roll(-1, dims=0)], dim=1))
        return functional.softplus(-joint).mean() + functional.softplus(product).mean()


def similarity_loss(extract: Tensor, z: Tensor) -> Tensor:
    cosine = functional.cosine_similarity(extract, z).mean().clamp(-1 + 1e-6, 1 - 1e-6)
    sine = torch.sqrt(1 - cosine**2)
    return 1 - (cosine * math.cos(MARGIN) - sine * math.sin(MARGIN))


def functional_information(frame: Tensor, extract: Tensor) -> Tensor:
    """The top singular value of A, by power iteration; the gradient through the last product."""
    a = functional.normalize(frame) @ functional.normalize(extract).T / len(frame)
    with torch.no_grad():
        v = a.new_ones(a.shape[1])
        for _ in range(ITERATIONS):
            v = functional.normalize(a.T @ (a @ v), dim=0)
    return (a @ v).norm()


def make_torch_run(encoded: Any, actual_m: Any, *, compiled: bool) -> Callable[[], None]:
    """One call: one pass over the data, eager, or with loss and gradient under torch.compile."""
    torch.manual_seed(0)
    device = torch_device()
    fingerprints = torch.tensor(encoded, device=device)
    places_m = torch.tensor(actual_m, device=device)
    distiller = Distiller(fingerprints.shape[1], float(places_m.std())).to(device)
    trained = [p for p in distiller.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=1e-3, fused=True)
    loss_fn = torch.compile(distiller) if compiled else distiller

    def call() -> None:
        order = torch.randperm(len(fingerprints), device=device)
        for rows in order.split(BATCH):
            optimizer.zero_grad()
            code = torch.randn(BATCH, LATENT, device=device)
            loss_fn(fingerprints[rows], places_m[rows], code).backward()
            optimizer.step()
        wait(device)

    return call
