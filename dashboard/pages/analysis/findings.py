"""What each group of details found, in one line: read before any figure is."""

from __future__ import annotations

from collections.abc import Callable

from dashboard.components.words import count, number, percent, plural
from dashboard.pages.analysis.absence import headline
from minimascope.contract.report import Report
from minimascope.contract.report.sentences import nats


def boundary_finding(report: Report, *, final: bool = False) -> str:
    """How many directions it needs, and how near it comes."""
    found, margins = report.boundary, report.margins
    parts = []
    if report.tokens is not None and report.tokens.flips:
        flips = report.tokens.flips[0]
        near = nats(flips.reach)
        parts.append(f"{percent(flips.share)} of next tokens flip within {near} along v1")
    if found is not None and found.n90 is not None:
        parts.append(f"{plural(found.n90, 'direction')} hold nine tenths of the alignment")
    if margins is not None and margins.l2.smallest.upper is not None:
        near = nats(margins.l2.smallest.upper)
        parts.append(f"the boundary comes within {near} of an example")
    if not parts and found is not None:
        held = percent(1 - found.energy_outside)
        parts.append(f"the known eigenvectors hold {held} of the alignment")
    return _sentence(parts) or headline(report, "boundary", final=final)


def curvature_finding(report: Report, *, final: bool = False) -> str:
    """How many directions stand out, and where the sharpest one lies."""
    spectrum = report.spectrum
    if spectrum is None or not spectrum.eigenvalues:
        return headline(report, "spectrum", final=final)
    outliers, p = spectrum.outliers.by_ratio.count, report.checkpoint.parameters
    parts = [f"{count(outliers)} of {count(p)} eigenvalues stand out"]
    masses = [row[0] for row in spectrum.layer_mass if row]
    if len(masses) > 1 and len(spectrum.layer_names) == len(masses):
        place = max(range(len(masses)), key=masses.__getitem__)
        share = f"{100 * masses[place]:.0f}\u202f%"
        parts.append(f"the sharpest lies to {share} in layer {spectrum.layer_names[place]}")
    return _sentence(parts)


def gap_finding(report: Report, *, final: bool = False) -> str:
    """Estimate, measurement, checks."""
    gap = report.gap
    if gap is None:
        return headline(report, "gap", final=final)
    parts = ["No estimate"] if gap.headline is None else [f"Estimate {nats(gap.headline.value)}"]
    if gap.measured is not None and gap.measured.value is not None:
        error = gap.measured.standard_error
        spread = "" if error is None else f" ± {nats(error)}"
        parts.append(f"measured {nats(gap.measured.value, like=error)}{spread}")
    said = ", ".join(parts) + "."
    if gap.checks:
        holds = sum(check.passed is True for check in gap.checks)
        said += f" {holds} of {len(gap.checks)} checks hold."
    return said


def data_finding(report: Report, *, final: bool = False) -> str:
    """Whether a few examples carry the estimate, or how many the network gets wrong."""
    n, share = report.data.train.n, None
    if report.gap is not None:
        share = report.gap.diagnostics.top5_share
    if share is not None:
        few = max(round(0.05 * n), 1)
        what = "example" if report.tokens is None else "sequence"
        return f"{count(few)} of {plural(n, what)} carry {percent(share)} of the estimate."
    accuracy = report.data.train.accuracy
    if report.tokens is not None:
        said = f"{percent(accuracy)} of {plural(report.tokens.counted, 'token')} are right; "
        return f"{said}perplexity {number(report.tokens.perplexity)}."
    if accuracy is None:
        return f"{plural(n, 'training example')}."
    return f"{percent(accuracy)} of {plural(n, 'training example')} are right."


def _sentence(parts: list[str]) -> str:
    """Parts joined to one sentence; "" for none."""
    if not parts:
        return ""
    said = "; ".join(parts)
    return f"{said[0].upper()}{said[1:]}."


FINDINGS: dict[str, Callable[..., str]] = {
    "boundary": boundary_finding,
    "curvature": curvature_finding,
    "gap": gap_finding,
    "data": data_finding,
}
