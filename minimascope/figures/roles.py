"""What each trace of a figure is: the page finds a trace by its role, never by its words."""

from __future__ import annotations

from enum import StrEnum, unique
from typing import Any


@unique
class Role(StrEnum):
    """In `trace.meta["role"]`; beside it `vector` (1-based) or `curve` where there are several."""

    # the plane
    ALIGNMENT = "alignment"
    REGIONS = "regions"
    LOGIT_GAP = "logit_gap"
    BOUNDARY = "boundary"
    EXPLAINED = "explained"  # sections of the boundary that a vector explains
    POINTS = "points"  # training points; customdata begins with their rows
    CORNERS = "corners"
    MARGINS = "margins"
    MARGIN_CASING = "margin_casing"
    # the walk
    WALK = "walk"
    WALKED_REGIONS = "walked_regions"
    WALKED_BOUNDARY = "walked_boundary"
    # the loss surface
    SURFACE = "surface"
    SURFACE_LINES = "surface_lines"
    SURFACE_MARK = "surface_mark"
    # spectrum
    DENSITY = "density"
    STEMS = "stems"
    EIGENVALUES = "eigenvalues"
    ON_ALL = "on_all"  # a sample's pairs on all examples
    # gap over λ
    CURVE = "curve"
    MEASURED = "measured"
    FOLDS = "folds"
    HEADLINE = "headline"
    # details
    POINT_LINES = "point_lines"
    CLASS_MEAN = "class_mean"
    COHERENCE = "coherence"
    MARGIN_BRACKETS = "margin_brackets"
    MARGIN_SHARES = "margin_shares"
    MARGIN_ESTIMATES = "margin_estimates"
    CALIBRATION = "calibration"
    LAYER_MASS = "layer_mass"
    BLOCK_EIGENVALUES = "block_eigenvalues"
    BLOCK_TRACES = "block_traces"
    COMPLEXITY = "complexity"
    CHOSEN_EPSILON = "chosen_epsilon"
    # tokens of a language model
    TOKENS = "tokens"
    POSITIONS = "positions"
    FLIPS = "flips"
    # singular values of one weight
    SINGULAR_VALUES = "singular_values"
    RANDOM_MATRIX = "random_matrix"
    RANDOM_EDGE = "random_edge"
    POWER_LAW = "power_law"
    # any figure
    BAND = "band"  # ± one standard error around a line that says it too
    DIAGONAL = "diagonal"
    # compared minima, one trace each
    MINIMUM = "minimum"
    LINE = "line"
    # a run over its steps
    TRACKED = "tracked"
    LIMIT = "limit"


# Drawn for the eye alone: their values are another trace's, so exports leave them out.
UNSAID = (Role.BAND, Role.MARGIN_CASING)


def marked(role: Role, *, more: dict[str, Any] | None = None, **paths: str) -> dict[str, Any]:
    """Trace keywords: its role, what `more` says of it, and its themed properties.

    `line__color="ink"` means that the page gives `line.color` the colour it calls ink.
    """
    tokens = {path.replace("__", "."): name for path, name in paths.items()}
    return {"meta": {"role": str(role), **(more or {}), "tokens": tokens}}
