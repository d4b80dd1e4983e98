"""Which stage comes when: pictures before what takes long, what others work on last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from minimascope.analysis.session.session import Session
from minimascope.contract.report import Stage

LONG = 10.0  # seconds of a gap that a picture need not wait for


def pictures_first(stages: list[Stage], planned: Mapping[str, float]) -> list[Stage]:
    """The stages with a long gap after the boundary, where that is there sooner."""
    gap, boundary = planned.get("gap", 0.0), planned.get("boundary")
    if boundary is None or gap < max(LONG, boundary):
        return stages
    others: list[Stage] = [stage for stage in stages if stage != "gap"]
    after = others.index("boundary") + 1
    return [*others[:after], "gap", *others[after:]]


def in_turn(session: Session, stages: list[Stage]) -> Iterator[Stage]:
    """The stages in order; one that others are at work on comes when the rest is done."""
    later: list[Stage] = []
    for stage in stages:
        if session.parts.get(stage) and session.shards.elsewhere(stage):
            later.append(stage)
        else:
            yield stage
    yield from later
