"""Small random networks of every kind of layer that can be bounded."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from minimascope.curvature.minimum.minimum import Minimum, prepare

ACTIVATIONS: dict[str, nn.Module] = {
    "relu": nn.ReLU(inplace=True),
    "leaky_relu": nn.LeakyReLU(0.2),
    "tanh": nn.Tanh(),
    "sigmoid": nn.Sigmoid(),
    "gelu": nn.GELU(),
    "silu": nn.SiLU(),
}


class Residual(nn.Module):
    """x + B σ(A x), written with functions and an in-place sum."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        moved = self.outer(torch.tanh(self.inner(x)))
        moved += 0.5 * x
        return x - moved


def _images(activation: nn.Module) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1, stride=2),
        nn.BatchNorm2d(3),
        activation,
        nn.MaxPool2d(3, 2, 1),
        nn.Conv2d(3, 4, 2),
        activation,
        nn.AvgPool2d(2, 1),
        nn.Flatten(),
        nn.Linear(4, 6),
        activation,
        nn.Linear(6, 3),
    )


def networks() -> dict[str, tuple[nn.Module, tuple[int, ...]]]:
    """Networks with the shape of one of their inputs."""
    found: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
        f"images, {name}": (_images(activation), (1, 12, 12))
        for name, activation in ACTIVATIONS.items()
    }
    found["plane"] = (
        nn.Sequential(nn.Linear(2, 12), nn.ReLU(), nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, 3)),
        (2,),
    )
    found["skips, one logit"] = (
        nn.Sequential(nn.Linear(5, 6), Residual(6), nn.GELU(), Residual(6), nn.Linear(6, 1)),
        (5,),
    )
    found["series"] = (
        nn.Sequential(
            nn.Conv1d(2, 3, 3),
            nn.MaxPool1d(2),
            nn.SiLU(),
            nn.BatchNorm1d(3),
            nn.AdaptiveAvgPool1d(1),
            nn.Flatten(),
            nn.Linear(3, 3),
        ),
        (2, 11),
    )
    return found


NAMES = list(networks())


def bounded_minimum(name: str, *, n: int = 6, seed: int = 0) -> Minimum:
    """One of them on normal inputs, with statistics of its own in every batch norm."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network, shape = networks()[name]
        for layer in network.modules():
            if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
                layer.running_mean.normal_()
                layer.running_var.uniform_(0.5, 2.0)
                nn.init.normal_(layer.weight)
        inputs = torch.randn(n, *shape)
    one = "one logit" in name
    targets = torch.zeros(n, dtype=torch.long)
    return prepare(network, inputs, targets, loss="binary" if one else "cross_entropy")


def points_within(x: Tensor, radius: Tensor, norm: str, *, draws: int, seed: int = 0) -> Tensor:
    """Random points (draws, n, ...) of balls about x (n, ...), half of them on their edge."""
    generator = torch.Generator().manual_seed(seed)
    shape = (draws, *x.shape)
    noise = torch.randn(shape, generator=generator, dtype=torch.float64)
    share = torch.rand(draws, len(x), generator=generator, dtype=torch.float64)
    share[::2] = 1.0
    wide = [draws, len(x), *[1] * (x.ndim - 1)]
    if norm == "l2":
        unit = noise / noise.flatten(2).norm(dim=2).view(wide)
    else:
        unit = noise.clamp(-1, 1)
        unit[::4] = noise[::4].sign()
    return x + unit * (share * radius * (1 - 1e-12)).view(wide)
