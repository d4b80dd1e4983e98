"""Tabs about tokens: what a language model finds dear, where it is unsure, what flips."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboard.components.data_table import table
from dashboard.components.words import count, number, percent, plural
from dashboard.pages.analysis.panels import vectors
from minimascope.contract.report import Report
from minimascope.figures.tokens import MOST, word

WAITS = "The stage has not finished."


def tokens(report: Report) -> list[Any]:
    """The dearest sequences: words before their tokens, and a table of them."""
    found = report.tokens
    if found is None:
        return [html.P(WAITS)]
    dear = any(each.cost is not None for each in found.shown)
    by = "cost most when they are left out" if dear else "have the highest loss"
    said = (
        f"The first {MOST} tokens of the sequences that {by}, each by its loss: pale is expected, "
        "dark is a surprise. A sequence's cost is the rise of its loss where it is left out, with "
        "its own curvature taken out."
    )
    rows = [(str(each.row), number(each.loss), number(each.cost)) for each in found.shown]
    head = ("sequence", "nats a token", "cost, nats")
    words = [] if found.texts else [_numbers_only()]
    return [html.P(said), *words, table(head, rows, "Dearest sequences")]


def _numbers_only() -> html.P:
    return html.P(
        "Tokens are shown by their numbers: no tokenizer.json or vocab.json lay beside the "
        "weights.",
        className="hint",
    )


def pulls(report: Report) -> list[Any]:
    """The same tokens by how they pull on the chosen eigenvector."""
    known = 0 if report.tokens is None else len(report.tokens.flips)
    return [
        html.P(
            "How fast the loss of each token rises along the chosen eigenvector. Purple tokens are "
            "for a step back, orange ones for a step on; at a minimum they cancel, so these are "
            "the tokens between which that direction decides."
        ),
        *([vectors(known)] if known else []),
    ]


def flips(report: Report) -> list[Any]:
    """Which next tokens change first along each eigenvector."""
    found = report.tokens
    if found is None or not found.flips:
        return [html.P(WAITS)]
    walked = found.sequences if found.walked is None else found.walked
    said = (
        "The weights move by ε along an eigenvector: the share of positions whose likeliest token "
        f"is then another, over {count(walked)} of {plural(found.sequences, 'sequence')}. This is "
        "the decision boundary of a language model, seen from its weights."
    )
    most = [
        (f"v{k + 1}", number(each.reach), percent(each.share)) for k, each in enumerate(found.flips)
    ]
    rows = [
        (
            f"v{k + 1}",
            number(flip.epsilon),
            f"{flip.row}, {flip.position}",
            word(found, flip.before),
            word(found, flip.after),
        )
        for k, each in enumerate(found.flips)
        for flip in each.first[:4]
    ]
    return [
        html.P(said),
        table(("vector", "walked to ε", "tokens that flip"), most, "How many flip"),
        table(("vector", "ε", "sequence, position", "before", "after"), rows, "The first to flip"),
    ]


def positions(report: Report) -> list[Any]:
    """Loss over the place in the sequence."""
    found = report.tokens
    if found is None:
        return [html.P(WAITS)]
    test = () if found.test_perplexity is None else (("on test", number(found.test_perplexity)),)
    rows = [
        ("perplexity", number(found.perplexity)),
        *test,
        ("sequences", count(found.sequences)),
        ("labels that count", count(found.counted)),
        ("longest sequence", count(found.length)),
        ("tokens told apart", count(found.words)),
    ]
    words = html.P(
        "Mean loss of each position with one standard error: early positions have little to go by."
    )
    return [words, table(("measure", "value"), rows, "Tokens")]


def sequences(report: Report) -> list[Any]:
    """Hidden states in the plane."""
    return [
        html.P(
            "Each sequence by the first two principal components of what the last layer is given, "
            "averaged over its positions, coloured by its loss a token."
        )
    ]
