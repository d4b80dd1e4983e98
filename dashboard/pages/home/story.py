"""The story above the list: two minima of one data set, and a slider between them."""

from __future__ import annotations

from dash import dcc, html

from dashboard.components import ids

CURVE = "Training and test loss on the straight line between the two minima."
MAP = "Decision regions of the network at the slider's place on the line, with the training data."


def story() -> html.Section:
    """Filled in by `home/story.mjs`; heights are fixed before it arrives."""
    slider = html.Div(
        dcc.Input(id=ids.STORY_SLIDER, type="range", min=0, max=80, step=1, value=0),
        className="story-slider",
    )
    ends = html.Div(
        [
            html.Span([html.B("A "), html.Span(className="story-end")]),
            html.Button("Walk from A to B", id=ids.STORY_WALK, className="button"),
            html.Span([html.B("B "), html.Span(className="story-end")]),
        ],
        className="story-ends",
    )
    words = html.Div(
        [
            html.H1("What kind of minimum did training find?"),
            html.P(id=ids.STORY_SAID, className="story-said", role="status"),
            html.Div(className="story-curve", role="img", **{"aria-label": CURVE}),
            slider,
            ends,
        ],
        className="story-words",
    )
    plane = html.Div(
        [
            html.Div(className="story-map", role="img", **{"aria-label": MAP}),
            html.P(className="hint story-legend"),
        ]
    )
    return html.Section([words, plane], id=ids.STORY, className="story")
