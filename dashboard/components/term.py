"""A term of the glossary in the text: its sentence on hover, focus and tap (`page/terms.mjs`)."""

from __future__ import annotations

from dash import html

from minimascope.contract.glossary import TERMS


def term(key: str, words: str = "") -> html.Button:
    """A dotted word that explains itself; `words` in place of the term's own name."""
    shown = words or TERMS[key].name
    return html.Button(shown, className="term", **{"data-term": key, "aria-expanded": "false"})
