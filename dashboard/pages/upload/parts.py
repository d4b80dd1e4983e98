"""What the upload page's steps are made of: fields, groups of buttons, a numbered step."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from dashboard.components.choice import radio, select


def field(
    words: str, control: Any, hint: str = "", *, wide: bool = False, gone: bool = False
) -> html.Div:
    """A label, its control and one line of help."""
    identifier = control.id
    parts: list[Any] = [html.Label(words, htmlFor=identifier), control]
    if hint:
        parts.append(html.Span(hint, className="hint"))
    look = " ".join(["field", *["wide"] * wide, *["gone"] * gone])
    return html.Div(parts, className=look, id=f"{identifier}-field")


def text(identifier: str, *, placeholder: str = "", value: Any = None) -> dcc.Input:
    """A line to type."""
    return dcc.Input(
        id=identifier, type="text", value=value, placeholder=placeholder, className="text"
    )


def group(words: str, identifier: str, options: dict[str, str], value: str, hint: str = "") -> Any:
    """One of several, as buttons over the whole width."""
    parts: list[Any] = [
        html.Span(words, className="group-label"),
        radio(identifier, options, value, label=words),
    ]
    if hint:
        parts.append(html.Span(hint, className="hint"))
    return html.Div(parts, className="field wide", id=f"{identifier}-field")


def chosen(
    words: str, identifier: str, options: dict[str, str], hint: str, *, gone: bool = False
) -> html.Div:
    """One of several, in a menu."""
    menu = select(identifier, options, "", label=words)
    look = "field gone" if gone else "field"
    parts = [menu, html.Span(hint, className="hint")]
    return html.Div(parts, className=look, id=f"{identifier}-field")


def step(count: int, title: str, *children: Any) -> html.Section:
    """A numbered part of the page."""
    head = html.Div(
        [html.Span(str(count), className="step-count"), html.H2(title)], className="step-head"
    )
    return html.Section([head, html.Div(list(children), className="step-body")], className="step")


def folded(words: str, identifier: str, *children: Any) -> html.Details:
    """What few need, out of the way."""
    return html.Details(
        [html.Summary(words), *children], className="folded field wide", id=identifier
    )
