"""What is said where spectrum, or all numbers, are of some of the training examples only."""

from __future__ import annotations

from dash import html

from dashboard.components.data_table import table
from dashboard.components.words import count, number, percent, plural, with_error
from minimascope.contract.report import (
    FirstLook,
    Interval,
    Report,
    Spectrum,
    SpectrumSample,
    sentences,
)


def sample_words(report: Report, spectrum: Spectrum, sample: SpectrumSample) -> str:
    """Whose spectrum it is, and between what λ₁ of all examples lies."""
    others = ("gap", "boundary", "margins")
    found = " and ".join(name for name in others if getattr(report, name) is not None)
    whole = f"; {found} see all of them" if found else ""
    first = sample.on_all[0]
    value = " ".join(with_error(first.value, first.standard_error))
    return (
        f"Spectrum, density and layers are those of {count(sample.examples)} of the "
        f"{plural(sample.total, 'training example')}, a random sample"
        f"{whole}. λ₁ of all examples lies between {value}, the curvature of its first "
        f"eigenvector there, and (on average over samples) the sample's, "
        f"{number(spectrum.eigenvalues[0])}."
    )


def first_look_words(look: FirstLook, found: Interval) -> tuple[str, str]:
    """A value, and its interval with what it is from."""
    of = "all" if look.seen == look.total else f"{count(look.seen)} of {count(look.total)}"
    words = f"95%: {number(found.low)} to {number(found.high)}, from {of} examples"
    if found is look.lambda_1 and look.needed:
        return "not known yet", f"{words}; {sentences.few_examples(look)}"
    return number(found.value), words


def budget_words(report: Report) -> list[str]:
    """What a budget of seconds left of the data and of H, a sentence each."""
    said = []
    for name, split in (("training", report.data.train), ("test", report.data.test)):
        if split is not None and split.total is not None:
            loss = " ".join(with_error(split.loss, split.loss_error))
            right = ""
            if split.accuracy is not None:
                right = f", {percent(split.accuracy)} right"
                right += f" (± {percent(split.accuracy_error or 0.0)})"
            said.append(
                f"To stay within the seconds given, {count(split.n)} of "
                f"{plural(split.total, f'{name} example')} were looked at: loss {loss}{right}."
            )
    look = report.first_look
    if look is not None:
        for name, each in (("λ₁", look.lambda_1), ("the trace of H", look.trace)):
            if each is not None:
                said.append(
                    "At first sight {} is {} ({}).".format(name, *first_look_words(look, each))
                )
    return said


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
