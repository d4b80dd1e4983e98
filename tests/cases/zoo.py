"""Small networks of the kinds people train, with inputs and, where one exists, a spec."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Specimen:
    """A network, a batch for it, and the architecture that describes it (None: .pt2 only)."""

    network: nn.Module
    inputs: Tensor
    spec: dict[str, Any] | None = None


def _mlp(activation: type[nn.Module], name: str, *, bias: bool = True) -> Specimen:
    network = nn.Sequential(
        *(nn.Linear(4, 6, bias=bias), activation()),
        *(nn.Linear(6, 5, bias=bias), activation(), nn.Linear(5, 3, bias=bias)),
    )
    return Specimen(network, torch.randn(4, 4), {"family": "mlp", "activation": name})


def _chain(layers: list[list[Any]], inputs: Tensor) -> Specimen:
    """A plain chain: the eager network is written from torch.nn by the same names."""
    made = []
    for name, *arguments in layers:
        named = arguments.pop() if arguments and isinstance(arguments[-1], dict) else {}
        made.append(getattr(nn, name)(*arguments, **named))
    return Specimen(nn.Sequential(*made), inputs, {"family": "sequential", "layers": layers})


def _lenet() -> Specimen:
    layers: list[list[Any]] = [
        *(["Conv2d", 1, 3, 3, {"padding": 1}], ["Tanh"], ["AvgPool2d", 2]),
        *(["Conv2d", 3, 4, 3], ["Tanh"], ["AvgPool2d", 2], ["Flatten"]),
        *(["Linear", 4, 6], ["Tanh"], ["Linear", 6, 3]),
    ]
    return _chain(layers, torch.randn(4, 1, 8, 8))


def _batch_norm_cnn() -> Specimen:
    layers: list[list[Any]] = [
        *(["Conv2d", 2, 4, 3, {"bias": False}], ["BatchNorm2d", 4], ["SiLU"], ["MaxPool2d", 2]),
        *(["Conv2d", 4, 4, 3, {"padding": 1, "groups": 2}], ["BatchNorm2d", 4], ["GELU"]),
        *(["AdaptiveAvgPool2d", 1], ["Flatten"], ["Dropout", 0.5], ["Linear", 4, 3]),
    ]
    return _chain(layers, torch.randn(4, 2, 8, 8))


def _sound() -> Specimen:
    layers: list[list[Any]] = [
        *(["Conv1d", 2, 4, 3, {"stride": 2}], ["GroupNorm", 2, 4], ["ELU"], ["MaxPool1d", 2]),
        *(["Flatten"], ["Linear", 12, 5], ["LayerNorm", 5], ["Softplus"], ["Linear", 5, 3]),
    ]
    return _chain(layers, torch.randn(4, 2, 14))


def _bag_of_words() -> Specimen:
    layers: list[list[Any]] = [
        *(["Embedding", 9, 4], ["Flatten"], ["Linear", 12, 5], ["Tanh"], ["Linear", 5, 3]),
    ]
    return _chain(layers, torch.randint(0, 9, (4, 3)))


class Block(nn.Module):
    """The basic residual block of ResNet-18."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.short: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.short = nn.Sequential(conv, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        inner = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        inner += self.short(x)
        return self.relu(inner)


def _resnet(depths: tuple[int, ...], width: int) -> Specimen:
    """ResNet of basic blocks; (2, 2, 2, 2) is ResNet-18, at a small width."""
    stages: list[nn.Module] = [
        nn.Sequential(nn.Conv2d(1, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
    ]
    channels = width
    for stage, depth in enumerate(depths):
        for place in range(depth):
            stages.append(Block(channels, width << stage, 1 + (place == 0 < stage)))
            channels = width << stage
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(channels, 3))
    return Specimen(nn.Sequential(*stages, *head), torch.randn(3, 1, 8, 8))


class Attention(nn.Module):
    """Self-attention written out, as tutorials do."""

    def __init__(self, width: int, heads: int, *, causal: bool) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.heads, self.causal = heads, causal

    def forward(self, x: Tensor) -> Tensor:
        n, length, width = x.shape
        parts = self.qkv(x).reshape(n, length, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / (width // self.heads) ** 0.5
        if self.causal:
            hidden = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
            scores = scores.masked_fill(hidden, float("-inf"))
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, length, width))


class Transformer(nn.Module):
    """Pre-norm blocks over patches (ViT) or token ids (GPT-like, BERT-like)."""

    def __init__(self, *, patches: bool, causal: bool, tied: bool = False) -> None:
        super().__init__()
        width, length = 8, 4
        self.embed: nn.Module = nn.Conv2d(1, width, 4, 4) if patches else nn.Embedding(9, width)
        self.places = nn.Parameter(0.1 * torch.randn(length, width))
        self.attention = nn.ModuleList(Attention(width, 2, causal=causal) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(5))
        self.mixers = nn.ModuleList(
            nn.Sequential(nn.Linear(width, 12), nn.GELU(), nn.Linear(12, width)) for _ in range(2)
        )
        self.head = nn.Linear(width, 9, bias=False)
        if tied and isinstance(self.embed, nn.Embedding):
            self.head.weight = self.embed.weight

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        x = (x.flatten(2).transpose(1, 2) if x.ndim == 4 else x) + self.places
        for place, (attention, mixer) in enumerate(zip(self.attention, self.mixers, strict=True)):
            x = x + attention(self.norms[2 * place](x))
            x = x + mixer(self.norms[2 * place + 1](x))
        return self.head(self.norms[4](x)[:, -1])


class Mixed(nn.Module):
    """Squeeze-and-excitation, depthwise convolution, concatenation, chunk and indexing."""

    def __init__(self) -> None:
        super().__init__()
        self.deep = nn.Conv2d(2, 4, 3, padding=1, groups=2)
        self.squeeze, self.excite = nn.Linear(4, 2), nn.Linear(2, 4)
        self.head = nn.Linear(6, 3)
        self.register_buffer("mean", torch.tensor([0.1, -0.2]).view(1, 2, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = x - self.mean
        inner = functional.hardswish(self.deep(x))
        gate = torch.sigmoid(self.excite(functional.relu(self.squeeze(inner.mean((2, 3))))))
        joined = torch.cat([inner * gate[:, :, None, None], x], 1).amax((2, 3))
        return self.head(joined)


class Regressor(nn.Module):
    """Two branches and learned scale, functional style."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(4, 5), nn.Linear(4, 5)
        self.scale = nn.Parameter(torch.ones(5))
        self.last = nn.Linear(5, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.scale * torch.tanh(self.left(x)) * torch.sigmoid(self.right(x)))


ZOO: dict[str, Callable[[], Specimen]] = {
    "MLP relu": lambda: _mlp(nn.ReLU, "relu"),
    "MLP tanh": lambda: _mlp(nn.Tanh, "tanh"),
    "MLP gelu": lambda: _mlp(nn.GELU, "gelu"),
    "MLP silu without bias": lambda: _mlp(nn.SiLU, "silu", bias=False),
    "LeNet": _lenet,
    "CNN with batch norm": _batch_norm_cnn,
    "1-D CNN with group norm": _sound,
    "embedding MLP": _bag_of_words,
    "ResNet-10": lambda: _resnet((1, 1, 1, 1), 3),
    "ResNet-18": lambda: _resnet((2, 2, 2, 2), 2),
    "ViT": lambda: Specimen(Transformer(patches=True, causal=False), torch.randn(3, 1, 8, 8)),
    "encoder": lambda: Specimen(
        Transformer(patches=False, causal=False), torch.randint(0, 9, (3, 4))
    ),
    "decoder": lambda: Specimen(
        Transformer(patches=False, causal=True), torch.randint(0, 9, (3, 4))
    ),
    "decoder with tied weights": lambda: Specimen(
        Transformer(patches=False, causal=True, tied=True), torch.randint(0, 9, (3, 4))
    ),
    "squeeze and excitation": lambda: Specimen(Mixed(), torch.randn(3, 2, 6, 6)),
    "gated regressor": lambda: Specimen(Regressor(), torch.randn(4, 4)),
}


def specimen(name: str) -> Specimen:
    """The network in float64 and evaluation mode, with batch statistics that are not 0 and 1."""
    torch.manual_seed(3)
    found = ZOO[name]()
    for module in found.network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    inputs = found.inputs.double() if found.inputs.is_floating_point() else found.inputs
    return Specimen(found.network.double().eval(), inputs, found.spec)
