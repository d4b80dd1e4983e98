"""Kin of the binary and the multi-label loss: a weight of the positives, a sigmoid inside."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from minimascope.objective.binary import Binary
from minimascope.objective.multilabel import MultiLabel
from minimascope.objective.relatives.relative import Flags, Relative, plain, rounded

LEAST = 0.001  # weight of the positives


def of_positives(loss: Binary | MultiLabel, f: Tensor, y: Tensor) -> Iterator[Relative]:
    """At outputs f (n × K) and targets y of as many numbers."""
    name = "the binary loss" if isinstance(loss, Binary) else "the multi-label loss"
    share = 1.0 if isinstance(loss, Binary) else 1 / f.shape[1]
    if bool(((f >= 0) & (f <= 1)).all()):
        said = f"{name} of outputs that are probabilities already"
        yield plain(lambda p, t: share * _of_sigmoid(p, t), said, {"link": "probabilities"})
    yield plain(loss.plain.residual, name, {"pos_weight": None} if loss.pos_weight else {})

    def apart(f: Tensor, y: Tensor) -> list[Tensor]:
        ones = y.reshape(f.shape).to(f)
        return [share * (1 - ones) * torch.sigmoid(f), -share * ones * torch.sigmoid(-f)]

    yield Relative(apart, _weight, lambda flags: _said(name, flags), 1)


def _of_sigmoid(p: Tensor, y: Tensor) -> Tensor:
    tiny, ones = torch.finfo(p.dtype).tiny, y.reshape(p.shape).to(p)
    return (1 - ones) / (1 - p).clamp_min(tiny) - ones / p.clamp_min(tiny)


def _weight(sizes: list[float]) -> Flags | None:
    return {"pos_weight": [rounded(sizes[0])]} if sizes[0] > LEAST else None


def _said(name: str, flags: Flags) -> str:
    return f"{name} with pos_weight {flags['pos_weight'][0]:g}"
