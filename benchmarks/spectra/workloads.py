"""Networks that are trained on the spot, each with the training set its curvature is taken on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from minimascope.curvature.minimum.minimum import Minimum, prepare


@dataclass(frozen=True)
class Workload:
    """A minimum, how often every tool runs on it, and whether p × p float64 fits.

    long: densities of one too large for that are held against many chains.
    """

    name: str
    minimum: Minimum
    rounds: int
    exact: bool
    long: bool = False

    @property
    def sentence(self) -> str:
        size = f"p = {self.minimum.dim:,}, n = {self.minimum.n:,}"
        return f"{self.name}: {size}, {str(self.minimum.theta.dtype).removeprefix('torch.')}"


def digits(n: int, *, noise: float = 0.0) -> tuple[Tensor, Tensor]:
    """n of the 1,797 digits in [0, 1]; repeated with Gaussian noise where n asks for more."""
    found = load_digits()
    inputs, targets = torch.tensor(found.data / 16), torch.tensor(found.target)
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(len(inputs), generator=generator)
    order = order.repeat(1 + n // len(inputs))[:n]
    inputs = inputs[order]
    return inputs + noise * torch.randn(inputs.shape, generator=generator).double(), targets[order]


def train(
    network: nn.Module, inputs: Tensor, targets: Tensor, *, epochs: int, rate: float = 2e-3
) -> None:
    """Adam in float32 with a little weight decay, deterministic."""
    generator = torch.Generator().manual_seed(1)
    optimiser = torch.optim.Adam(network.parameters(), lr=rate, weight_decay=1e-4)
    for _ in range(epochs):
        for batch in torch.randperm(len(inputs), generator=generator).split(128):
            loss = nn.functional.cross_entropy(network(inputs[batch].float()), targets[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    for parameter in network.parameters():
        parameter.grad = None


def digits_mlp() -> Workload:
    """64–90–30–10 ReLU, p = 8,890."""
    torch.manual_seed(0)
    layers = [nn.Linear(64, 90), nn.ReLU(), nn.Linear(90, 30), nn.ReLU(), nn.Linear(30, 10)]
    network = nn.Sequential(*layers)
    inputs, targets = digits(1437)
    train(network, inputs, targets, epochs=30)
    return Workload("digits MLP", prepare(network, inputs, targets), rounds=9, exact=True)


def cnn_156k() -> nn.Module:
    """Two convolutions and two linear layers on 1 × 8 × 8 images, p = 155,957."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(512, 289),
        nn.ReLU(),
        nn.Linear(289, 10),
    )


def digits_cnn() -> Workload:
    """`cnn_156k` on 2,000 digits."""
    torch.manual_seed(0)
    network = cnn_156k()
    inputs, targets = digits(2000, noise=0.1)
    inputs = inputs.reshape(-1, 1, 8, 8)
    train(network, inputs, targets, epochs=6)
    return Workload("digits CNN", prepare(network, inputs, targets), rounds=1, exact=False)


class Residual(nn.Module):
    """Basic block of ResNet-18."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(width), nn.BatchNorm2d(width)])
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or channels != width:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, images: Tensor) -> Tensor:
        hidden = torch.relu(self.norms[0](self.first(images)))
        return torch.relu(self.norms[1](self.second(hidden)) + self.shortcut(images))


def resnet18() -> Workload:
    """ResNet-18 (11.2M) for 3 × 16 × 16 inputs made of digits, n = 256, float32."""
    torch.manual_seed(0)
    blocks: list[nn.Module] = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    channels = 64
    for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        blocks += [Residual(channels, width, stride), Residual(width, width, 1)]
        channels = width
    network = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))
    inputs, targets = digits(256)
    images = inputs.reshape(-1, 1, 8, 8).repeat(1, 3, 2, 2)
    train(network, images, targets, epochs=15)
    minimum = prepare(network, images, targets, dtype=torch.float32)
    return Workload("ResNet-18", minimum, rounds=1, exact=False)


class Transformer(nn.Module):
    """A small vision transformer on rows of the image; 5.3M parameters."""

    def __init__(self, width: int = 256, depth: int = 7) -> None:
        super().__init__()
        self.embed = nn.Linear(8, width)
        self.places = nn.Parameter(0.02 * torch.randn(8, width))
        self.blocks = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(
                    width, 4, 4 * width, 0.0, nn.functional.gelu, batch_first=True, norm_first=True
                )
                for _ in range(depth)
            )
        )
        self.head = nn.Linear(width, 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.blocks(self.embed(images) + self.places).mean(1))


def transformer() -> Workload:
    torch.manual_seed(0)
    network = Transformer()
    inputs, targets = digits(256)
    images = inputs.reshape(-1, 8, 8)
    train(network, images, targets, epochs=40, rate=5e-4)
    minimum = prepare(network, images, targets, dtype=torch.float32)
    return Workload("vision transformer", minimum, rounds=1, exact=False)


WORKLOADS: dict[str, Callable[[], Workload]] = {"mlp": digits_mlp, "cnn": digits_cnn}
LARGE: dict[str, Callable[[], Workload]] = {"resnet18": resnet18, "vit": transformer}
