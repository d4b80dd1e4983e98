"""Five kinds of networks, from one layer to residual blocks, each trained for a few seconds."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from minimascope.curvature.minimum.minimum import Minimum, prepare
from spectra.workloads import Residual, Workload, digits, train


def logistic() -> Workload:
    """One linear layer, p = 650."""
    torch.manual_seed(0)
    network, data = nn.Sequential(nn.Linear(64, 10)), digits(1437)
    train(network, *data, epochs=30)
    return Workload("logistic regression", prepare(network, *data), rounds=9, exact=True)


def lenet() -> Workload:
    """LeNet-5 with ReLU on digits enlarged to 28 × 28, p = 61,706."""
    torch.manual_seed(0)
    pool = nn.MaxPool2d
    network = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), pool(2), nn.Conv2d(6, 16, 5), nn.ReLU(), pool(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
        nn.Linear(84, 10),
    )  # fmt: skip
    inputs, targets = digits(250)
    images = nn.functional.interpolate(inputs.reshape(-1, 1, 8, 8), 28, mode="bilinear")
    return _trained("LeNet", network, images, targets, epochs=60)


class Mixer(nn.Module):
    """MLP-Mixer on 16 patches of 2 × 2 (Tolstikhin et al., 2021)."""

    def __init__(self, width: int = 64, depth: int = 3) -> None:
        super().__init__()
        self.embed = nn.Conv2d(1, width, 2, 2)
        self.blocks = nn.ModuleList([_MixerBlock(16, width) for _ in range(depth)])
        self.head = nn.Linear(width, 10)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.embed(images).flatten(2).mT
        for block in self.blocks:
            tokens = block(tokens)
        return self.head(tokens.mean(1))


class _MixerBlock(nn.Module):
    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.tokens = nn.Sequential(nn.Linear(tokens, 32), nn.GELU(), nn.Linear(32, tokens))
        self.width = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.tokens(self.norms[0](tokens).mT).mT
        return tokens + self.width(self.norms[1](tokens))


def mixer() -> Workload:
    torch.manual_seed(0)
    inputs, targets = digits(250)
    return _trained("Mixer", Mixer(), inputs.reshape(-1, 1, 8, 8), targets, epochs=40)


class GPTClassifier(nn.Module):
    """Causal attention over 16 patches of four pixels, the last one's state classified."""

    def __init__(self, width: int = 64, depth: int = 2) -> None:
        super().__init__()
        self.embed = nn.Linear(4, width)
        self.places = nn.Parameter(0.02 * torch.randn(16, width))
        layer = nn.TransformerEncoderLayer(
            width, 4, 4 * width, 0.0, nn.functional.gelu, batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.head = nn.Linear(width, 10)
        self.register_buffer("mask", torch.triu(torch.full((16, 16), -1e9), 1))

    def forward(self, patches: Tensor) -> Tensor:
        tokens = self.embed(patches) + self.places
        return self.head(self.blocks(tokens, mask=self.mask.to(tokens))[:, -1])


def gpt_classifier() -> Workload:
    torch.manual_seed(0)
    inputs, targets = digits(250)
    patches = inputs.reshape(-1, 16, 4)
    return _trained("GPT classifier", GPTClassifier(), patches, targets, epochs=40)


def wrn_16_2() -> Workload:
    """Wide ResNet 16-2 (Zagoruyko and Komodakis, 2016) on 3 × 16 × 16, p = 0.7M."""
    torch.manual_seed(0)
    blocks: list[nn.Module] = [nn.Conv2d(3, 16, 3, 1, 1, bias=False)]
    channels = 16
    for width, stride in ((32, 1), (64, 2), (128, 2)):
        blocks += [Residual(channels, width, stride), Residual(width, width, 1)]
        channels = width
    network = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10))
    inputs, targets = digits(64)
    images = inputs.reshape(-1, 1, 8, 8).repeat(1, 3, 2, 2)
    return _trained("WRN-16-2", network, images, targets, epochs=40)


def _trained(
    name: str, network: nn.Module, inputs: Tensor, targets: Tensor, *, epochs: int
) -> Workload:
    train(network, inputs, targets, epochs=epochs)
    minimum: Minimum = prepare(network, inputs, targets)
    return Workload(name, minimum, rounds=3, exact=False)


KINDS: dict[str, Callable[[], Workload]] = {
    "logistic": logistic,
    "lenet": lenet,
    "mixer": mixer,
    "gpt": gpt_classifier,
    "wrn": wrn_16_2,
}
