"""What was taken from the files, and what was left, out of the way until it is asked for."""

from __future__ import annotations

from dash import html

from minimascope.contract.report import Report, TakenPart

FILES = {"checkpoint": "Checkpoint", "train": "Training data", "test": "Test data"}


def taken(report: Report) -> html.Details | None:
    """A list a file; nothing for a report that does not say it."""
    if not report.taken:
        return None
    left = sum(not part.taken for file in report.taken for part in file.parts)
    head = "What was taken from your files" + (f": {left} parts were left" if left > 1 else "")
    head += ": one part was left" if left == 1 else ""
    found = [
        part
        for file in report.taken
        for part in (html.H3(FILES[file.file]), html.Ul([_row(each) for each in file.parts]))
    ]
    return html.Details([html.Summary(head), *found], className="why taken")


def _row(part: TakenPart) -> html.Li:
    tone = "" if part.taken else "warn"
    word = "taken" if part.taken else "left"
    return html.Li(
        [html.Span(f"{word}: ", className=tone or "muted"), f"{part.part}: {part.words}"]
    )
