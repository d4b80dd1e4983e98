"""What every term means, in one sentence: pages, command line and reports all say it so.

A term has a unit, and a direction where more or less of it is better. Symbols are defined in
docs/mathematics.md; what a measure does and does not say of generalization is in `report.measures`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """Its name, one sentence, the unit of its values, and which of them are better."""

    name: str
    sentence: str
    unit: str = ""
    better: str = ""

    @property
    def words(self) -> str:
        """All of it in one line."""
        more = [f"Unit: {self.unit}."] if self.unit else []
        more += [f"Better: {self.better}."] if self.better else []
        return " ".join((self.sentence, *more))


TERMS: dict[str, Term] = {
    "minimum": Term(
        "minimum", "The weights at which a training ended; an analysis is one look at one minimum."
    ),
    "gap": Term(
        "generalization gap",
        "How far the mean loss on new examples lies above that on the training examples.",
        "nats",
        "smaller",
    ),
    "nats": Term(
        "nats",
        "The unit of loss with natural logarithms: 0.1 nats more means that the probability given "
        "to the right class is about 10\u202f% smaller on average.",
    ),
    "perplexity": Term(
        "perplexity",
        "exp of the mean loss a token: among how many equally likely tokens a language model is "
        "as unsure.",
        "tokens",
        "smaller, on new text",
    ),
    "interval": Term(
        "50% and 90% interval",
        "Where the gap lies with that probability, as counted on networks whose gap was measured.",
        "nats",
        "narrower",
    ),
    "measured": Term(
        "measured gap",
        "Loss on the test set minus loss on the training set, with its standard error.",
        "nats",
        "smaller",
    ),
    "eigenvalue": Term(
        "eigenvalue of the Hessian",
        "The curvature of the training loss along one direction of weight space.",
        "nats per squared weight",
        "smaller is flatter, which alone does not mean better",
    ),
    "lambda_1": Term(
        "λ₁, largest curvature",
        "The eigenvalue along the sharpest direction of the training loss.",
        "nats per squared weight",
        "none: sharper minima can generalize better",
    ),
    "outlier": Term(
        "outlier", "An eigenvalue that stands apart from the bulk: here one above a tenth of λ₁."
    ),
    "soft_rank": Term(
        "soft rank",
        "How many directions of weight space the data fix against the weight decay: the effective "
        "number of parameters.",
        "directions",
        "fewer, at equal training loss",
    ),
    "lambda": Term(
        "λ",
        "How strongly the training pulled the weights towards zero, by weight decay or by stopping "
        "early.",
        "nats per squared weight",
    ),
    "leave_one_out": Term(
        "leave-one-out",
        "The loss of an example if it had been left out of the training, computed from curvature "
        "without training again (ALO).",
        "nats",
        "smaller",
    ),
    "tic": Term(
        "TIC",
        "Takeuchi's information criterion: an estimate of the gap from gradients and curvature.",
        "nats",
        "smaller",
    ),
    "temperature": Term(
        "temperature held out",
        "What the outputs of left-out examples should be divided by for the least loss: above 1 "
        "the network is too sure of itself.",
        "none",
        "1",
    ),
    "calibration": Term(
        "calibration error",
        "How far the stated confidence is from the share of right answers, on average.",
        "share",
        "0",
    ),
    "margin": Term(
        "margin",
        "How far an example must move until the network gives it another class; a crossing found "
        "is an upper bound.",
        "units of the inputs",
        "larger",
    ),
    "alignment": Term(
        "alignment",
        "How the loss of an input reacts when the weights move along an eigenvector: the cosine of "
        "its gradient with it.",
        "−1 to 1",
    ),
    "drawn": Term(
        "share drawn",
        "The share of the drawn boundary at which this eigenvector's alignment changes sign most.",
        "%",
    ),
    "g": Term(
        "G(ε)",
        "The share of eigenvectors that some training example aligns with above ε.",
        "share",
        "smaller, at one ε for all",
    ),
    "n90": Term(
        "n₉₀, directions of the boundary",
        "How many eigenvectors hold nine tenths of the alignment of all training examples.",
        "directions",
        "fewer, among minima of one data set",
    ),
    "hessian": Term(
        "Hessian", "The matrix of second derivatives of the mean training loss by the weights."
    ),
    "ggn": Term(
        "GGN",
        "The Gauss–Newton part of the Hessian: what is left of it where the outputs are taken as "
        "linear in the weights.",
    ),
    "trace": Term(
        "trace", "The sum of all eigenvalues: the total curvature.", "nats per squared weight"
    ),
    "residual": Term(
        "residual",
        "How far a computed eigenpair is from exact, as a share of the largest eigenvalue.",
        "share",
        "smaller",
    ),
    "leverage": Term(
        "leverage",
        "How far a training example pulls the prediction at its own place.",
        "0 to 1",
        "smaller",
    ),
    "barrier": Term(
        "barrier",
        "How high the training loss rises above the straight line between two minima's losses.",
        "nats",
        "lower",
    ),
    "verdict": Term(
        "verdict",
        "Whether the estimate may be relied on: reliable, uncertain, or no estimate at all.",
    ),
    "tau": Term(
        "Kendall's τ",
        "How far two measures rank the minima alike: 1 the same order, −1 the opposite one.",
        "−1 to 1",
    ),
}
