"""Inputs that are images, as pixels to look at: small, and in the colours they were taken in."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

SIDE = 48  # pixels of the longer side
BYTES = 3 * 2**20  # of all images of an analysis
CHANNELS = (1, 3)
SMALLEST = 4  # pixels a side below which numbers are no image
TAIL = 0.005  # share of the numbers at either end that may be cut off
SAMPLE = 500  # images whose numbers say where black and white are


def are_images(inputs: Tensor) -> bool:
    """Whether inputs (n, ...) are channels × height × width, one channel or three."""
    shape = inputs.shape[1:]
    if len(shape) != 3 or not inputs.is_floating_point():
        return False
    return shape[0] in CHANNELS and min(shape[1:]) >= SMALLEST


def pictured(inputs: Tensor, *, first: Tensor) -> dict[str, np.ndarray]:
    """Images of the rows `first`, as many as have room; nothing where inputs are no images.

    `images` (m, h, w) or (m, h, w, 3) uint8, `image_rows` (m,), and `image_scale` (channels, 2):
    which numbers are black and white.
    """
    if not are_images(inputs):
        return {}
    scale = black_and_white(inputs)
    one = pixels(inputs[:1], scale)
    rows = first[: max(1, BYTES // one.size)].sort().values
    return {
        "images": pixels(inputs[rows], scale),
        "image_rows": rows.long().cpu().numpy(),
        "image_scale": scale.double().cpu().numpy(),
    }


def black_and_white(inputs: Tensor) -> Tensor:
    """Of each channel (channels, 2), from some of the images: normalisation is undone by it."""
    some = inputs[:: max(1, len(inputs) // SAMPLE)].transpose(0, 1).flatten(1)
    ordered = some.double().sort(dim=1).values
    last = ordered.shape[1] - 1
    low, high = ordered[:, round(TAIL * last)], ordered[:, round((1 - TAIL) * last)]
    return torch.stack([low, torch.where(high > low, high, low + 1)], dim=1)


def pixels(inputs: Tensor, scale: Tensor) -> np.ndarray:
    """Images (m, c, h, w) as uint8 (m, h, w) or (m, h, w, 3), no side longer than `SIDE`."""
    low, high = (each[:, None, None].to(inputs) for each in scale.T)
    shown = ((inputs - low) / (high - low)).clamp(0, 1)
    longer = max(inputs.shape[2:])
    if longer > SIDE:
        shown = interpolate(shown, scale_factor=SIDE / longer, mode="area")
    numbers = (255 * shown.nan_to_num()).round().to(torch.uint8).permute(0, 2, 3, 1)
    plain = numbers[..., 0] if numbers.shape[3] == 1 else numbers
    return np.ascontiguousarray(plain.cpu().numpy())
