"""What an agent can ask of analyses, wherever they are computed: here, or on a server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import Report
from minimascope.contract.schemas import FINAL_STATES, State
from minimascope.results.result import Result, load


@dataclass(frozen=True)
class Order:
    """An analysis that is asked for: paths of files, or what the server calls them."""

    checkpoint: str
    train: str
    test: str | None
    optimizer_state: str | None
    name: str
    parameters: Parameters


@dataclass(frozen=True)
class Standing:
    """How far an analysis is."""

    id: str
    name: str
    state: State
    progress: float = 0.0
    message: str = ""
    problem: Mapping[str, Any] | None = None

    @property
    def ended(self) -> bool:
        return self.state in FINAL_STATES

    def line(self) -> str:
        """One line: id, name, state, and how far or why not."""
        said = self.message
        if self.problem is not None:
            said = ProblemError.from_dict(dict(self.problem)).line()
        done = "" if self.ended else f" {self.progress:.0%}"
        return " ".join(filter(None, (self.id, self.name, f"{self.state}{done}", said)))


class Minima(Protocol):
    """Analyses by their ids. Raises ProblemError no_such_analysis for one that is not there."""

    def submit(self, order: Order) -> Standing:
        """Begins it; ProblemError where a file or a parameter cannot be used."""

    def standing(self, identifier: str) -> Standing:
        """How far it is."""

    def listed(self) -> list[Standing]:
        """Newest first."""

    def report(self, identifier: str) -> Report:
        """Raises ProblemError no_report_yet."""

    def arrays(self, identifier: str) -> Mapping[str, np.ndarray]:
        """Of its report."""

    def data(self, identifier: str) -> tuple[str | None, ...]:
        """What tells its training and test data from others'."""


def result(minima: Minima, identifier: str) -> Result:
    """A finished analysis, or a file that `Result.save` wrote. Raises ProblemError."""
    if Path(identifier).suffix == ".npz":
        return load(identifier)
    return Result(minima.report(identifier), minima.arrays(identifier))


def report(minima: Minima, identifier: str) -> Report:
    """The same without arrays."""
    if Path(identifier).suffix == ".npz":
        return load(identifier).report
    return minima.report(identifier)
