"""Five ways to a minimum of one network on one problem, each trained to the same loss.

- normal: PyTorch's initialisation, true labels.
- wide-margin: the same with fresh normal noise of 0.15 on the inputs in every step.
- large-norm: weights three times larger at the start.
- adversarial: first fitted to random labels, then to the true ones.
- random-label: fitted to random labels; its test accuracy is chance.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from minimascope.curvature.minimum.minimum import Minimum, prepare

KINDS = ("normal", "wide-margin", "large-norm", "adversarial", "random-label")
WIDTH = 48
LOSS = 5e-3  # nats at which training stops: curvature depends on it, so it is shared
STEPS = 4000
NOISE = 0.15


def train(kind: str, x: Tensor, y: Tensor, *, seed: int) -> Minimum:
    """A 2-48-48-K ReLU network in float64, full-batch Adam."""
    torch.manual_seed(seed)
    classes = int(y.max()) + 1
    network = nn.Sequential(
        *(nn.Linear(2, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU()),
        nn.Linear(WIDTH, classes),
    ).double()
    shuffled = y[torch.randperm(len(y))]
    if kind == "large-norm":
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(3)
    if kind == "adversarial":
        descend(network, x, shuffled)
    targets = shuffled if kind == "random-label" else y
    descend(network, x, targets, noise=NOISE if kind == "wide-margin" else 0.0)
    return prepare(network, x, targets)


def descend(network: nn.Module, x: Tensor, y: Tensor, *, noise: float = 0.0) -> None:
    """Adam, until the loss on inputs without noise is below `LOSS` or `STEPS` steps are done."""
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for step in range(STEPS):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(network(x + noise * torch.randn_like(x)), y)
        loss.backward()
        optimiser.step()
        if step % 20 == 0 and clean_loss(network, x, y) < LOSS:
            return


def clean_loss(network: nn.Module, x: Tensor, y: Tensor) -> float:
    with torch.no_grad():
        return float(nn.functional.cross_entropy(network(x), y))


def rescaled(minimum: Minimum, factor: float) -> Minimum:
    """The same function: first layer times `factor`, second layer's weight divided by it."""
    layers = [nn.Linear(a.in_features, a.out_features) for a in linear(minimum)]
    network = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2]).double()
    network.load_state_dict(minimum.network.state_dict())
    with torch.no_grad():
        layers[0].weight.mul_(factor)
        layers[0].bias.mul_(factor)
        layers[1].weight.div_(factor)
    return prepare(network, minimum.inputs, minimum.targets)


def linear(minimum: Minimum) -> list[nn.Linear]:
    return [layer for layer in minimum.network.modules() if isinstance(layer, nn.Linear)]
