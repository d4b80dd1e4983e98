"""A result as HTML: a fragment without scripts for notebooks, a page of its own for a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

import numpy as np

from minimascope.contract.glossary import TERMS
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import Report
from minimascope.results import words
from minimascope.results.plots import Plots
from minimascope.results.range_bar import range_bar

# What a notebook shows at once, in this order; a page has all.
FIRST = ("spectrum", "gap", "boundary", "margins", "positions", "token_flips")
TITLES = {
    "spectrum": "Spectrum",
    "gap": "Generalization gap",
    "boundary": "Decision boundary",
    "margins": "Margins",
    "complexity": "Complexity of the boundary",
    "layers": "Layers in the top eigenvectors",
    "blocks": "Layers' own curvature",
    "overlaps": "Overlaps of eigenvectors",
    "coherence": "Coherence of gradients",
    "calibration": "Reliability",
    "data": "Leave-one-out losses",
    "walk": "Walk along eigenvectors",
    "surface": "Loss surface along v₁ and v₂",
    "filmstrip": "Alignment, eigenvector by eigenvector",
    "tokens": "Tokens of the dearest sequences, by loss",
    "token_pull": "The same tokens, by their pull on an eigenvector",
    "token_flips": "Next tokens that change along eigenvectors",
    "positions": "Loss by position",
    "sequences": "Sequences by their hidden states",
}
COLOURS = {"reliable": "#1a7037", "uncertain": "#8f5a00", "no_estimate": "#5b616b"}
# Terms of the glossary by the names of rows.
ROWS = {
    "gap": "gap",
    "gap measured": "measured",
    "soft rank": "soft_rank",
    "λ_eff": "lambda",
    "λ₁": "lambda_1",
    "smallest margin": "margin",
    "perplexity": "perplexity",
}
# Notebooks align cells and headings by rules of their own: a class named twice outweighs them.
STYLE = (
    ".minimascope{font:14px/1.45 Inter,'Helvetica Neue',Arial,sans-serif;color:#1a1c20;"
    "background:#fff;max-width:1100px;padding:.6em}"
    ".minimascope h2{font-size:1.25em;margin:.2em 0}"
    ".minimascope.minimascope h3{font-size:1em;line-height:1.5;margin:.8em 0 0}"
    ".minimascope table{border-collapse:collapse;margin:.6em 0}"
    ".minimascope.minimascope td,.minimascope.minimascope th{"
    "padding:.15em .9em .15em 0;vertical-align:top;"
    "text-align:left;font-weight:400;background:#fff;color:#1a1c20}"
    ".minimascope.minimascope th{color:#5b616b;white-space:nowrap}"
    ".minimascope .figures{display:grid;gap:1em;"
    "grid-template-columns:repeat(auto-fill,minmax(min(100%,460px),1fr))}"
    ".minimascope figure{margin:0;min-width:0;overflow:hidden}"
    ".minimascope .said{color:#5b616b;margin:.15em 0}"
)


def fragment(report: Report, arrays: Mapping[str, np.ndarray]) -> str:
    """Verdict, range bar, key numbers and the first figures as SVG: no script, no file beside."""
    body = [*_words(report), _figures(_static(report, arrays))]
    return f'<div class="minimascope"><style>{STYLE}</style>{"".join(body)}</div>'


def whole(report: Report, arrays: Mapping[str, np.ndarray]) -> str:
    """A page with every figure, Plotly itself included; without scripts the first as SVG.

    Raises ProblemError not_installed without plotly.
    """
    still = "".join(f"<noscript>{each}</noscript>" for each in [_figures(_static(report, arrays))])
    body = [*_words(report), still, _figures(_moving(report, arrays)), _terms()]
    title = escape(f"minimascope: {report.checkpoint.parameters:,} parameters")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>body{{margin:2em auto;max-width:1100px}}{STYLE}</style></head>"
        f'<body><main class="minimascope">{"".join(body)}</main></body></html>'
    )


def _words(report: Report) -> Iterator[str]:
    gap = report.gap
    if gap is not None:
        verdict, reason = words.verdict(gap)
        yield f"<h2>{escape(words.headline(gap))}</h2>"
        yield f'<p><b style="color:{COLOURS[gap.verdict]}">{escape(verdict)}</b>: '
        yield f"{escape(reason)}</p>{range_bar(gap)}"
        yield from (_said(each) for each in [*words.besides(gap), *words.not_passed(gap)])
    rows = (*words.rows(report, words.as_keywords), *words.files(report))
    cells = (f"<tr>{_name(name)}<td>{escape(said)}</td></tr>" for name, said in rows)
    yield f"<table>{''.join(cells)}</table>"
    yield from map(_said, words.failures(report))
    yield from map(_said, report.warnings)


def _name(name: str) -> str:
    """A row's name, which explains itself where the glossary has it."""
    term = ROWS.get(name)
    if term is None:
        return f"<th>{escape(name)}</th>"
    return f'<th title="{escape(TERMS[term].words, quote=True)}">{escape(name)}</th>'


def _terms() -> str:
    """The glossary, folded."""
    rows = (
        f"<tr><th>{escape(each.name)}</th><td>{escape(each.words)}</td></tr>"
        for each in TERMS.values()
    )
    return f"<details><summary>Terms</summary><table>{''.join(rows)}</table></details>"


def _said(sentence: str) -> str:
    return f'<p class="said">{escape(sentence.strip())}</p>'


def _static(report: Report, arrays: Mapping[str, np.ndarray]) -> dict[str, str]:
    """The first figures as SVG; none without plotly, whose figures these are."""
    plots = Plots(report, arrays)
    try:
        names = plots.names()
    except ProblemError:
        return {}
    from minimascope.figures.static import svg

    return {
        name: svg(plots(name), width=520, label=TITLES.get(name, name))
        for name in FIRST
        if name in names
    }


def _moving(report: Report, arrays: Mapping[str, np.ndarray]) -> dict[str, str]:
    plots = Plots(report, arrays)
    names = plots.names()
    from minimascope.figures.interactive import pieces

    order = [*(name for name in FIRST if name in names), *(n for n in names if n not in FIRST)]
    return pieces({name: plots(name) for name in order})


def _figures(drawn: Mapping[str, str]) -> str:
    found = (
        f"<figure><h3>{escape(TITLES.get(name, name.replace('_', ' ')))}</h3>{each}</figure>"
        for name, each in drawn.items()
    )
    return f'<div class="figures">{"".join(found)}</div>'
