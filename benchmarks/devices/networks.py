"""ResNet-50, ViT-B, nanoGPT and Pythia-160M by their shapes: torch alone, random weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from minimascope.objective.cross_entropy import CrossEntropy
from minimascope.objective.loss import Loss
from minimascope.objective.tokens import TokenCrossEntropy


@dataclass(frozen=True)
class Workload:
    """A network, its batch, and the loss."""

    network: nn.Module
    inputs: Tensor
    targets: Tensor
    loss: Loss


class Bottleneck(nn.Module):
    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.inner = nn.Sequential(
            *(nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()),
            *(nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()),
            *(nn.Conv2d(width, outputs, 1, bias=False), nn.BatchNorm2d(outputs)),
        )
        self.short: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.short = nn.Sequential(conv, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.inner(x) + self.short(x))


def resnet(depths: tuple[int, ...], width: int, classes: int) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width)]
    layers += [nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = width
    for stage, depth in enumerate(depths):
        for place in range(depth):
            layers.append(Bottleneck(channels, width << stage, 1 + (place == 0 < stage)))
            channels = 4 * (width << stage)
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)
    )


class Block(nn.Module):
    """Attention and MLP, both behind a LayerNorm."""

    def __init__(self, width: int, heads: int, *, causal: bool) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.before(x)).unflatten(-1, (3, self.heads, -1)).unbind(-3)
        q, k, v = (each.transpose(1, 2) for each in (q, k, v))
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self.mlp(self.between(x))


class Vit(nn.Module):
    def __init__(self, side: int, patch: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.places = nn.Parameter(0.02 * torch.randn((side // patch) ** 2, width))
        blocks = [Block(width, heads, causal=False) for _ in range(depth)]
        self.blocks, self.head = nn.Sequential(*blocks, nn.LayerNorm(width)), nn.Linear(width, 1000)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2) + self.places
        return self.head(self.blocks(tokens).mean(1))


class Gpt(nn.Module):
    """Logits of the next token at all positions; `tied` shares embedding and head."""

    def __init__(
        self, words: int, length: int, width: int, depth: int, heads: int, *, tied: bool
    ) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(words, width), nn.Embedding(length, width)
        blocks = [Block(width, heads, causal=True) for _ in range(depth)]
        self.blocks = nn.Sequential(*blocks, nn.LayerNorm(width))
        self.head = nn.Linear(width, words, bias=False)
        nn.init.normal_(self.words.weight, std=0.02)
        if tied:
            self.head.weight = self.words.weight

    def forward(self, ids: Tensor) -> Tensor:
        places = self.places(torch.arange(ids.shape[1], device=ids.device))
        return self.head(self.blocks(self.words(ids) + places))[:, :-1]


def images(network: nn.Module, n: int, side: int, classes: int) -> Workload:
    inputs = torch.randn(n, 3, side, side)
    settle(network, inputs[:8])
    return Workload(network, inputs, torch.randint(classes, (n,)), CrossEntropy())


def settle(network: nn.Module, inputs: Tensor) -> None:
    """One pass that gives BatchNorm its statistics: without them outputs grow with every layer."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        network.train()(inputs)


def texts(network: nn.Module, n: int, length: int, words: int) -> Workload:
    ids = torch.randint(words, (n, length))
    return Workload(network, ids, ids[:, 1:].clone(), TokenCrossEntropy())


ON_A_GPU: dict[str, Callable[[], Workload]] = {
    "ResNet-50, 64 × 224²": lambda: images(resnet((3, 4, 6, 3), 64, 1000), 64, 224, 1000),
    "ViT-B/16, 32 × 224²": lambda: images(Vit(224, 16, 768, 12, 12), 32, 224, 1000),
    "nanoGPT 124M, 4 × 1024": lambda: texts(
        Gpt(50304, 1024, 768, 12, 12, tied=True), 4, 1024, 50304
    ),
    "Pythia-160M shape, 16 × 256": lambda: texts(
        Gpt(50304, 256, 768, 12, 12, tied=False), 16, 256, 50304
    ),
}
# The same code on a CPU: what runs there runs on a device.
ON_A_CPU: dict[str, Callable[[], Workload]] = {
    "ResNet, 4 × 32²": lambda: images(resnet((1, 1), 4, 10), 4, 32, 10),
    "ViT, 4 × 32²": lambda: images(Vit(32, 16, 8, 1, 2), 4, 32, 1000),
    "GPT tied, 2 × 16": lambda: texts(Gpt(100, 16, 8, 1, 2, tied=True), 2, 16, 100),
    "GPT untied, 2 × 16": lambda: texts(Gpt(100, 16, 8, 1, 2, tied=False), 2, 16, 100),
}
