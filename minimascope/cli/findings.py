"""What a finished report says, in a few lines: the gap and its verdict, what was told, numbers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

    from minimascope.contract.report import Gap, Report
from minimascope.cli.model_options import options_of

STYLES = {"reliable": "bold green", "uncertain": "bold yellow", "no_estimate": "bold red"}


def show(report: Report) -> None:
    """On standard output; plain text where that is no terminal."""
    from rich.text import Text

    from minimascope.cli.terminal import console
    from minimascope.results.words import files, rows

    out = console()
    if report.gap is not None:
        for line in verdict_lines(report.gap):
            out.print(line, soft_wrap=True)
    for name, said in (*rows(report, options_of), *files(report)):
        out.print(Text.assemble((f"{name:17}", "dim"), said), soft_wrap=True)
    for said in report.warnings:
        out.print(Text.assemble(("! ", "yellow"), said), soft_wrap=True)


def verdict_lines(gap: Gap) -> Iterator[Text]:
    """The sentence to read first, the verdict with its reason, and what did not pass."""
    from rich.text import Text

    from minimascope.results import words

    yield Text(words.headline(gap), "bold")
    verdict, reason = words.verdict(gap)
    yield Text.assemble((verdict, STYLES[gap.verdict]), f": {reason}")
    yield from map(Text, words.besides(gap))
    for check in words.not_passed(gap):
        yield Text(check, "dim")


def show_failures(report: Report) -> None:
    """What could not be computed, on standard error: a reason a line."""
    from minimascope.results.words import failures

    for line in failures(report):
        print(line, file=sys.stderr)
