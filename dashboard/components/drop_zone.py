"""A place to drop one file, on the list and on the upload page."""

from __future__ import annotations

from dash import html

from dashboard.components import ids

CHECKPOINTS = ".safetensors, .pt, .pth, .ckpt, .bin, .pt2, .zip"


def drop_zone(identifier: str, words: str, hint: str, accept: str) -> html.Div:
    """A place for one file; `upload/drops.mjs` sends it and shows real progress."""
    return html.Div(
        [
            html.Div(
                [
                    html.Span(words, className="drop-words"),
                    html.Span(hint, className="drop-hint"),
                ],
                className="drop-idle",
            ),
            html.Div(className="drop-live", role="status", **{"aria-live": "polite"}),
        ],
        id=ids.drop(identifier),
        className="drop",
        tabIndex=0,
        role="button",
        **{
            "data-upload": identifier,
            "data-accept": accept,
        },
    )


def checkpoint_zone() -> html.Div:
    """The zone for a checkpoint; on the list a drop leads to the upload page."""
    words = "Drop a checkpoint here, or choose a file"
    return drop_zone("checkpoint", words, CHECKPOINTS, CHECKPOINTS.replace(" ", ""))


def described(identifier: str, zone: html.Div) -> html.Div:
    """A zone and, below it, what the inspection finds; `upload/found.mjs` fills it in."""
    found = html.Div(id=ids.found(identifier), className="found")
    earlier = html.Details(
        [
            html.Summary("or choose an earlier upload", className="tool"),
            html.Div(className="menu-items"),
        ],
        className="menu earlier",
        **{"data-earlier": identifier},
    )
    return html.Div([zone, earlier, found], className="described")
