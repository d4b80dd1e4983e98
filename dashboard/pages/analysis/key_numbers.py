"""The strip of key numbers: each with its error, residual or verdict, or the reason for none."""

from __future__ import annotations

from dataclasses import dataclass

from dash import html

from dashboard.components.words import VERDICTS, level, number, percent, plural, with_error
from minimascope.contract.report import Report
from minimascope.contract.report.sentences import nats, span

PENDING = "not computed yet"
OVERCONFIDENT = 1.2


@dataclass(frozen=True)
class Kpi:
    """One cell: a label, a value, its error beside it, a note below."""

    label: str
    value: str
    error: str = ""
    note: str = ""
    tone: str = ""


def gap_kpi(report: Report) -> Kpi:
    """Headline estimate with its 90% interval and verdict; without one, why."""
    gap = report.gap
    if gap is None:
        return Kpi("Estimated gap", "—", note=PENDING)
    if gap.headline is None:
        return Kpi("Estimated gap", "—", note=VERDICTS[gap.verdict], tone="warn")
    found = gap.headline
    tone = "good" if gap.verdict == "reliable" else "warn"
    ends = span(found.value, found.ninety)
    return Kpi("Estimated gap, nats", nats(found.value), ends, VERDICTS[gap.verdict], tone)


def measured_kpi(report: Report) -> Kpi:
    """Measured gap ± s.e. of the test set; without one, of the user's own folds."""
    gap, test = report.gap, report.data.test
    measured = None if gap is None else gap.measured
    folds = report.cross_validation
    if folds is not None and (measured is None or measured.value is None):
        value, error = with_error(folds.gap, folds.standard_error)
        return Kpi("Gap by K-fold, nats", value, error, f"{folds.k} folds, your own training")
    if measured is None or measured.value is None:
        return Kpi("Measured gap", "—", note="no test set given" if test is None else PENDING)
    value, error = with_error(measured.value, measured.standard_error)
    note = "" if test is None else f"test accuracy {percent(test.accuracy)}"
    return Kpi("Measured gap, nats", value, error, note)


def soft_rank_kpi(report: Report) -> Kpi:
    """Soft rank of the GGN at λ, as a rank out of p."""
    gap, n, p = report.gap, report.data.train.n, report.checkpoint.parameters
    estimate = None if gap is None else gap.estimates.get("soft_rank_ggn")
    if gap is None or estimate is None or estimate.value is None:
        return Kpi("Soft rank", "—", note=PENDING if gap is None else "λ is not known")
    error = None if estimate.standard_error is None else estimate.standard_error * n
    value, spread = with_error(estimate.value * n, error)
    return Kpi(
        f"Soft rank at λ = {level(gap.lambda_)}", value, spread, f"of {plural(p, 'parameter')}"
    )


def eigenvalue_kpi(report: Report) -> Kpi:
    """λ₁ with its residual and both counts of outliers."""
    spectrum = report.spectrum
    if spectrum is None or not spectrum.eigenvalues:
        return Kpi("Largest eigenvalue λ₁", "—", note=PENDING)
    residual = spectrum.residuals[0] if spectrum.residuals else None
    count = spectrum.outliers.by_ratio.count
    note = f"{plural(count, 'outlier')} above {spectrum.outliers.by_ratio.q:g}\u202fλ₁"
    done = bool(spectrum.converged) and spectrum.converged[0]
    error = f"residual {number(residual, 1)}" if done else "not converged"
    label = "Largest eigenvalue λ₁"
    if spectrum.sample is not None:
        label = f"λ₁ of {plural(spectrum.sample.examples, 'example')}"
        found = spectrum.sample.on_all[0]
        note = "of all at least " + " ".join(with_error(found.value, found.standard_error))
    return Kpi(label, number(spectrum.eigenvalues[0]), error, note)


def margin_kpi(report: Report) -> Kpi:
    """The closest crossing with the certified bound below it, the median, what is not in them."""
    margins = report.margins
    if margins is None or margins.l2.smallest.upper is None:
        return Kpi("Smallest margin", "—", note=PENDING if margins is None else "none reached")
    found = margins.l2
    notes = [found.smallest.words(number).rpartition(", ")[0] or "not bounded below"]
    if found.smallest.width == "useless":
        notes = [f"no useful lower bound ({number(found.smallest.lower)})"]
    notes.append(f"median at most {number(found.median.upper)}")
    if found.searched is not None:
        error = found.median_standard_error
        notes[-1] += "" if error is None else f" ± {number(error, 1)}"
        notes.append(f"{found.searched} of {report.data.train.n} points searched")
    if found.misclassified:
        notes.append(f"{plural(found.misclassified, 'wrong point')} apart")
    return Kpi("Smallest margin ≤", number(found.smallest.upper), "", "; ".join(notes))


def calibration_kpi(report: Report) -> Kpi:
    """Expected calibration error over 15 bins, and what leave-one-out logits say."""
    gap = report.gap
    if gap is None or gap.diagnostics.ece_15 is None:
        return Kpi("Calibration error", "—", note=PENDING if gap is None else "not a classifier")
    temperature = gap.diagnostics.t_alo
    note = "" if temperature is None else f"{_confidence(temperature)} (T = {number(temperature)})"
    return Kpi("Calibration error", number(gap.diagnostics.ece_15), "on training data", note)


def _confidence(temperature: float) -> str:
    """What a leave-one-out temperature T says: above 1, held-out logits are too sure."""
    if temperature > OVERCONFIDENT:
        return "over-confident held out"
    return "under-confident held out" if temperature < 1 / OVERCONFIDENT else "calibrated held out"


def kpi_strip(report: Report) -> html.Dl:
    """All cells in one row."""
    makers = (
        gap_kpi,
        measured_kpi,
        soft_rank_kpi,
        eigenvalue_kpi,
        margin_kpi,
        calibration_kpi,
    )
    return html.Dl([_cell(make(report)) for make in makers], className="kpis")


def _cell(kpi: Kpi) -> html.Div:
    value = [
        html.Span(kpi.value, className="kpi-value"),
        html.Span(kpi.error, className="kpi-error"),
    ]
    return html.Div(
        [
            html.Dt(kpi.label),
            html.Dd(value),
            html.Dd(kpi.note, className=f"kpi-note {kpi.tone}".strip()),
        ],
        className="kpi",
    )
