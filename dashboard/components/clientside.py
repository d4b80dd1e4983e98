"""Callbacks that run in the browser: their names, here and in `browser/main.mjs`."""

from __future__ import annotations

from typing import Literal, get_args

from dash import ClientsideFunction

NAMESPACE = "minimascope"
BrowserCallback = Literal[
    "analysis_begins",
    "go_on",
    "plane_arrived",
    "compare_drawn",
    "compare_grid",
    "compare_saved",
    "compare_address",
    "line_near",
    "line_drawn",
    "run_drawn",
    "film_drawn",
    "job_follow",
    "list_arrived",
    "story_begins",
    "upload_next_step",
    "upload_family",
    "upload_told",
    "upload_budget",
    "form_changed",
    "refusal_placed",
    "candidate_chosen",
    "weights_drawn",
]
CALLBACKS: tuple[BrowserCallback, ...] = get_args(BrowserCallback)


def in_browser(name: BrowserCallback) -> ClientsideFunction:
    """The function of that name which `browser/main.mjs` exports for Dash."""
    return ClientsideFunction(NAMESPACE, name)
