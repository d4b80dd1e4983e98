"""One tensor → its row of the weights report; nothing is kept of it afterwards."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from minimascope.contract.weights import (
    PowerLawFit,
    RandomMatrix,
    SingularValues,
    WeightChange,
    WeightRow,
    WeightUnits,
)
from minimascope.weight_matrices import initialisation, power_law, random_matrix
from minimascope.weight_matrices.change import change
from minimascope.weight_matrices.entries import Entries, entries
from minimascope.weight_matrices.matrix import BLOCK, Matrix
from minimascope.weight_matrices.singular_values import Singular, singular_values
from minimascope.weight_matrices.units import SHOWN, units

BINS = 48
LARGEST = 20
ZERO = 1e-7  # of the largest: what an eigenvalue of W'W cannot tell from zero


def row(
    name: str,
    tensor: Tensor,
    *,
    all_up_to: int,
    bias: Tensor | None = None,
    before: Tensor | None = None,
) -> WeightRow:
    """Of a floating tensor. `bias` is its layer's, `before` the other checkpoint's tensor."""
    found = entries(tensor)
    columns: dict[str, Any] = {
        "name": name,
        "shape": list(tensor.shape),
        "dtype": str(tensor.dtype).removeprefix("torch."),
        "parameters": tensor.numel(),
        "norm": found.norm,
        "largest": found.largest,
        "nan": found.nan,
        "infinite": found.infinite,
        "huge": found.huge,
        "constant": found.constant,
        "digest": digest(tensor),
    }
    notes = list[str]()
    matrix = Matrix.of(tensor)
    if matrix is not None:
        columns |= {"matrix": list(matrix.shape)}
        if found.finite:
            columns |= _spectrum(matrix, found, all_up_to, notes)
            columns |= _origin(tensor, bias, columns, found)
        else:
            notes.append("No spectrum: it holds numbers that are not finite.")
        columns["units"] = _units(matrix, bias)
    if before is not None:
        columns["change"] = _change(tensor, before, found, all_up_to, notes)
    return WeightRow(**columns, notes=notes)


def digest(tensor: Tensor) -> str:
    """The same for tensors of the same shape, type and numbers."""
    text = hashlib.sha256(f"{tensor.dtype}{list(tensor.shape)}".encode())
    for block in tensor.reshape(-1).split(BLOCK):
        text.update(block.contiguous().view(torch.uint8).numpy().data)
    return text.hexdigest()[:32]


def _spectrum(matrix: Matrix, found: Entries, all_up_to: int, notes: list[str]) -> dict[str, Any]:
    singular = singular_values(matrix, all_up_to=all_up_to)
    first = float(singular.values[0])
    columns: dict[str, Any] = {
        "spectral_norm": first,
        "stable_rank": found.norm**2 / first**2 if first else None,
        "singular_values": _told(singular, matrix.short),
    }
    if singular.method == "largest":
        notes.append(
            f"Of {matrix.short} singular values only the largest were computed; a power law and "
            f"the edge of a random matrix need all of them, which are computed up to {all_up_to}."
        )
        return columns
    columns["power_law"] = _power_law(singular.values, notes)
    columns["random_matrix"] = _random_matrix(singular.values, matrix, notes)
    return columns


def _positive(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[values > ZERO * values.max(initial=0.0)]


def _told(singular: Singular, count: int) -> SingularValues:
    told: dict[str, Any] = {}
    logs = 2 * np.log10(_positive(singular.values))
    if singular.method == "all" and len(logs) > 1 and np.ptp(logs) > 0:
        counts, edges = np.histogram(logs, bins=min(BINS, max(8, len(logs) // 8)))
        told = {"counts": counts.tolist(), "edges": edges.tolist()}
    return SingularValues(
        method=singular.method,
        count=count,
        largest=singular.values[:LARGEST].tolist(),
        residual=singular.residual,
        **told,
    )


def _power_law(values: NDArray[np.float64], notes: list[str]) -> PowerLawFit | None:
    squares = _positive(values) ** 2
    if len(squares) < power_law.FEWEST:
        notes.append(
            f"No power law: {len(squares)} singular values above zero, fewer than "
            f"{power_law.FEWEST}."
        )
        return None
    if np.ptp(squares) <= 1e-6 * squares.max():
        notes.append("No power law: all singular values are the same.")
        return None
    found = power_law.fit(squares)
    return PowerLawFit(
        alpha=found.alpha,
        error=found.error,
        smallest=found.smallest,
        tail=found.tail,
        distance=found.distance,
        p_value=power_law.p_value(squares, found),
    )


def _random_matrix(
    values: NDArray[np.float64], matrix: Matrix, notes: list[str]
) -> RandomMatrix | None:
    if len(values) < random_matrix.FEWEST:
        notes.append(
            f"No edge of a random matrix: {len(values)} singular values, fewer than "
            f"{random_matrix.FEWEST}."
        )
        return None
    found = random_matrix.bulk(values, *matrix.shape)
    if found is None:
        notes.append("No edge of a random matrix: half of the singular values are zero.")
        return None
    return RandomMatrix(sigma=found.sigma, lower=found.lower, edge=found.edge, spikes=found.spikes)


def _origin(
    tensor: Tensor, bias: Tensor | None, columns: dict[str, Any], found: Entries
) -> dict[str, Any]:
    """Nothing is said where no edge stands to tell a trained matrix from a drawn one."""
    against = columns.get("random_matrix")
    if against is None or against.spikes or found.constant is not None:
        return {}
    if not initialisation.bias_untouched(bias, math.prod(tensor.shape[1:])):
        return {}
    return {"drawn_as": initialisation.drawn_as(tensor)}


def _units(matrix: Matrix, bias: Tensor | None) -> WeightUnits:
    found = units(matrix.weight, bias)
    return WeightUnits(
        dead=len(found.dead),
        unread=len(found.unread),
        copies=len(found.copies),
        dead_units=found.dead[:SHOWN],
        unread_inputs=found.unread[:SHOWN],
        copied_units=found.copies[:SHOWN],
    )


def _change(
    tensor: Tensor, before: Tensor, found: Entries, all_up_to: int, notes: list[str]
) -> WeightChange | None:
    if before.shape != tensor.shape:
        notes.append(f"No change: the other checkpoint has the shape {list(before.shape)}.")
        return None
    if not found.finite or not bool(torch.isfinite(before).all()):
        notes.append("No change: numbers that are not finite.")
        return None
    seen = change(tensor, before, all_up_to=all_up_to)
    return WeightChange(
        distance=seen.distance,
        relative=seen.relative,
        cosine=seen.cosine,
        rank=seen.rank,
        rank_at_least=seen.rank_at_least,
    )


def bias_of(name: str, tensors: dict[str, Tensor]) -> Tensor | None:
    """The bias of the same layer, one number a unit."""
    owner, _, leaf = name.rpartition(".")
    other = leaf.replace("weight", "bias")
    bias = tensors.get(f"{owner}.{other}" if owner else other)
    fits = bias is not None and bias.ndim == 1 and bias.numel() == tensors[name].shape[:1].numel()
    return bias if fits and other != leaf else None
