"""States every page shares: an error in one sentence with advice, an empty panel, progress."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from minimascope.contract.problems import ProblemError


def refusal(problem: ProblemError, *, of: str = "") -> html.Div:
    """A refusal where it happened: what is wrong, then what to do; `of`: its field."""
    about: dict[str, Any] = {"data-of": of} if of else {}
    return html.Div(
        [html.P(problem.sentence, className="notice-lead"), html.P(problem.advice)],
        className="notice notice-bad",
        role="alert",
        **about,
    )


def missing(title: str, problem: ProblemError) -> html.Div:
    """A page whose subject does not exist or cannot be read."""
    return html.Div(
        [
            html.H1(title),
            html.P(problem.sentence, className="lead"),
            html.P(problem.advice),
            dcc.Link("See all minima", href="/", className="button"),
        ],
        className="page page-narrow",
    )


def remark(*children: Any, tone: str = "plain") -> html.Div:
    """A quiet note beside the numbers; tone is plain, bad or warn."""
    return html.Div(list(children), className=f"notice notice-{tone}")


def skeleton(lines: int = 4) -> html.Div:
    """Fixed-height placeholder rows."""
    rows = [html.Div(className="skeleton-row") for _ in range(lines)]
    return html.Div(rows, className="skeleton", **{"aria-hidden": "true"})


def elsewhere(path: str) -> html.Div:
    """In place of a page that has nothing to show yet: the one that has."""
    return html.Div(
        [
            dcc.Store(id="elsewhere", data=path),
            dcc.Link("Go on", href=path, className="button"),
        ],
        className="page page-narrow",
    )
