"""Every figure of one report, by name: the page, the notebook and the saved page draw these."""

from __future__ import annotations

from collections.abc import Callable

from minimascope.contract.report import Report
from minimascope.figures.boundary_map import (
    INPUT_AXES,
    PRINCIPAL_AXES,
    boundary_map,
    embedding,
    tsne_map,
)
from minimascope.figures.coherence import coherence_figure
from minimascope.figures.filmstrip import filmstrip
from minimascope.figures.g_curve import g_figure
from minimascope.figures.gap_curves import gap_figure
from minimascope.figures.layer_blocks import blocks_figure
from minimascope.figures.layer_mass import layer_figure, layer_kinds
from minimascope.figures.margins import margins_figure
from minimascope.figures.overlaps import overlaps_figure
from minimascope.figures.plane import Arrays
from minimascope.figures.point_losses import losses_figure
from minimascope.figures.reliability import reliability_figure
from minimascope.figures.spectrum import spectrum_figure
from minimascope.figures.surface import has_surface, surface_figure
from minimascope.figures.theme import Figure
from minimascope.figures.token_curves import flips_figure, positions_figure, sequences_figure
from minimascope.figures.tokens import NEEDED as TOKENS
from minimascope.figures.tokens import pulls_figure, tokens_figure
from minimascope.figures.walk import has_walk, walk_figure

EMBEDDING = "embedding_"  # a figure of the points without a plane, by its method
PLANE = (
    "slice_x",
    "slice_y",
    "slice_alignment",
    "slice_boundary",
    "slice_class",
    "points",
    "labels",
)


def has_plane(arrays: Arrays) -> bool:
    """Whether the decision boundary itself can be drawn: over the inputs or a plane of them."""
    return all(name in arrays for name in PLANE)


def figures_of(report: Report, arrays: Arrays) -> dict[str, Callable[[], Figure]]:
    """What draws each figure that the report and its arrays have something for."""
    return {
        **boundary(report, arrays),
        **_embeddings(report, arrays),
        **_curves(report),
        **_details(report, arrays),
        **tokens(report, arrays),
    }


def boundary(report: Report, arrays: Arrays, *, k: int = 0) -> dict[str, Callable[[], Figure]]:
    """The decision boundary with eigenvector k (0-based), and the first tiles where it is drawn."""
    if has_plane(arrays) and report.spectrum is not None:
        values = report.spectrum.eigenvalues
        axes = INPUT_AXES if report.data.input_shape == [2] else PRINCIPAL_AXES
        return {
            "boundary": lambda: boundary_map(arrays, k=k, axes=axes),
            "filmstrip": lambda: filmstrip(arrays, values),
        }
    if "points" in arrays and "labels" in arrays:
        return {"boundary": lambda: embedding(arrays, k=k)}
    return {}


def _embeddings(report: Report, arrays: Arrays) -> dict[str, Callable[[], Figure]]:
    """Scatters without a plane, for inputs that are not drawn as they are."""
    drawn: dict[str, Callable[[], Figure]] = {}
    if report.data.input_shape == [2] or "labels" not in arrays or not has_plane(arrays):
        return drawn
    drawn[f"{EMBEDDING}pca"] = lambda: embedding(arrays)
    if "embedding_tsne" in arrays:
        drawn[f"{EMBEDDING}tsne"] = lambda: tsne_map(arrays)
    return drawn


def _curves(report: Report) -> dict[str, Callable[[], Figure]]:
    drawn: dict[str, Callable[[], Figure]] = {}
    spectrum, gap, boundary = report.spectrum, report.gap, report.boundary
    if spectrum is not None:
        drawn["spectrum"] = lambda: spectrum_figure(spectrum)
        if spectrum.layer_mass:
            drawn["layers"] = lambda: layer_figure(
                spectrum, report.checkpoint.layers, layer_kinds(report)
            )
        if spectrum.layer_blocks:
            drawn["blocks"] = lambda: blocks_figure(spectrum.layer_blocks, layer_kinds(report))
    if gap is not None and gap.curves.lambda_:
        drawn["gap"] = lambda: gap_figure(gap, n=report.data.train.n, folds=report.cross_validation)
    if boundary is not None:
        drawn["complexity"] = lambda: g_figure(boundary)
    return drawn


def _details(report: Report, arrays: Arrays) -> dict[str, Callable[[], Figure]]:
    drawn: dict[str, Callable[[], Figure]] = {}
    margins = report.margins
    if "alignment" in arrays and "labels" in arrays:
        drawn["overlaps"] = lambda: overlaps_figure(arrays)
    if all(name in arrays for name in ("coherence", "coherence_order", "predictions")):
        drawn["coherence"] = lambda: coherence_figure(arrays)
    if margins is not None and "margins" in arrays and "labels" in arrays:
        drawn["margins"] = lambda: margins_figure(margins, arrays)
    if "calibration" in arrays or "calibration_alo" in arrays:
        drawn["calibration"] = lambda: reliability_figure(arrays)
    if all(name in arrays for name in ("train_loss", "alo_loss")):
        drawn["data"] = lambda: losses_figure(arrays)
    if has_surface(arrays):
        drawn["surface"] = lambda: surface_figure(arrays)
    if has_walk(arrays):
        drawn["walk"] = lambda: walk_figure(arrays)
    return drawn


def tokens(report: Report, arrays: Arrays, *, k: int = 0) -> dict[str, Callable[[], Figure]]:
    """Of a language model; `token_pull` shows eigenvector k (0-based)."""
    drawn: dict[str, Callable[[], Figure]] = {}
    found = report.tokens
    if found is not None and all(name in arrays for name in TOKENS):
        drawn["tokens"] = lambda: tokens_figure(found, arrays)
        if "token_pull" in arrays and len(arrays["token_pull"][0]) == len(arrays["token_ids"]):
            drawn["token_pull"] = lambda: pulls_figure(found, arrays, k=k)
    if "position_loss" in arrays:
        drawn["positions"] = lambda: positions_figure(arrays)
    if "token_flipped" in arrays and "walk_epsilon" in arrays:
        drawn["token_flips"] = lambda: flips_figure(arrays)
    if "sequence_loss" in arrays and "points" in arrays:
        drawn["sequences"] = lambda: sequences_figure(arrays)
    return drawn
