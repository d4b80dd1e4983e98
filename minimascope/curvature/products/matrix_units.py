"""float32 matrix products on the matrix units of a processor, which round the factors first.

CPUs with AMX round them to bfloat16 (8 bits), NVIDIA GPUs from Ampere on to TF32 (11 bits); both
add up in float32. A Hessian product then differs from float32 by about 2e-3 or 2e-4 of its length:
too much for eigenpairs, little beside the standard error of a density (`precision`). The graph is
the one that exact products use; only what is multiplied while it is passed over is rounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor

from minimascope.curvature.products.operator import Operator

LARGE = 50_000  # parameters; below that, rounding the factors costs what multiplying them saves
AMPERE = (8, 0)


def on_matrix_units(operator: Operator) -> Operator | None:
    """`operator` multiplied there; None where that is impossible or saves nothing."""
    units = units_for(operator.device, operator.dim)
    if units is None or operator.dtype != torch.float32:
        return None

    def apply(rows: Tensor) -> Tensor:
        with _rounding_factors(operator.device):
            return operator.apply(rows)

    return replace(operator, apply=apply, block=None, arithmetic=units)


def units_for(device: torch.device, dim: int) -> str | None:
    """What the device's matrix units round to; None without them, and for few parameters."""
    if dim < LARGE:
        return None
    if device.type == "cuda":
        return "TF32" if torch.cuda.get_device_capability(device) >= AMPERE else None
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.12
    return "bfloat16" if capabilities.get("amx_bf16") else None


@contextmanager
def _rounding_factors(device: torch.device) -> Iterator[None]:
    """Torch's switches are those of the whole process: they are put back whatever happens."""
    if device.type == "cuda":
        matmul, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
        before = matmul.allow_tf32, convolutions.allow_tf32
        matmul.allow_tf32 = convolutions.allow_tf32 = True
        try:
            yield
        finally:
            matmul.allow_tf32, convolutions.allow_tf32 = before
        return
    # Convolutions stay as they are: in bfloat16 their derivatives took twice the time.
    linear = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    precision = linear.fp32_precision
    linear.fp32_precision = "bf16"
    try:
        yield
    finally:
        linear.fp32_precision = precision
