"""The spectrum in a report: eigenpairs, density, layer blocks, outliers, the plan they had."""

from __future__ import annotations

import math

from minimascope.contract.report.sections import Estimate, Flags, Numbers, Section


class RatioOutliers(Section):
    q: float
    count: int


class GapOutliers(Section):
    count: int


class Outliers(Section):
    by_ratio: RatioOutliers
    by_gap: GapOutliers


class Density(Section):
    """Spectral density on `grid` (unit mass over all p eigenvalues), with its error over probes."""

    grid: Numbers
    mean: Numbers
    standard_error: Numbers
    sigma: float | None = None
    probes: int | None = None
    method: str | None = None


EVERY_KNOWN = "every nonzero eigenvalue is known"  # a source of `Counts`


class Counts(Section):
    """Eigenvalues above each absolute `threshold`, which are 10^(j/16) in every report.

    `standard_error` of a count (over probes, with what they cannot tell apart), null where it is
    exact; `source` in words. Above the last threshold there is none, below the first nothing is
    said.
    """

    threshold: list[float]
    count: list[float]
    standard_error: list[float | None]
    source: str

    def above(self, threshold: float) -> tuple[float, float | None] | None:
        """Count and its error at the shared threshold nearest to one; None where not known."""
        if not self.threshold or threshold > self.threshold[-1]:
            return (0.0, None) if self.threshold else None
        place = min(
            range(len(self.threshold)),
            key=lambda i: abs(math.log(self.threshold[i] / threshold)),
        )
        if place == 0 and threshold < 0.95 * self.threshold[0]:
            return None
        return self.count[place], self.standard_error[place]


class SpectrumPlan(Section):
    """What was predicted before the spectrum was computed, against what it then took.

    `seconds` is wall time; `peak_bytes` is on top of network and data, `actual_peak_bytes` the
    growth of the process's resident memory (null where the system does not say it). Ranges are
    what 9 of 10 networks stay within.
    """

    route: str
    products: int
    products_limit: int
    seconds: float
    peak_bytes: int
    products_range: tuple[int, int] | None = None
    seconds_range: tuple[float, float] | None = None
    actual_products: int | None = None
    actual_seconds: float | None = None
    actual_peak_bytes: int | None = None


class LayerBlock(Section):
    """Top eigenpairs and trace of one layer's diagonal block of H.

    Residuals are ‖Bv − λv‖ over the largest |eigenvalue| of the block B itself; eigenvalues are
    left out where they would take too long.
    """

    layer: str
    parameters: int
    eigenvalues: Numbers
    residuals: Numbers
    trace: Estimate


class SpectrumSample(Section):
    """The spectrum is that of `examples` of the `total`; what its directions are on all of them.

    `on_all[k]` is vᵀHv of the k-th eigenvector over all examples, estimated on `held_out` of those
    not drawn. For the first it is at most λ₁ of all, which the sample's λ₁ exceeds on average.
    """

    examples: int
    total: int
    held_out: int
    on_all: list[Estimate]


class Interval(Section):
    """A value and the ends of its 95% interval."""

    value: float
    low: float
    high: float


class FirstLook(Section):
    """tr H and λ₁ of all `total` examples from growing random samples, where there was a budget.

    `examples` had products of their own, `seen` of them are in the trace; `seconds` since the
    start. With all examples seen the trace's interval is that of its probes alone. `needed`: so
    many examples at least make λ₁ of a sample more than its trace over their number; null where
    there are as many, and only then is its value worth a number.
    """

    examples: int
    seen: int
    total: int
    trace: Interval
    lambda_1: Interval | None
    seconds: float
    needed: int | None = None


class Spectrum(Section):
    """Top eigenpairs of H; residual is ‖Hv − λv‖/|λ₁|, recomputed with one extra product.

    With a `sample`, H is the Hessian of the examples drawn, and no error of any number here
    contains that of drawing them; null where all were used.
    """

    eigenvalues: Numbers
    residuals: Numbers
    converged: Flags
    lambda_min: float | None
    trace: Estimate
    method: str
    outliers: Outliers
    layer_mass: list[list[float]]
    layer_names: list[str] = []
    density: Density | None = None
    counts: Counts | None = None
    products: int | None = None
    plan: SpectrumPlan | None = None
    layer_blocks: list[LayerBlock] = []
    sample: SpectrumSample | None = None
