"""Why a report lacks what a stage finds: to come, left out, not asked for, without meaning here."""

from __future__ import annotations

from minimascope.contract.report import Report, Stage
from minimascope.contract.report.sentences import is_left_out

PENDING = "not computed yet"
UNASKED = "not asked for"
INAPPLICABLE = "does not apply"
FAILED = "could not be computed"
OUT_OF_TIME = "not reached in time"
LEFT_OUT = "left out, as said"


def absence(report: Report, stage: Stage, *, final: bool) -> str:
    """In two or three words; `final`: nothing of the report will change."""
    for failure in report.failures:
        if failure.stage == stage:
            if failure.code == "out_of_time":
                return OUT_OF_TIME
            return INAPPLICABLE if failure.inapplicable else FAILED
    if is_left_out(report.warnings, stage):
        return LEFT_OUT
    if stage == "boundary" and report.tokens is not None and report.tokens.flips:
        return INAPPLICABLE  # of a language model that stage finds flips
    return UNASKED if final else PENDING


def headline(report: Report, stage: Stage, *, final: bool) -> str:
    """The same as a sentence of its own."""
    return f"{absence(report, stage, final=final).capitalize()}."
