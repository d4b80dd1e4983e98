"""Cross-entropy at every position of a sequence: T·K logits an example, one label a position.

As torch's CrossEntropyLoss counts them: the mean over all labels that are not ignored, with class
weights over their sum, so that long sequences weigh more than short ones. An example is a whole
sequence: ℓ_i is the share of the mean that its positions have, times n. Λ_i has a block for each
position (docs/mathematics.md, section 7).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor
from typing_extensions import override  # comes with torch

from minimascope.objective.cross_entropy import CrossEntropy
from minimascope.objective.loss import (
    CurvatureMap,
    Loss,
    LossName,
    TargetKind,
    check_count,
    mass_entropy,
)

IGNORED = -100  # torch's default
MASSES_AT_ONCE = 2**24  # of positions times words


@dataclass(frozen=True)
class TokenCrossEntropy(Loss):
    """f (n × T·K), positions outermost; y (n × T) labels, `ignored` ones count for nothing.

    `each` is the loss of one position. Once the data are known, `scale` is n over the weight of
    all that count, and `plain_scale` n over their number.
    """

    each: CrossEntropy = CrossEntropy()
    ignored: tuple[int, ...] = (IGNORED,)
    scale: float = 1.0
    plain_scale: float = 1.0

    name: ClassVar[LossName] = "cross_entropy"
    reads: ClassVar[TargetKind] = "labels_of_positions"
    classifies: ClassVar[bool] = False
    judges: ClassVar[bool] = True

    @property
    @override
    def plain(self) -> Loss:
        return replace(self, each=CrossEntropy(), scale=self.plain_scale)

    @override
    def of_data(self, y: Tensor) -> TokenCrossEntropy:
        labels, counted = self._labels(y)
        weights = counted.double()
        if self.each.class_weights is not None:
            of_class = torch.tensor(self.each.class_weights, dtype=torch.float64, device=y.device)
            weights = weights * of_class[labels]
        total = float(weights.sum())
        if total == 0:
            raise ValueError("No position has a label that counts.")
        n = y.shape[0]
        return replace(self, scale=n / total, plain_scale=n / float(counted.sum()))

    @override
    def values(self, f: Tensor, y: Tensor) -> Tensor:
        rows, labels, weight = self._rows(f, y)
        return (weight * self.each.values(rows, labels)).reshape(y.shape).sum(1)

    @override
    def residual(self, f: Tensor, y: Tensor) -> Tensor:
        rows, labels, weight = self._rows(f, y)
        return (weight[:, None] * self.each.residual(rows, labels)).reshape(f.shape)

    @override
    def curvatures(self, f: Tensor, y: Tensor) -> Tensor:
        rows, labels, weight = self._rows(f, y)
        return _block_diagonal(weight[:, None, None] * self.each.curvatures(rows, labels), y)

    @override
    def curvature_map(self, f: Tensor, y: Tensor) -> CurvatureMap:
        rows, labels, weight = self._rows(f, y)
        of_rows = self.each.curvature_map(rows, labels)

        def times(tangents: Tensor) -> Tensor:
            bent = of_rows(tangents.reshape(len(tangents), *rows.shape))
            return (weight[:, None] * bent).reshape(tangents.shape)

        return times

    @override
    def half_curvature(self, f: Tensor, y: Tensor) -> Tensor:
        rows, labels, weight = self._rows(f, y)
        half = self.each.half_curvature(rows, labels)
        return _block_diagonal(weight.sqrt()[:, None, None] * half, y)

    @override
    def link(self, f: Tensor) -> Tensor:
        """Only what has no positions: one position's logits (n × K)."""
        return self.each.link(f)

    @override
    def fits(self, outputs: int) -> bool:
        return outputs != 1

    @override
    def classes(self, outputs: int) -> int | None:
        return None

    @override
    def check_targets(self, f: Tensor, y: Tensor) -> None:
        check_count(f, y)
        if y.ndim != 2 or y.is_floating_point() or f.shape[1] % y.shape[1]:
            raise ValueError(
                f"Labels of positions are integers (n × T), got {y.dtype} of shape "
                f"{tuple(y.shape)} with {f.shape[1]} logits a sequence."
            )
        classes = f.shape[1] // y.shape[1]
        self.each.check_outputs(classes)
        outside = y[self.counts(y) & ((y < 0) | (y >= classes))]
        if outside.numel():
            raise ValueError(f"Label {int(outside[0])} is outside 0..{classes - 1}.")

    @override
    def of_best_constant(self, y: Tensor, outputs: int, weights: Tensor | None = None) -> float:
        """Each position has logits of its own: how often each label comes there."""
        labels, counted = self._labels(y)
        classes = max(outputs // y.shape[1], int(labels.max()) + 1)
        weight = counted.double() if weights is None else counted * weights.double()[:, None]
        zeros = torch.zeros(1, classes, dtype=torch.float64, device=y.device)
        size = max(1, MASSES_AT_ONCE // (y.shape[1] * classes))
        total = zeros.new_zeros(y.shape[1], classes)
        for some, w in zip(labels.split(size), weight.split(size), strict=True):
            a = self.scale * w.reshape(-1, 1) * self.each.masses(zeros, some.reshape(-1))
            total += a.reshape(*some.shape, -1).sum(0)
        return float(mass_entropy(total / len(y)).sum())

    @override
    def sampled_residual(self, f: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
        rows, labels, weight = self._rows(f, y)
        drawn = self.each.sampled_residual(rows, labels, generator)
        return (weight.sqrt()[:, None] * drawn).reshape(f.shape)

    @override
    def correct(self, f: Tensor, y: Tensor) -> Tensor:
        """The share of all counted labels that are right, as n parts whose mean it is."""
        labels, counted = self._labels(y)
        right = f.reshape(*y.shape, -1).argmax(2) == labels
        share = y.shape[0] / counted.double().sum().clamp_min(1)
        return share * (counted & right).sum(1)

    def counts(self, y: Tensor) -> Tensor:
        """Which labels are not ignored, of the shape of y."""
        return torch.stack([y != each for each in self.ignored]).all(0)

    def _labels(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Labels (n × T), 0 where none counts, and which do."""
        counted = self.counts(y)
        return y.masked_fill(~counted, 0), counted

    def _rows(self, f: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits and labels of each position, one after another (n·T), and its share of ℓ_i."""
        labels, counted = self._labels(y)
        weight = self.scale * counted.reshape(-1).to(f.dtype)
        return f.reshape(y.numel(), -1), labels.reshape(-1), weight


def _block_diagonal(blocks: Tensor, y: Tensor) -> Tensor:
    """(n·T × K × m) as n matrices (T·K × T·m)."""
    n, T = y.shape
    K, m = blocks.shape[1:]
    whole = blocks.new_zeros(n, T, K, T, m)
    at = torch.arange(T, device=y.device)
    whole[:, at, :, at] = blocks.reshape(n, T, K, m).transpose(0, 1)
    return whole.reshape(n, T * K, T * m)
