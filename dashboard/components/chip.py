"""The verdict as a chip."""

from __future__ import annotations

from dash import html

from dashboard.components.words import TONES, VERDICTS


def verdict_chip(verdict: str | None) -> html.Span | None:
    """The verdict as a shape and a word, never by colour alone."""
    words: dict[str, str] = {**VERDICTS}
    if verdict not in words:
        return None
    return html.Span(words[verdict], className=f"chip {TONES[verdict]}")
