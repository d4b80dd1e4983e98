"""What a report says: sentences of the gap, and a row each for all else, name and value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from minimascope.contract.report import CrossValidation, Estimate, Gap, Report, sentences
from minimascope.contract.report.cross_validation import OFFER, offered

Row = tuple[str, str]
ROUNDING = 1e-9  # of a value: an error below says nothing
Options = Callable[[dict[str, Any]], str]


def headline(gap: Gap) -> str:
    """The sentence to read first."""
    return f"{sentences.expected(gap)} {sentences.at_least(gap)}".rstrip()


def verdict(gap: Gap) -> tuple[str, str]:
    """The verdict in words, and its reason."""
    reason = gap.reason if gap.reason.endswith((".", "!", "?")) else f"{gap.reason}."
    return gap.verdict.replace("_", " ").capitalize(), reason


def besides(gap: Gap) -> list[str]:
    """What was measured, how often such intervals held, what was computed in vain."""
    said = (sentences.measured(gap), sentences.coverage(gap), sentences.not_used(gap))
    return [each for each in said if each]


def not_passed(gap: Gap) -> list[str]:
    """Checks that did not pass, a sentence each."""
    checks = [each for each in gap.checks if not each.passed]
    return [f"{'?' if each.passed is None else '!'} {each.sentence}" for each in checks]


def as_keywords(values: dict[str, Any]) -> str:
    """Parameters as a script gives them."""
    return ", ".join(f"{name}={value!r}" for name, value in values.items())


def rows(report: Report, said_as: Options) -> Iterator[Row]:
    """Name and value with its error of every key number that the report has.

    `said_as` writes parameters as they are given where the rows are read.
    """
    yield from _objective(report, said_as)
    yield from _gap(report)
    yield from _folds(report)
    yield from _minimum(report)
    yield from _sampled(report)
    yield from _spectrum(report)
    yield from _margins(report)
    yield from _tokens(report)


def failures(report: Report) -> list[str]:
    """What could not be computed: each reason once, with every stage that it is the reason of."""
    stages: dict[str, list[str]] = {}
    for each in report.failures:
        stages.setdefault(f"{each.sentence} {each.advice}".rstrip(), []).append(each.stage)
    return [f"{', '.join(names)}: {said}" for said, names in stages.items()]


def files(report: Report) -> Iterator[Row]:
    """What was taken from each file, and what was left."""
    for file in report.taken:
        for taken, name in ((True, "from"), (False, "left:")):
            said = [f"{each.part}: {each.words}" for each in file.parts if each.taken is taken]
            if said:
                yield f"{name} {file.file}", "; ".join(said)


def _objective(report: Report, said_as: Options) -> Iterator[Row]:
    if report.objective is not None:
        yield from sentences.told(report.objective)
        if report.objective.read:
            yield "from the files", report.objective.read
        if report.objective.checked:
            yield "objective", report.objective.checked
        for each in report.objective.findings:
            yield "found", each.sentence
            if each.flags:
                yield "analyse so", said_as(each.flags)


def with_error(value: float, error: float | None) -> str:
    """Value and standard error, each to digits that mean something."""
    if error is None or error <= ROUNDING * abs(value):
        return f"{value:.4g}"
    return f"{value:.4g} ± {error:.2g}"


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


def _sampled(report: Report) -> Iterator[Row]:
    """What a budget left of the data, and the first numbers from growing samples."""
    for name, split in (("training", report.data.train), ("test", report.data.test)):
        if split is not None and split.total is not None:
            said = f"{with_error(split.loss, split.loss_error)} nats"
            if split.accuracy is not None:
                said += f", accuracy {with_error(split.accuracy, split.accuracy_error)}"
            yield f"{name} loss", f"{said}, from {split.n:,} of {split.total:,} examples"
    look = report.first_look
    if look is not None:
        of = f"95%, from {look.seen:,} of {look.total:,} examples"
        for name, each in (("λ₁ at first", look.lambda_1), ("trace at first", look.trace)):
            if each is not None and each is look.lambda_1 and look.needed:
                why = sentences.few_examples(look)
                yield name, f"{each.low:.3g} to {each.high:.3g} ({of}; {why})"
            elif each is not None:
                yield name, f"{each.value:.3g} ({each.low:.3g} to {each.high:.3g}; {of})"


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


def _tokens(report: Report) -> Iterator[Row]:
    """Of a language model: perplexity, the dearest sequences, what flips along v1."""
    found = report.tokens
    if found is None:
        return
    of = f"{found.counted:,} tokens of {found.sequences:,} training sequences"
    if found.perplexity is not None:
        test = (
            "" if found.test_perplexity is None else f"; {found.test_perplexity:.4g} on test data"
        )
        yield "perplexity", f"{found.perplexity:.4g} on {of}{test}"
    dear = [each for each in found.shown if each.cost is not None]
    if dear:
        said = ", ".join(f"{each.row} ({each.cost:.3g} nats)" for each in dear[:3])
        yield "dearest", f"sequences {said}, by what leaving them out costs"
    if found.flips and found.flips[0].share is not None:
        along = found.flips[0]
        yield "flips", f"{along.share:.1%} of next tokens within ε = {along.reach:.3g} along v1"
