"""One plane through input space: files and eigenvectors in, arrays `slice_*` out."""

from __future__ import annotations

from typing import Any

import numpy as np

from minimascope.analysis.questions.plane import slice_on_demand
from minimascope.analysis.questions.question import Asked
from minimascope.contract.questions.slices import SliceRequest


def answer(asked: Asked[SliceRequest]) -> dict[str, Any]:
    """Publishes the arrays of the plane asked for; answers how many grid points underflowed.

    Needs the analysis' `eigenvectors`; its `boundary_inputs` save a search.
    """
    opened, vectors = asked.opened(), asked.array("eigenvectors")
    assert vectors is not None
    found = slice_on_demand(
        opened,
        vectors,
        asked.question,
        boundary_inputs=asked.array("boundary_inputs"),
        seed=asked.parameters.seed,
        progress=asked.telling("Decision boundary over the plane"),
    )
    for name, values in found.items():
        asked.publisher.array(name, values)
    return {"underflowed": int(np.isnan(found["slice_alignment"][0]).sum())}
