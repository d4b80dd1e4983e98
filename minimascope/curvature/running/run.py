"""How a long computation is run, and what it may take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from minimascope.curvature.running.clock import Progress, silent


@dataclass(frozen=True)
class Run:
    """Its random stream, who hears how far it is, and the file from which a killed one goes on."""

    seed: int = 0
    progress: Progress = silent
    state_path: Path | None = None
