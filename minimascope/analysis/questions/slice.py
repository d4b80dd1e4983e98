"""One plane on demand as a job: files and eigenvectors in, arrays `slice_*` out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from minimascope.analysis.questions.plane import slice_on_demand
from minimascope.analysis.session.opening import Files, open_files
from minimascope.analysis.session.publishing import Publisher
from minimascope.contract.parameters import Parameters
from minimascope.contract.questions.slices import SliceRequest

STAGE = "slice"


def run_slice(
    files: Files,
    parameters: Parameters,
    request: SliceRequest,
    arrays: Mapping[str, Path],
    *,
    workdir: Path,
    publisher: Publisher,
) -> dict[str, Any]:
    """Publishes the arrays of the plane asked for; answers how many grid points underflowed.

    `arrays` holds `eigenvectors` of the analysis and, where it has them, `boundary_inputs`. On the
    CPU whatever the analysis ran on: a plane is small, and any worker may take it.
    """
    publisher.progress(STAGE, 0.0, "Opening the checkpoint and the data")
    here = parameters.model_copy(update={"device": "cpu"})
    opened = open_files(files, here, workdir=workdir)
    given = {
        name: torch.from_numpy(np.load(path, allow_pickle=False)) for name, path in arrays.items()
    }
    found = slice_on_demand(
        opened,
        given["eigenvectors"],
        request,
        boundary_inputs=given.get("boundary_inputs"),
        seed=parameters.seed,
        progress=lambda done: publisher.progress(STAGE, done, "Decision boundary over the plane"),
    )
    for name, values in found.items():
        publisher.array(name, values)
    return {"underflowed": int(np.isnan(found["slice_alignment"][0]).sum())}
