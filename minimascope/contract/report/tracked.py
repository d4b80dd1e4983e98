"""What was measured along training (`minimascope.track`) at one step, on a fixed sample."""

from __future__ import annotations

from minimascope.contract.report.sections import Section


class Tracked(Section):
    """Numbers of the same `examples` of the `total` at each step; null for what does not apply.

    lr              the largest of the optimiser's groups
    sharpness       λ₁ of what the optimiser's steps see: weight decay counts, Adam's metric too.
                    A sample's is above that of all examples on average
    sharpness_least the curvature along the same direction on other examples, which is below it on
                    average; null where all examples are in the sample
    limit           where such steps stop being stable (`limit_words`), in the same units
    soft_rank       Σ e/(e + `soft_rank_at`) over the GGN's eigenvalues e in the optimiser's metric
    gap             test minus training loss of the samples, nats, with its error
    gap_expected    soft rank over the number of training examples, nats: its size, no estimate of
                    the quality of `minimascope.analyze`
    margin          median of first-order distances to the boundary of points on the right side
    g               share of eigenvectors known to reach `epsilon`: at least so many
    aligned         share of the gradients' energy in the known eigenvectors
    overhead        seconds of measuring over seconds of training so far
    """

    step: int
    examples: int
    total: int
    lr: float | None = None
    sharpness: float | None = None
    sharpness_least: float | None = None
    limit: float | None = None
    limit_words: str = ""
    soft_rank: float | None = None
    soft_rank_error: float | None = None
    soft_rank_at: float | None = None
    gap: float | None = None
    gap_error: float | None = None
    gap_expected: float | None = None
    margin: float | None = None
    smallest_margin: float | None = None
    g: float | None = None
    epsilon: float | None = None
    aligned: float | None = None
    overhead: float | None = None
