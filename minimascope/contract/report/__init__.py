"""The report of one analysis: the document every room agrees on, a file a section."""

from minimascope.contract.report.boundary import (
    Boundary,
    ClassSubset,
    Epsilon,
    FlipRates,
    Flips,
    GCurve,
    Rescaled,
)
from minimascope.contract.report.checkpoint import CheckpointSummary
from minimascope.contract.report.cross_validation import CrossValidation
from minimascope.contract.report.data import DataSummary, SplitSummary
from minimascope.contract.report.document import (
    ESTIMATOR_VERSION,
    NEEDS_SPECTRUM,
    SCHEMA_VERSION,
    STAGES,
    Failure,
    Report,
    Stage,
)
from minimascope.contract.report.gap import (
    Check,
    Coverage,
    Gap,
    GapCurves,
    GapDiagnostics,
    GapPlan,
    Headline,
    Lies,
    Verdict,
)
from minimascope.contract.report.margins import (
    Bracket,
    ClosestCrossings,
    EigenvectorMargin,
    Margins,
    PairMargin,
    PointMargin,
)
from minimascope.contract.report.minimum import MinimumSummary
from minimascope.contract.report.objective import Finding, ObjectiveSummary, PenaltyGroup
from minimascope.contract.report.sections import Estimate, Section
from minimascope.contract.report.spectrum import (
    Counts,
    Density,
    FirstLook,
    GapOutliers,
    Interval,
    LayerBlock,
    Outliers,
    RatioOutliers,
    Spectrum,
    SpectrumPlan,
    SpectrumSample,
)
from minimascope.contract.report.taken import TakenFile, TakenPart
from minimascope.contract.report.tokens import Flip, FlipsAlong, ShownSequence, Tokens

__all__ = [
    "ESTIMATOR_VERSION",
    "NEEDS_SPECTRUM",
    "SCHEMA_VERSION",
    "STAGES",
    "Boundary",
    "Bracket",
    "Check",
    "CheckpointSummary",
    "ClassSubset",
    "ClosestCrossings",
    "Counts",
    "Coverage",
    "CrossValidation",
    "DataSummary",
    "Density",
    "EigenvectorMargin",
    "Epsilon",
    "Estimate",
    "Failure",
    "Finding",
    "FirstLook",
    "Flip",
    "FlipRates",
    "Flips",
    "FlipsAlong",
    "GCurve",
    "Gap",
    "GapCurves",
    "GapDiagnostics",
    "GapOutliers",
    "GapPlan",
    "Headline",
    "Interval",
    "LayerBlock",
    "Lies",
    "Margins",
    "MinimumSummary",
    "ObjectiveSummary",
    "Outliers",
    "PairMargin",
    "PenaltyGroup",
    "PointMargin",
    "RatioOutliers",
    "Report",
    "Rescaled",
    "Section",
    "ShownSequence",
    "Spectrum",
    "SpectrumPlan",
    "SpectrumSample",
    "SplitSummary",
    "Stage",
    "TakenFile",
    "TakenPart",
    "Tokens",
    "Verdict",
]
