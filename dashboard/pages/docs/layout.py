"""The glossary as a page: each term with its sentence, unit and direction, at an address."""

from __future__ import annotations

from typing import Any

from dash import html

from minimascope.contract.glossary import TERMS, Term
from minimascope.contract.report import measures


def layout(**_: Any) -> html.Div:
    """Terms first, then what the measures say and do not say."""
    terms = [part for key, each in TERMS.items() for part in _entry(key, each)]
    said = [
        part
        for each in measures.EVERY
        for part in (html.Dt(each.name), html.Dd([html.P(each.says), html.P(each.not_says)]))
    ]
    return html.Div(
        [
            html.H1("Terms"),
            html.P(
                [
                    "How to use all of it, and how far to trust it: the ",
                    html.A("guide", href="/docs/guide/"),
                    ". Scripts talk to the ",
                    html.A("REST API", href="/api/v1/docs"),
                    ".",
                ]
            ),
            html.P(
                "Below, each term in one sentence, as on every page and on the command line.",
                className="lead",
            ),
            html.Dl(terms, className="glossary"),
            html.H2("What a measure says of generalization, and what it does not"),
            html.Dl(said, className="glossary"),
        ],
        className="page page-narrow page-docs",
    )


def _entry(key: str, each: Term) -> tuple[html.Dt, html.Dd]:
    more = [("Unit", each.unit), ("Better", each.better)]
    rest = [html.P(f"{words}: {value}.", className="hint") for words, value in more if value]
    return html.Dt(each.name, id=key), html.Dd([html.P(each.sentence), *rest])
