"""The report of one analysis: the document every room agrees on.

Workers write it stage by stage (sections not yet computed are null), the API serves it, the
dashboard draws it, scripts read it. Symbols are defined once, in docs/mathematics.md. Losses and
everything under `gap.estimates` are in nats of mean negative log-likelihood.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from minimascope.contract.report.sections import Estimate, Section
from minimascope.contract.report.spectrum import Outliers, Spectrum

SCHEMA_VERSION = "1"
# Raised with every change that changes a number: results of another version are not reused.
ESTIMATOR_VERSION = "4"

Verdict = Literal[
    "reliable", "uncertain", "lower_bound", "upper_leaning", "no_estimate", "not_a_minimum"
]
Loss = Literal["cross_entropy", "binary", "mse"]
Stage = Literal["spectrum", "density", "gap", "boundary", "margins"]
STAGES: tuple[Stage, ...] = ("spectrum", "density", "gap", "boundary", "margins")
NEEDS_SPECTRUM: frozenset[Stage] = frozenset({"density", "boundary", "margins"})


class CheckpointSummary(Section):
    sha256: str
    format: str
    parameters: int
    architecture: dict[str, object] | None = None
    layers: list[str] = []


class SplitSummary(Section):
    """One data split: `loss` in nats per example, `accuracy` in [0, 1] (null for regression)."""

    n: int
    loss: float
    accuracy: float | None


class DataSummary(Section):
    train: SplitSummary
    test: SplitSummary | None
    classes: int | None
    input_shape: list[int] = []
    class_names: list[str] = []  # by number, where labels were texts


class MinimumSummary(Section):
    """Is this a minimum of L + (λ/2)‖θ‖² at all (docs/mathematics.md, section 3)?"""

    weight_decay: float | None
    lambda_eff: float | None
    lambda_source: str = ""
    gradient_norm: float | None
    regularized_gradient_norm: float | None
    newton_decrement: float | None
    is_minimum: bool | None


class Headline(Section):
    name: str
    value: float
    standard_error: float | None


class GapCurves(Section):
    """Over λ: soft ranks as ranks (not divided by n), TIC and ALO in nats."""

    lambda_: list[float] = Field(alias="lambda")
    soft_rank_ggn: list[float | None]
    soft_rank_hessian_clipped: list[float | None]
    tic_ggn: list[float | None]
    alo_ggn: list[float | None]
    tic_ggn_uncentred: list[float | None] | None = None
    tic_hessian_clipped: list[float | None] | None = None
    tic_hessian_clipped_uncentred: list[float | None] | None = None


class GapDiagnostics(Section):
    t_alo: float | None = None
    tic_over_soft_rank: float | None = None
    max_leverage: float | None = None
    top5_share: float | None = None
    dlog_alo_dlog_lambda: float | None = None
    ece_15: float | None = None
    negative_mass: float | None = None
    gap_scatter: float | None = None
    chance_within_2: float | None = None


class GapPlan(Section):
    """Wall seconds planned for the sweep over λ and taken; GGN products of a matrix-free one."""

    seconds: float
    actual_seconds: float
    actual_products: int | None = None


class Gap(Section):
    """Estimates of the generalization gap (test − train mean NLL), and whether to believe them."""

    lambda_: float | None = Field(alias="lambda")
    headline: Headline | None
    verdict: Verdict
    reason: str
    estimates: dict[str, Estimate]
    curves: GapCurves
    measured: Estimate | None
    diagnostics: GapDiagnostics
    baselines: dict[str, float | None]
    route: str = ""
    route_reason: str = ""
    plan: GapPlan | None = None


class Epsilon(Section):
    """Threshold for |A|: read from ≥ 100 random unit vectors, or given; `spread` is its s.d."""

    value: float
    spread: float | None
    source: str


class GCurve(Section):
    """count = known eigenvectors with max |A| ≥ ε, g = count/p.

    `count_outside`: no basis of the space outside the known eigenvectors holds more that do.
    """

    epsilon: list[float]
    count: list[int]
    g: list[float]
    count_outside: list[int] | None = None


class FlipRates(Section):
    """Sign-flip rates of A_k over slice edges that cross a boundary and that do not.

    `strong` counts only edges with |A_k| > 0.1 on both sides; null where there is no such edge.
    """

    cross: float | None
    inside: float | None
    strong_cross: float | None
    strong_inside: float | None


class Flips(Section):
    per_vector: list[FlipRates]
    random_control: FlipRates | None


class ClassSubset(Section):
    """Complexity over the training points of some classes, and the Hessian of their mean loss.

    count, g and n90 use the eigenvectors of the whole Hessian at the report's ε; `eigenvalues`
    are the largest of the Hessian restricted to these points, outliers are counted among them.
    """

    classes: list[int]
    n: int
    count: int
    count_outside: int
    g: float
    n90: int | None
    eigenvalues: list[float] = []
    converged: bool | None = None
    outliers: Outliers | None = None
    trace: Estimate | None = None


class Rescaled(Section):
    """Measures after `layer` was multiplied by `factor` and the next layer's weights divided by it.

    The function, its margins and its test accuracy are the same to rounding; `g` counts at the
    report's ε.
    """

    factor: float
    layer: str
    next_layer: str
    lambda_max: float
    trace: float
    parameter_norm: float
    g: float
    count_outside: int
    n90: int | None


class Boundary(Section):
    """Complexity and sign flips (docs/mathematics.md, section 4).

    G lies in [g_at_epsilon, g_at_epsilon + count_outside/p]. `explained[k]`: share of the drawn
    boundary on which at least one of v₁..v_{k+1} flips strongly; `plane` says what is drawn;
    `walked`: how many training points the walks' losses are of, null where all.
    """

    epsilon: Epsilon
    g_at_epsilon: float
    g_curve: GCurve
    n90: int | None
    vectors_known: int
    energy_outside: float
    zeroed_points: int
    flips: Flips | None
    count_outside: int | None = None
    n90_at_least: int | None = None
    explained: list[float | None] = []
    plane: str | None = None
    slice_underflowed: int | None = None
    walked: int | None = None
    subsets: list[ClassSubset] = []
    rescaled: list[Rescaled] = []


class PairMargin(Section):
    """Smallest margin over points of class `own` whose boundary point found is of `beyond`."""

    own: int
    beyond: int
    min: float


class PointMargin(Section):
    """One training point (its row) with its margin and the class beyond the boundary."""

    point: int
    margin: float
    own: int
    beyond: int


class CertifiedMargins(Section):
    """Distance to a verified boundary point: an upper bound on each true margin.

    `smallest`: the points of smallest margin, ascending; `searched`: how many points were, null
    where all, and then `median_standard_error` is what drawing those leaves open of the median,
    and `min` the smallest of those drawn; `norm` of the distances.
    """

    min: float | None
    median: float | None
    per_class: dict[str, float | None]
    argmin: int | None = None
    unreached: int = 0
    per_pair: list[PairMargin] = []
    smallest: list[PointMargin] = []
    searched: int | None = None
    median_standard_error: float | None = None
    norm: Literal["l2", "linf"] = "l2"


class EigenvectorMargin(Section):
    """Margin estimate of arXiv 2306.07104 for eigenvector k (1-based), with its checks."""

    k: int
    estimate: float | None
    cos2: float | None
    logit_gap: float | None
    moved: float | None
    starts_kept: int


class Margins(Section):
    certified: CertifiedMargins
    eigenvector: list[EigenvectorMargin]
    disagreement: str | None
    certified_linf: CertifiedMargins | None = None


class Failure(Section):
    """A stage that could not be computed: stored and shown, never hidden."""

    stage: str
    code: str
    sentence: str
    advice: str = ""


class Report(Section):
    """Everything one analysis found. JSON Schema: `Report.model_json_schema()`."""

    schema_version: str = SCHEMA_VERSION
    versions: dict[str, str]
    seed: int
    dtype: str
    device: str
    wall_seconds: dict[str, float]
    checkpoint: CheckpointSummary
    data: DataSummary
    loss: Loss = "cross_entropy"
    minimum: MinimumSummary | None = None
    spectrum: Spectrum | None = None
    gap: Gap | None = None
    boundary: Boundary | None = None
    margins: Margins | None = None
    failures: list[Failure] = []
    warnings: list[str] = []
