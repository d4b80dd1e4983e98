"""Four groups under the pictures: what each detail means for this minimum, in words and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html

from dashboard.components import ids
from dashboard.components.data_table import table
from dashboard.components.words import count, number, percent
from dashboard.drawing.class_names import class_name
from dashboard.pages.analysis import boundary_tabs, curvature_tabs, surface_tab, token_tabs
from minimascope.contract.report import Report

NAMED = 20  # classes named in a sentence
# Each group begins with its finding (`findings`); its parts follow one another in this order.
GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "boundary": (
        "Boundary",
        (
            "overlaps",
            "token_flips",
            "token_pull",
            "walk",
            "surface",
            "complexity",
            "margins",
        ),
    ),
    "curvature": ("Curvature", ("layers", "blocks")),
    "gap": ("Gap", ("estimates", "calibration")),
    "data": ("Data", ("tokens", "data", "positions", "sequences", "coherence")),
}
TABS = {
    "overlaps": "Alignment",
    "coherence": "Coherence",
    "walk": "Walk",
    "surface": "Loss surface",
    "complexity": "G(ε)",
    "margins": "Margins",
    "calibration": "Calibration",
    "layers": "Layers",
    "blocks": "Layer blocks",
    "data": "Examples",
    "estimates": "Estimates",
    "tokens": "Tokens",
    "token_pull": "Pulls",
    "token_flips": "Flips",
    "positions": "Positions",
    "sequences": "Sequences",
}
LABELS = {
    "overlaps": "Alignment of every training point with each eigenvector, with class means.",
    "coherence": "Cosines between the gradients of pairs of training points, sorted by class.",
    "walk": "Decision boundary, training loss and accuracy on a walk along the eigenvector.",
    "surface": "Mean training and test loss over the plane of the first two eigenvectors.",
    "complexity": "Share of eigenvectors aligned above epsilon, over epsilon.",
    "margins": "Distances of training points to the decision boundary, each with its lower bound.",
    "calibration": "Accuracy against confidence, on training and leave-one-out predictions.",
    "layers": "Share of each eigenvector in each layer.",
    "blocks": "Largest eigenvalues of the Hessian's diagonal block of each layer, with its trace.",
    "data": "Leave-one-out loss against training loss, one marker a training point.",
    "tokens": "Tokens of the dearest training sequences, coloured by their loss.",
    "token_pull": "The same tokens, coloured by how fast their loss rises along the eigenvector.",
    "token_flips": "Share of next tokens that change, over the step along each eigenvector.",
    "positions": "Mean loss of each position in the sequence, with standard errors.",
    "sequences": "Training sequences in two principal directions of their hidden states.",
}


def _data(report: Report) -> list[Any]:
    found = report.data
    splits = [("training", found.train), *([("test", found.test)] if found.test else [])]
    rows = [(name, count(s.n), number(s.loss), percent(s.accuracy)) for name, s in splits]
    if report.tokens is not None:
        return _sequences(rows)
    shape = " × ".join(str(length) for length in found.input_shape) or "unknown"
    kinds = "" if found.classes is None else f", {found.classes} classes"
    if found.class_names:
        said = ", ".join(class_name(found.class_names, k) for k in range(len(found.class_names)))
        kinds += f" ({said})" if len(found.class_names) <= NAMED else ""
    return [
        html.P(
            f"Inputs of shape {shape}{kinds}. A point far above the diagonal is one the network "
            "fits only because it saw it; click a point to pin it everywhere."
        ),
        table(("split", "points", "loss, nats", "accuracy"), rows, "Data"),
        html.Div(id=ids.DATA_POINTS, className="table-scroll", tabIndex=0),
    ]


def _sequences(rows: Sequence[tuple[str, ...]]) -> list[Any]:
    return [
        html.P(
            "Each marker is a training sequence, left out as a whole. One far above the diagonal "
            "is known by heart: the network fits it only because it saw it."
        ),
        table(("split", "sequences", "loss, nats a token", "tokens right"), rows, "Data"),
        html.Div(id=ids.DATA_POINTS, className="table-scroll", tabIndex=0),
    ]


SIDES = {
    "overlaps": boundary_tabs.overlaps,
    "coherence": boundary_tabs.coherence,
    "walk": boundary_tabs.walk,
    "surface": surface_tab.surface,
    "complexity": boundary_tabs.complexity,
    "margins": boundary_tabs.margins,
    "calibration": curvature_tabs.calibration,
    "layers": curvature_tabs.layers,
    "blocks": curvature_tabs.blocks,
    "data": _data,
    "estimates": curvature_tabs.estimates,
    "tokens": token_tabs.tokens,
    "token_pull": token_tabs.pulls,
    "token_flips": token_tabs.flips,
    "positions": token_tabs.positions,
    "sequences": token_tabs.sequences,
}


def side(tab: str, report: Report) -> list[Any]:
    """The text and tables of one tab."""
    return SIDES[tab](report)
