"""One of several (a radio group, a native select) or some; `page/choice.mjs` keeps the store."""

from __future__ import annotations

from collections.abc import Mapping

from dash import dcc, html

from dashboard.components import ids


def radio(identifier: str, options: Mapping[str, str], value: str, *, label: str) -> html.Div:
    """Buttons as an ARIA radio group; the chosen key is in the store `identifier`.

    With `value` "" nothing is chosen yet, and the keyboard reaches the group at its first button.
    """
    reached = value or next(iter(options))
    buttons = [
        html.Button(
            words,
            role="radio",
            className="radio",
            tabIndex=0 if key == reached else -1,
            **{"data-value": key, "aria-checked": "true" if key == value else "false"},
        )
        for key, words in options.items()
    ]
    group = html.Div(
        buttons,
        className="choice",
        role="radiogroup",
        **{"data-choice": identifier, "aria-label": label},
    )
    return html.Div([group, dcc.Store(id=identifier, data=value)])


def several(identifier: str, options: Mapping[str, str], *, label: str) -> html.Div:
    """Buttons that are on or off, all on at first; the store `identifier` lists those that are."""
    buttons = [
        html.Button(words, className="radio", **{"data-value": key, "aria-pressed": "true"})
        for key, words in options.items()
    ]
    group = html.Div(
        buttons,
        className="choice",
        role="group",
        **{"data-several": identifier, "aria-label": label},
    )
    return html.Div([group, dcc.Store(id=identifier, data=list(options))])


def select(identifier: str, options: Mapping[str, str], value: str, *, label: str) -> html.Div:
    """A native select under its label; the chosen key is in the store `identifier`."""
    entries = [
        html.Option(words, value=key, selected="selected" if key == value else None)
        for key, words in options.items()
    ]
    menu = html.Select(entries, id=ids.menu(identifier), **{"data-choice": identifier})
    words = html.Label(label, htmlFor=ids.menu(identifier))
    return html.Div([words, menu, dcc.Store(id=identifier, data=value)], className="select")
