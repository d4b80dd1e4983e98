"""Where an analysis is run again."""

from __future__ import annotations

from minimascope.contract.schemas import ListedAnalysis

FILES = ("checkpoint", "train", "test", "optimizer_state")


def again_address(analysis: ListedAnalysis) -> str:
    """The upload page with its files, and with what was asked for (`upload/again.mjs`)."""
    told = {kind: getattr(analysis, kind) for kind in FILES} | {"again": analysis.id}
    return "/upload?" + "&".join(f"{key}={value}" for key, value in told.items() if value)
