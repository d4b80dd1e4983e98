"""The few numbers of a report that a comparison shows."""

from __future__ import annotations

from typing import Any

from minimascope.contract.report import Gap, Report


def _data(report: Report) -> dict[str, Any]:
    train, test = report.data.train, report.data.test
    return {
        "parameters": report.checkpoint.parameters,
        "train_loss": train.loss,
        "train_accuracy": train.accuracy,
        "test_loss": test.loss if test else None,
        "test_accuracy": test.accuracy if test else None,
    }


def _gap(report: Report) -> dict[str, Any]:
    gap = report.gap
    if gap is None:
        return {}
    soft_rank = gap.estimates.get("soft_rank_ggn")
    return {
        "gap_measured": gap.measured.value if gap.measured else None,
        "gap_measured_error": gap.measured.standard_error if gap.measured else None,
        "verdict": gap.verdict,
        "lambda_eff": gap.lambda_,
        "soft_rank_ggn": soft_rank.value if soft_rank else None,
    } | _headline(gap)


def _headline(gap: Gap) -> dict[str, Any]:
    """Where the verdict stands by no number, the one it does not stand by."""
    found = gap.headline
    if found is None:
        return {"gap_not_used": gap.disowned}
    return {
        "gap_estimate": found.value,
        "gap_half": found.half,
        "gap_ninety": found.ninety,
        "gap_lies": found.lies(gap.measured),
    }


def _folds(report: Report) -> dict[str, Any]:
    found = report.cross_validation
    if found is None:
        return {}
    return {"gap_by_folds": found.gap, "gap_by_folds_standard_error": found.standard_error}


def _spectrum(report: Report) -> dict[str, Any]:
    spectrum = report.spectrum
    if spectrum is None:
        return {}
    return {
        "lambda_max": spectrum.eigenvalues[0] if spectrum.eigenvalues else None,
        "trace": spectrum.trace.value,
        "outliers": spectrum.outliers.by_ratio.count,
        "spectrum_examples": spectrum.sample.examples if spectrum.sample else None,
    }


def _geometry(report: Report) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    if report.boundary:
        numbers |= {"g_at_epsilon": report.boundary.g_at_epsilon, "n90": report.boundary.n90}
    if report.margins:
        found = report.margins.l2
        numbers |= {
            "closest_crossing": found.smallest.upper,
            "closest_crossing_lower": found.smallest.lower,
            "median_crossing": found.median.upper,
            "median_crossing_lower": found.median.lower,
            "misclassified": found.misclassified,
        }
    return numbers


def key_numbers(report: Report) -> dict[str, Any]:
    """Fields of `KeyNumbers` that a report has."""
    return _data(report) | _gap(report) | _folds(report) | _spectrum(report) | _geometry(report)
