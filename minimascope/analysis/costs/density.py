"""What the spectral density takes, from the seconds of a product."""

from __future__ import annotations

import math

import torch
from torch import nn

from minimascope.curvature.krylov.slq import ProbeSize
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.matrix_units import units_for
from minimascope.curvature.spectrum.plan import Plan

STEPS = 12  # of a block of eight probes until it lies still; 9 to 12 on benchmarks/density.py
FEWEST = 2  # probes: one has no standard error
SINGLE = 0.55  # of a float64 product, that in float32 which the probes are content with
ROUNDED = 0.6  # of a float32 product, that on matrix units; convolutions gain little


def density_seconds(minimum: Minimum, plan: Plan, seconds: float = math.inf) -> float:
    """Wall seconds; nothing where the spectrum is complete, whose density follows from it. Of as
    many probes as `seconds` are enough for."""
    return density_probes(minimum, plan, seconds) * _probe_seconds(minimum, plan)


def density_probes(minimum: Minimum, plan: Plan, seconds: float = math.inf) -> int:
    """Probes on the Lanczos route: the usual number, fewer where they would take longer."""
    usual, each = ProbeSize().probes, _probe_seconds(minimum, plan)
    return usual if usual * each <= seconds else max(FEWEST, int(seconds / each))


def _probe_seconds(minimum: Minimum, plan: Plan) -> float:
    if plan.route != "lanczos":
        return 0.0
    share = SINGLE if minimum.theta.dtype == torch.float64 else 1.0
    if units_for(minimum.inputs.device, minimum.dim) and not _convolves(minimum):
        share *= ROUNDED
    return STEPS * share * plan.seconds_per_product


def _convolves(minimum: Minimum) -> bool:
    return any(isinstance(layer, (nn.Conv1d, nn.Conv2d)) for layer in minimum.network.modules())
