"""The key numbers beside the answer: each with its term, its error, or the reason for none."""

from __future__ import annotations

from dataclasses import dataclass

from dash import html

from dashboard.components.term import term
from dashboard.components.words import count, level, number, percent, plural, with_error
from dashboard.pages.analysis.absence import absence
from dashboard.pages.analysis.sample_words import first_look_words
from dashboard.pages.analysis.words import temperature
from minimascope.contract.report import Report, SpectrumSample, Tokens

OVERCONFIDENT = 1.2
SURE = 2  # standard errors


@dataclass(frozen=True)
class Kpi:
    """One cell: a term of the glossary and the words for it, a value, a note beside it."""

    term: str
    label: str
    value: str
    note: str = ""


def soft_rank_kpi(report: Report, *, final: bool = False) -> Kpi:
    """Soft rank of the GGN at λ, as a rank out of p."""
    gap, n, p = report.gap, report.data.train.n, report.checkpoint.parameters
    estimate = None if gap is None else gap.estimates.get("soft_rank_ggn")
    if gap is None or estimate is None or estimate.value is None:
        return Kpi("soft_rank", "Soft rank", "—", _no_rank(report, final=final))
    error = None if estimate.standard_error is None else estimate.standard_error * n
    value, spread = with_error(estimate.value * n, error)
    label = f"Soft rank at λ = {level(gap.lambda_)}"
    return Kpi("soft_rank", label, value, f"{spread} of {plural(p, 'direction')}".strip())


def _no_rank(report: Report, *, final: bool) -> str:
    if report.gap is None:
        return absence(report, "gap", final=final)
    return "λ is not known" if report.gap.lambda_ is None else "time was over too early"


def eigenvalue_kpi(report: Report, *, final: bool = False) -> Kpi:
    """λ₁ with its outliers, or between what that of all examples lies."""
    spectrum = report.spectrum
    if spectrum is not None and spectrum.sample is not None and spectrum.eigenvalues:
        return _sampled_eigenvalue(report, spectrum.sample, spectrum.eigenvalues[0])
    if spectrum is None or not spectrum.eigenvalues:
        look = report.first_look
        if look is not None and look.lambda_1 is not None:
            value, note = first_look_words(look, look.lambda_1)
            return Kpi("lambda_1", "Largest curvature λ₁", value, note)
        note = absence(report, "spectrum", final=final)
        return Kpi("lambda_1", "Largest curvature λ₁", "—", note)
    note = plural(spectrum.outliers.by_ratio.count, "outlier")
    if not (bool(spectrum.converged) and spectrum.converged[0]):
        note = "not converged"
    return Kpi("lambda_1", "Largest curvature λ₁", number(spectrum.eigenvalues[0]), note)


def _sampled_eigenvalue(report: Report, sample: SpectrumSample, top: float) -> Kpi:
    """From v₁ᵀHv₁ on all examples to the sample's λ₁, which is too large on average; or what the
    first look found, where that knows it better."""
    found, look = sample.on_all[0], report.first_look
    high = top if found.value is None else max(top, found.value)
    low = (found.value or 0.0) - SURE * (found.standard_error or 0.0)
    first = None if look is None or look.needed else look.lambda_1
    if look is not None and first is not None and first.high - first.low < top - low:
        value, note = first_look_words(look, first)
        return Kpi("lambda_1", "Largest curvature λ₁", value, note)
    of = f"of all {plural(sample.total, 'example')}, from a sample of {count(sample.examples)}"
    return Kpi("lambda_1", "Largest curvature λ₁", f"{number(low)} to {number(high)}", of)


def perplexity_kpi(tokens: Tokens, accuracy: float | None) -> Kpi:
    """exp of the loss a token, on training and test data."""
    notes = [] if accuracy is None else [f"{percent(accuracy)} of tokens right"]
    if tokens.test_perplexity is not None:
        notes.insert(0, f"test {number(tokens.test_perplexity)}")
    return Kpi("perplexity", "Perplexity", number(tokens.perplexity), "; ".join(notes))


def margin_kpi(report: Report, *, final: bool = False) -> Kpi:
    """The closest crossing with the certified bound below it, the median, what is not in them.

    Of a language model, which has none, its perplexity.
    """
    if report.tokens is not None:
        return perplexity_kpi(report.tokens, report.data.train.accuracy)
    margins = report.margins
    if margins is None or margins.l2.smallest.upper is None:
        note = "none reached" if margins else absence(report, "margins", final=final)
        return Kpi("margin", "Closest crossing", "—", note)
    found = margins.l2
    lower = number(found.smallest.lower)
    notes = [f"at least {lower}" if found.smallest.lower is not None else "not bounded below"]
    if found.smallest.width == "useless":
        notes = [f"no useful lower bound ({lower})"]
    median = f"median {number(found.median.upper)}"
    if found.searched is not None:
        error = found.median_standard_error
        median += "" if error is None else f" ± {number(error, 1)}"
        notes.append(f"{found.searched} of {report.data.train.n} examples searched")
    value = f"≤ {number(found.smallest.upper)}"
    return Kpi("margin", "Closest crossing", value, "; ".join((median, *notes)))


def calibration_kpi(report: Report, *, final: bool = False) -> Kpi:
    """What leave-one-out outputs say of the confidence; on training data where it is all."""
    gap = report.gap
    if gap is None:
        why = absence(report, "gap", final=final)
        return Kpi("temperature", "Temperature held out", "—", why)
    found = gap.diagnostics
    if found.t_alo is not None:
        value = temperature(found.t_alo)
        return Kpi("temperature", "Temperature held out", value, _confidence(found.t_alo))
    if found.ece_15 is None:
        return Kpi("calibration", "Calibration error", "—", "not a classifier")
    note = "on the training examples only"
    return Kpi("calibration", "Calibration error", number(found.ece_15), note)


def _confidence(temperature: float) -> str:
    """What a leave-one-out temperature T says: above 1, held-out outputs are too sure."""
    if temperature > OVERCONFIDENT:
        return "over-confident"
    return "under-confident" if temperature < 1 / OVERCONFIDENT else "honest (0.83 to 1.2)"


MAKERS = (eigenvalue_kpi, soft_rank_kpi, margin_kpi, calibration_kpi)


def kpi_strip(report: Report, *, final: bool = False) -> html.Dl:
    """Two by two."""
    return html.Dl([_cell(make(report, final=final)) for make in MAKERS], className="kpis")


def _cell(kpi: Kpi) -> html.Div:
    value = [html.Span(kpi.value, className="kpi-value"), html.Span(kpi.note, className="kpi-note")]
    return html.Div([html.Dt(term(kpi.term, kpi.label)), html.Dd(value)], className="kpi")
