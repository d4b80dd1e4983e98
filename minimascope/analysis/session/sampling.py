"""Examples drawn at random: those that spectrum and density are of, those that a stage looks at."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from minimascope.contract.parameters import Parameters
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.spectrum.sample import Drawn, drawn


def rows_drawn(minimum: Minimum, parameters: Parameters, total: int | None = None) -> Drawn | None:
    """None where the spectrum is of all examples. `total`: of those that these were drawn from."""
    wanted = parameters.spectrum_examples
    if wanted is None or wanted >= minimum.n:
        return None
    return replace(drawn(minimum.n, wanted, seed=parameters.seed), total=total or minimum.n)


def for_spectrum(minimum: Minimum, parameters: Parameters) -> Minimum:
    """The minimum whose Hessian is asked for: of all examples, or of those drawn."""
    rows = rows_drawn(minimum, parameters)
    return minimum if rows is None else minimum.subset(rows.sampled.to(minimum.inputs.device))


def some_rows(minimum: Minimum, count: int, *, seed: int) -> Tensor:
    """`count` rows without replacement, ascending."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(minimum.n, generator=generator)[:count].sort().values
    return rows.to(minimum.inputs.device)
