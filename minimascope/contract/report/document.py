"""The report of one analysis: the document every room agrees on.

Workers write it stage by stage (sections not yet computed are null), the API serves it, the
dashboard draws it, scripts read it. Symbols are defined once, in docs/mathematics.md. Losses and
everything under `gap.estimates` are in nats of mean negative log-likelihood.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from minimascope.contract.objective import ReportedLoss
from minimascope.contract.report.boundary import Boundary
from minimascope.contract.report.checkpoint import CheckpointSummary
from minimascope.contract.report.cross_validation import CrossValidation
from minimascope.contract.report.data import DataSummary
from minimascope.contract.report.gap import Gap
from minimascope.contract.report.margins import Margins
from minimascope.contract.report.minimum import MinimumSummary
from minimascope.contract.report.objective import ObjectiveSummary
from minimascope.contract.report.schema_1 import upgraded
from minimascope.contract.report.sections import Section
from minimascope.contract.report.spectrum import FirstLook, Spectrum
from minimascope.contract.report.taken import TakenFile
from minimascope.contract.report.tokens import Tokens
from minimascope.contract.report.tracked import Tracked

SCHEMA_VERSION = "2"
# Raised with every change that changes a number: results of another version are not reused.
ESTIMATOR_VERSION = "9"

Stage = Literal["spectrum", "density", "gap", "boundary", "margins"]
STAGES: tuple[Stage, ...] = ("spectrum", "density", "gap", "boundary", "margins")
NEEDS_SPECTRUM: frozenset[Stage] = frozenset({"density", "boundary", "margins"})
INAPPLICABLE: frozenset[str] = frozenset({"not_computable", "spectrum_missing"})


class Failure(Section):
    """A stage that could not be computed: stored and shown, never hidden."""

    stage: str
    code: str
    sentence: str
    advice: str = ""

    @property
    def inapplicable(self) -> bool:
        """The stage has no meaning for this network or these data: nothing went wrong."""
        return self.code in INAPPLICABLE


class Report(Section):
    """Everything one analysis found. JSON Schema: `Report.model_json_schema()`.

    `wall_seconds` of each stage that has ended; `planned_seconds`: what a worker foresaw for each.
    """

    schema_version: str = SCHEMA_VERSION
    versions: dict[str, str]
    seed: int
    dtype: str
    device: str
    wall_seconds: dict[str, float]
    planned_seconds: dict[str, float] = {}
    checkpoint: CheckpointSummary
    data: DataSummary
    loss: ReportedLoss = "cross_entropy"
    objective: ObjectiveSummary | None = None
    minimum: MinimumSummary | None = None
    first_look: FirstLook | None = None
    spectrum: Spectrum | None = None
    gap: Gap | None = None
    cross_validation: CrossValidation | None = None
    boundary: Boundary | None = None
    margins: Margins | None = None
    tokens: Tokens | None = None
    tracked: Tracked | None = None
    failures: list[Failure] = []
    taken: list[TakenFile] = []
    warnings: list[str] = []

    @model_validator(mode="before")
    @classmethod
    def _of_an_earlier_schema(cls, document: Any) -> Any:
        return upgraded(document)
