"""One analysis under way: what was opened, what is known so far, where it is published."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torch import Tensor

from minimascope.analysis.session.assembly import Opened
from minimascope.analysis.session.publishing import Publisher
from minimascope.analysis.sharing.shards import Alone, Part, Shards
from minimascope.contract.parameters import Parameters
from minimascope.contract.report import Report, Stage
from minimascope.curvature.krylov.slq import ProbeSize
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.spectrum.spectrum import Spectrum


@dataclass
class Session:
    """Mutable on purpose: stages read what earlier ones found and add to the report."""

    opened: Opened
    parameters: Parameters
    publisher: Publisher
    report: Report
    spectrum: Spectrum | None = None
    alignment: Tensor | None = None  # of all points with the top eigenvectors, (k, n)
    curved: Minimum | None = None  # what the spectrum is of, where that is not all examples
    stage: str = ""
    start: float = 0.0
    share: float = 0.0
    unfinished: Path | None = None  # folder of what a killed run goes on from
    shards: Shards = field(default_factory=Alone)
    parts: dict[str, list[Part]] = field(default_factory=dict)
    thrift: dict[str, float] = field(default_factory=dict)  # CPU seconds that a stage may take
    probes: int = ProbeSize().probes  # of the density
    given_up: dict[Stage, float] = field(default_factory=dict)  # for time; wall seconds planned

    def allowed(self, stage: str) -> float:
        """CPU seconds, as counted, that a budget leaves for a stage, of the gap wall seconds; any
        number without one."""
        return self.thrift.get(stage, math.inf)

    def pace(self, stage: str, start: float, share: float) -> None:
        """From now on `progress` fills this share of the whole bar."""
        self.stage, self.start, self.share = stage, start, share
        self.progress(0.0, "")

    def progress(self, fraction: float, message: str) -> None:
        """`fraction` of the current stage."""
        done = min(max(fraction, 0.0), 1.0)
        self.publisher.progress(self.stage, self.start + self.share * done, message)

    def array(self, name: str, value: Tensor | np.ndarray) -> None:
        """Publishes an array, from any device."""
        numbers = value.detach().cpu().numpy() if isinstance(value, Tensor) else value
        self.publisher.array(name, np.ascontiguousarray(numbers))

    @property
    def complete_spectrum(self) -> Spectrum | None:
        """Every eigenpair of the Hessian of all examples, where they are known."""
        found = self.spectrum
        return found if found is not None and found.complete and self.curved is None else None
