"""A report as a short card of plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from minimascope.contract.report import Report
from minimascope.results import words

WIDTH = 88
NAMES = 17


def text(report: Report) -> str:
    """Verdict first, then a row each of what is known; failures and warnings last."""
    return "\n".join([*_verdict(report), *_rows(report), *_ends(report)])


def _verdict(report: Report) -> Iterator[str]:
    if report.gap is None:
        return
    verdict, reason = words.verdict(report.gap)
    said = [words.headline(report.gap), f"{verdict}: {reason}", *words.besides(report.gap)]
    for each in [*said, *words.not_passed(report.gap)]:
        yield from textwrap.wrap(each, WIDTH, subsequent_indent="  ")
    yield ""


def _rows(report: Report) -> Iterator[str]:
    for name, said in (*words.rows(report, words.as_keywords), *words.files(report)):
        yield from textwrap.wrap(
            said,
            WIDTH,
            initial_indent=f"{name:{NAMES}}",
            subsequent_indent=" " * NAMES,
            drop_whitespace=True,
        )


def _ends(report: Report) -> Iterator[str]:
    for each in [*words.failures(report), *report.warnings]:
        yield from textwrap.wrap(f"! {each}", WIDTH, subsequent_indent="  ")
