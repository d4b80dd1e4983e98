"""The line between two minima as a job: two checkpoints and their data in, a curve out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minimascope.analysis.opening import Files, open_files, speaking_of
from minimascope.analysis.publishing import Publisher
from minimascope.analysis.questions.interpolation import interpolate
from minimascope.contract.parameters import Parameters
from minimascope.contract.questions.interpolations import InterpolationQuestion
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.values.checkpoint import read_checkpoint

STAGE = "interpolation"


def run_interpolation(
    files: Files,
    other: Path,
    parameters: Parameters,
    question: InterpolationQuestion,
    *,
    workdir: Path,
    publisher: Publisher,
) -> dict[str, Any]:
    """The curve of `InterpolationCurve`.

    On the CPU whatever the analyses ran on: a line is some forward passes.
    """
    publisher.progress(STAGE, 0.0, "Opening both checkpoints and the data")
    here = parameters.model_copy(update={"device": "cpu"})
    opened = open_files(files, here, workdir=workdir)
    # The first one's weights are still mapped from a file in `workdir`.
    folder = workdir / "weights-of-other"
    folder.mkdir()
    with speaking_of("Checkpoint of the other analysis"):
        checkpoint = read_checkpoint(other, workdir=folder)
        network = build_network(checkpoint, question.architecture)
    curve = interpolate(
        opened.minimum,
        network.to(opened.minimum.theta.dtype).eval(),
        opened.test,
        steps=question.request.steps,
        progress=lambda done: publisher.progress(STAGE, done, "Loss along the line"),
    )
    return {"curve": curve.model_dump(mode="json")}
