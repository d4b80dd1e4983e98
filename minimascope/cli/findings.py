"""What a finished report says, in a few lines: the gap and its verdict, what was told, numbers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

    from minimascope.contract.report import CrossValidation, Estimate, Gap, Report
from minimascope.cli.model_options import options_of

Row = tuple[str, str]
STYLES = {"reliable": "bold green", "uncertain": "bold yellow", "no_estimate": "bold red"}


def show(report: Report) -> None:
    """On standard output; plain text where that is no terminal."""
    from rich.text import Text

    from minimascope.cli.terminal import console

    out = console()
    if report.gap is not None:
        for line in verdict_lines(report.gap):
            out.print(line, soft_wrap=True)
    for name, words in rows(report):
        out.print(Text.assemble((f"{name:17}", "dim"), words), soft_wrap=True)


def verdict_lines(gap: Gap) -> Iterator[Text]:
    """The sentence to read first, the verdict with its reason, and what did not pass."""
    from rich.text import Text

    from minimascope.contract.report import sentences

    yield Text(f"{sentences.expected(gap)} {sentences.at_least(gap)}".rstrip(), "bold")
    words = gap.verdict.replace("_", " ").capitalize()
    yield Text.assemble((words, STYLES[gap.verdict]), f": {_sentence(gap.reason)}")
    for said in (sentences.measured(gap), sentences.coverage(gap)):
        if said:
            yield Text(said)
    for check in gap.checks:
        if not check.passed:
            yield Text(f"{'?' if check.passed is None else '!'} {check.sentence}", "dim")


def show_failures(report: Report) -> None:
    """What could not be computed, on standard error: a stage a line."""
    for failure in report.failures:
        line = f"{failure.stage}: {failure.sentence} {failure.advice}"
        print(line.rstrip(), file=sys.stderr)


def rows(report: Report) -> Iterator[Row]:
    """Name and value with its error of every key number that the report has."""
    yield from _objective(report)
    yield from _gap(report)
    yield from _folds(report)
    yield from _minimum(report)
    yield from _spectrum(report)
    yield from _margins(report)


def _objective(report: Report) -> Iterator[Row]:
    from minimascope.contract.report import sentences

    if report.objective is not None:
        yield from sentences.told(report.objective)
        if report.objective.read:
            yield "from the files", report.objective.read
        if report.objective.checked:
            yield "objective", report.objective.checked
        for each in report.objective.findings:
            yield "found", each.sentence
            if each.flags:
                yield "analyse so", options_of(each.flags)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def with_error(value: float, error: float | None) -> str:
    """Value and standard error, each to digits that mean something."""
    return f"{value:.4g}" if error is None else f"{value:.4g} ± {error:.2g}"


def _estimate(estimate: Estimate | None, factor: float = 1.0) -> str | None:
    if estimate is None or estimate.value is None:
        return None
    error = estimate.standard_error
    return with_error(factor * estimate.value, None if error is None else factor * error)


def _gap(report: Report) -> Iterator[Row]:
    gap = report.gap
    if gap is None:
        return
    found = gap.headline
    if found is None:
        yield "gap", "no estimate"
    else:
        ends = f"50%: {_ends(found.half)}; 90%: {_ends(found.ninety)}"
        yield "gap", f"{found.value:.3g} nats ({ends})"
    if measured := _estimate(gap.measured):
        yield "gap measured", f"{measured} nats on the test data"
    yield from _soft_rank(report, gap)


def _folds(report: Report) -> Iterator[Row]:
    """K-fold as the user measured it; where nothing is promised without it, the offer."""
    from minimascope.contract.report.cross_validation import OFFER, offered

    if report.cross_validation is not None:
        yield "gap by K-fold", cross_validated(report.cross_validation)
    elif offered(report.gap):
        yield "gap by K-fold", f"not measured. {OFFER}"


def cross_validated(found: CrossValidation) -> str:
    """The gap with its error, what it is of, and what is left of it with all examples."""
    said = f"{with_error(found.gap, found.standard_error)} from {found.k} folds of {found.n:,}"
    said += " examples, by your own training"
    if found.gap_at_n is not None:
        said += f"; about {found.gap_at_n:.4g} with all of them"
    return said


def _ends(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.3g} to {interval[1]:.3g}"


def _soft_rank(report: Report, gap: Gap) -> Iterator[Row]:
    n = report.data.train.n
    if found := _estimate(gap.estimates.get("soft_rank_ggn"), n):
        yield "soft rank", f"{found} of {report.checkpoint.parameters:,} parameters"


def _minimum(report: Report) -> Iterator[Row]:
    minimum = report.minimum
    if minimum is None:
        return
    if minimum.lambda_eff is None:
        yield "λ_eff", minimum.lambda_source or "unknown"
    else:
        yield "λ_eff", f"{minimum.lambda_eff:.4g}"


def _spectrum(report: Report) -> Iterator[Row]:
    spectrum = report.spectrum
    if spectrum is None or not spectrum.eigenvalues:
        return
    largest = spectrum.eigenvalues[0]
    sample = spectrum.sample
    of = f", of {sample.examples:,} of {sample.total:,} examples" if sample else ""
    yield "λ₁", with_error(largest, abs(largest) * spectrum.residuals[0]) + of


def _margins(report: Report) -> Iterator[Row]:
    if report.margins is None or report.margins.l2.smallest.upper is None:
        return
    found = report.margins.l2
    where = "" if found.argmin is None else f", training row {found.argmin}"
    words = found.smallest.words(lambda value: f"{value:.4g}")
    yield "smallest margin", f"{words} (ℓ₂{where})"
    if found.misclassified:
        yield "misclassified", f"{found.misclassified:,} training points, in no margin above"
