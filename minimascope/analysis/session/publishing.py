"""What an analysis tells the world while it runs.

A publisher receives every stage, partial report and array as it is finished. The worker's child
process publishes to its supervisor, the command line to its terminal and output files, tests to
a list.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from minimascope.contract.report import Report
from minimascope.contract.schemas import StageState


class Publisher(Protocol):
    def progress(self, stage: str, fraction: float, message: str) -> None:
        """`fraction` in [0, 1] of the whole analysis."""

    def stage(self, stage: str, state: StageState, seconds: float | None) -> None:
        """A stage changed state."""

    def report(self, report: Report) -> None:
        """The report as far as it is known."""

    def array(self, name: str, value: np.ndarray) -> None:
        """A finished array, named as in `minimascope.contract.arrays`."""
