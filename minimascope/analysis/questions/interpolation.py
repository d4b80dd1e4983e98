"""The line between two minima: two checkpoints and their data in, a curve out."""

from __future__ import annotations

from typing import Any

from torch import nn

from minimascope.analysis.questions.line import interpolate
from minimascope.analysis.questions.question import Asked
from minimascope.analysis.session.opening import speaking_of
from minimascope.contract.questions.interpolations import InterpolationQuestion
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.values.checkpoint import read_checkpoint


def answer(asked: Asked[InterpolationQuestion]) -> dict[str, Any]:
    """The curve of `InterpolationCurve`."""
    opened, other = asked.opened(), other_network(asked)
    curve = interpolate(
        opened.minimum,
        other.to(opened.minimum.theta.dtype).eval(),
        opened.test,
        steps=asked.question.request.steps,
        progress=asked.telling("Loss along the line"),
    )
    return {"curve": curve.model_dump(mode="json")}


def other_network(asked: Asked[InterpolationQuestion]) -> nn.Module:
    """The network at the line's other end."""
    assert asked.files.other
    # The first one's weights are still mapped from a file in `workdir`.
    folder = asked.workdir / "weights-of-other"
    folder.mkdir()
    with speaking_of("Checkpoint of the other analysis"):
        checkpoint = read_checkpoint(asked.files.other, workdir=folder)
        return build_network(checkpoint, asked.question.architecture)
