"""Small networks of several kinds for 8 × 8 images and tables."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


def mlp(*widths: int, activation: type[nn.Module] = nn.ReLU) -> nn.Module:
    """Linear layers of these widths with activations between."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(nn.Flatten(), *layers[:-1])


def cnn(channels: int, *, norm: bool) -> nn.Module:
    """Two convolutions on (64,) or (8, 8) images."""
    layers: list[nn.Module] = [nn.Flatten(), nn.Unflatten(1, (1, 8, 8))]
    layers += [nn.Conv2d(1, channels, 3, padding=1)]
    layers += [nn.BatchNorm2d(channels)] if norm else []
    layers += [nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(channels, 2 * channels, 3, padding=1)]
    return nn.Sequential(*layers, nn.ReLU(), nn.Flatten(), nn.Linear(32 * channels, 10))


class Attention(nn.Module):
    """Rows of the image as tokens, encoder layers, mean over tokens."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.embed = nn.Linear(8, width)
        self.places = nn.Parameter(0.02 * torch.randn(8, width))
        layer = nn.TransformerEncoderLayer(width, 2, 2 * width, 0.0, batch_first=True)
        self.blocks = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.head = nn.Linear(width, 10)

    def forward(self, rows: Tensor) -> Tensor:
        return self.head(self.blocks(self.embed(rows) + self.places).mean(1))
