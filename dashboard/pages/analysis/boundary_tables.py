"""Tables of the boundary: complexity by class, rescaling, margins by class, pair and point."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dash import html

from dashboard.components.data_table import table
from dashboard.components.words import count, number, plural, with_error
from dashboard.drawing.class_names import class_name, class_word
from minimascope.contract.report import (
    Boundary,
    Bracket,
    ClassSubset,
    ClosestCrossings,
    Margins,
    PairMargin,
    Rescaled,
)

Row = tuple[Any, ...]
LONG = 12
MOST_PAIRS = 200  # in a table


def complexity_tables(boundary: Boundary, names: Sequence[str] = ()) -> list[Any]:
    """Classes and pairs with the Hessian of their loss; measures under a rescaling."""
    tables: list[Any] = []
    if boundary.subsets:
        head = ("classes", "n", "vectors ≥ ε", "n₉₀", "λ₁", "trace", "> 0.1 λ₁", "by gap")
        rows = [_subset(each, names) for each in boundary.subsets]
        caption = "The same for some classes, and the Hessian of their loss"
        tables.append(_folded(head, rows, caption))
    if boundary.rescaled:
        head = ("factor", "G at ε", "n₉₀", "λ₁", "trace", "‖θ‖")
        tables.append(table(head, [_rescaled(e) for e in boundary.rescaled], _moved(boundary)))
    return tables


def _folded(head: Row, rows: list[Row], caption: str) -> html.Div | html.Details:
    """A table; one longer than a dozen rows opens on demand."""
    whole = table(head, rows, caption)
    if len(rows) <= LONG:
        return whole
    return html.Details([html.Summary(f"{caption} ({len(rows)})"), whole], className="folded")


def _counted(known: int, outside: int | None) -> str:
    """What is known, or from there to what another basis of the unseen space could give."""
    return f"{count(known)}–{count(known + outside)}" if outside else count(known)


def _subset(found: ClassSubset, names: Sequence[str]) -> Row:
    outliers = found.outliers
    by_ratio, by_gap = ("—", "—")
    if outliers is not None:
        by_ratio, by_gap = str(outliers.by_ratio.count), str(outliers.by_gap.count)
    trace = "—"
    if found.trace is not None:
        trace = " ".join(with_error(found.trace.value, found.trace.standard_error)).strip()
    return (
        ", ".join(class_word(names, label) for label in found.classes),
        str(found.n),
        _counted(found.count, found.count_outside),
        "—" if found.n90 is None else str(found.n90),
        number(found.eigenvalues[0] if found.eigenvalues else None),
        trace,
        by_ratio,
        by_gap,
    )


def _rescaled(found: Rescaled) -> Row:
    return (
        f"{found.factor:g}",
        number(found.g),
        "—" if found.n90 is None else str(found.n90),
        number(found.lambda_max),
        number(found.trace),
        number(found.parameter_norm),
    )


def _moved(boundary: Boundary) -> str:
    first = boundary.rescaled[0]
    return (
        f"Layer {first.layer} times a factor, the weights of layer {first.next_layer} divided by "
        "it: the function and its margins stay"
    )


ENDS = ("ℓ₂ at least", "at most", "ℓ∞ at least", "at most")


def margin_tables(margins: Margins, names: Sequence[str] = ()) -> list[Any]:
    """By class in both norms, then by pair of classes."""
    found, other = margins.l2, margins.linf
    rows: list[Row] = [("all", *_ends(found.smallest, other.smallest if other else None))]
    classes = _closest(found.per_class)
    for label, value in classes:
        largest = other.per_class.get(label) if other else None
        rows.append((class_name(names, label), *_ends(value, largest)))
    rows.append(("median", *_ends(found.median, other.median if other else None)))
    caption = "Smallest margins by class"
    if len(classes) < len(found.per_class):
        caption += f", the {len(classes)} smallest of {count(len(found.per_class))}"
    tables: list[Any] = [table(("class", *ENDS), rows, caption)]
    if found.per_pair:
        also = {(pair.own, pair.beyond): pair.margin for pair in (other.per_pair if other else [])}
        pairs: list[Row] = [
            (_pair(names, p.own, p.beyond), *_ends(p.margin, also.get((p.own, p.beyond))))
            for p in _pairs(found.per_pair)
        ]
        caption = "Smallest margins by pair of classes"
        if len(found.per_pair) > MOST_PAIRS:
            caption += f", the {MOST_PAIRS} smallest of {count(len(found.per_pair))}"
        tables.append(_folded(("from → to", *ENDS), pairs, caption))
    return tables


def _closest(per_class: Mapping[str, Bracket]) -> list[tuple[str, Bracket]]:
    """Every class in order, or of many those whose margin is smallest."""
    found = list(per_class.items())
    if len(found) <= LONG:
        return found
    return sorted(found, key=lambda each: each[1].upper or math.inf)[:LONG]


def _pairs(found: Sequence[PairMargin]) -> Sequence[PairMargin]:
    """Every pair in order, or of many those whose margin is smallest."""
    if len(found) <= MOST_PAIRS:
        return found
    return sorted(found, key=lambda each: each.margin.upper or math.inf)[:MOST_PAIRS]


def _ends(*margins: Bracket | None) -> tuple[str, ...]:
    """Both ends of each; a dash where nothing is known."""
    known = [margin or Bracket() for margin in margins]
    return tuple(number(end) for margin in known for end in (margin.lower, margin.upper))


def _bracket(margin: Bracket) -> str:
    return margin.words(number)


def bounded_words(found: ClosestCrossings, n: int) -> list[html.P]:
    """How the lower bounds came about, or why there are none; the points left out."""
    said: list[str] = []
    if found.misclassified:
        wrong = plural(found.misclassified, "training point")
        said.append(f"{wrong} the network gets wrong: a negative margin, in no number here.")
    if found.not_bounded:
        said.append(f"Not bounded below. {found.not_bounded}")
    elif found.method:
        own = "every point" if found.bounded >= n else plural(found.bounded, "point")
        said.append(f"Lower bounds of {own}: {found.method}")
    return [html.P(words, className="hint") for words in said]


def _pair(names: Sequence[str], own: int, beyond: int) -> str:
    return f"{class_word(names, own)} → {class_word(names, beyond)}"


def smallest_points(found: ClosestCrossings, names: Sequence[str] = ()) -> html.Div:
    """The points of smallest margin, each a button that pins it on the map."""
    buttons = [
        html.Button(
            f"{each.point}: {_bracket(each.margin)} ({_pair(names, each.own, each.beyond)})",
            className="tool",
            **{"data-pin": str(each.point), "aria-label": f"Pin point {each.point}"},
        )
        for each in found.nearest
    ]
    if not buttons:
        return html.Div()
    words = html.P("Smallest margins: point, distance, class and class beyond. Click to pin.")
    return html.Div([words, html.Div(buttons, className="tools")])
