"""What is said of a spectrum that is of some of the training examples only."""

from __future__ import annotations

from dash import html

from dashboard.components.data_table import table
from dashboard.components.words import count, number, plural, with_error
from minimascope.contract.report import Spectrum, SpectrumSample


def sample_words(spectrum: Spectrum, sample: SpectrumSample) -> str:
    """Whose spectrum it is, and between what λ₁ of all examples lies."""
    first = sample.on_all[0]
    value = " ".join(with_error(first.value, first.standard_error))
    return (
        f"Spectrum, density and layers are those of {count(sample.examples)} of the "
        f"{plural(sample.total, 'training example')}, drawn by the seed; gap, boundary and margins "
        f"see all of them. Its first eigenvector has curvature {value} on all examples: λ₁ of all "
        f"is at least that and, on average over samples, at most the sample's, "
        f"{number(spectrum.eigenvalues[0])}."
    )


def sample_table(spectrum: Spectrum) -> list[html.Div]:
    """Every pair's eigenvalue in the sample beside its curvature on all examples."""
    sample = spectrum.sample
    if sample is None:
        return []
    rows = []
    pairs = zip(spectrum.eigenvalues, sample.on_all, strict=True)
    for k, (eigenvalue, whole) in enumerate(pairs, start=1):
        value, error = with_error(whole.value, whole.standard_error)
        rows.append((f"v{k}", number(eigenvalue), f"{value} {error}".strip()))
    title = f"Curvature along the eigenvectors, {count(sample.held_out)} examples held out"
    return [table(("vector", "in the sample", "on all examples"), rows, title)]
