"""The checkpoint in a report."""

from __future__ import annotations

from minimascope.contract.report.sections import Section


class CheckpointSummary(Section):
    sha256: str
    format: str
    parameters: int
    architecture: dict[str, object] | None = None
    layers: list[str] = []
