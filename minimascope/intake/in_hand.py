"""The weights report of a network or state dict in this process, which is not changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from minimascope.contract.problems import ProblemError
from minimascope.contract.weights import WeightReport
from minimascope.intake.files.tensor_checks import tied
from minimascope.intake.values.checkpoint import read_checkpoint
from minimascope.weight_matrices import findings
from minimascope.weight_matrices.row import bias_of, row


def of_tensors(model: Any, against: Any, *, all_up_to: int, workdir: Path) -> WeightReport:
    """Floating tensors in their own order. Raises ProblemError model_unusable."""
    tensors = _tensors(model, workdir)
    earlier = {} if against is None else _tensors(against, workdir)
    floating = {name: t for name, t in tensors.items() if t.is_floating_point()}
    left = [name for name in tensors if name not in floating]
    rows = [
        row(
            name,
            tensor,
            all_up_to=all_up_to,
            bias=bias_of(name, tensors),
            before=earlier.get(name),
        )
        for name, tensor in floating.items()
    ]
    return findings.report(
        rows,
        format="",
        name=type(model).__name__,
        all_up_to=all_up_to,
        tied=tied(floating),
        warnings=[f"Left out, as no floating numbers: {findings.listed(left)}."] if left else [],
        against=None if against is None else type(against).__name__,
    )


def _tensors(given: Any, workdir: Path) -> dict[str, Tensor]:
    if isinstance(given, (str, Path)):
        return read_checkpoint(Path(given).expanduser(), workdir=workdir).tensors
    if isinstance(given, torch.nn.Module):
        given = given.state_dict(keep_vars=True)
    if not isinstance(given, Mapping) or not any(isinstance(v, Tensor) for v in given.values()):
        raise ProblemError(
            "model_unusable",
            f"A {type(given).__name__} holds no weights.",
            "Give a torch.nn.Module, a state dict, or the path of a file of weights.",
        )
    kept = {str(name): v.detach() for name, v in given.items() if isinstance(v, Tensor)}
    unfit = [name for name, v in kept.items() if v.is_meta or v.layout != torch.strided]
    if unfit:
        raise ProblemError(
            "model_unusable", f"{unfit[0]!r:.80} has no numbers in memory: load them first."
        )
    return {name: v.cpu() for name, v in kept.items()}
