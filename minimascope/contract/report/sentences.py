"""What a report says of the gap in sentences: the same on the page, on the command line, anywhere.

Numbers are in nats with two significant digits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from minimascope.contract.report.gap import Gap, Lies
from minimascope.contract.report.objective import ObjectiveSummary, PenaltyGroup
from minimascope.contract.report.spectrum import FirstLook

MINUS = "−"
LIES: dict[Lies, str] = {
    "inside": "inside the 90% interval",
    "above": "above the 90% interval",
    "below": "below the 90% interval",
}
OPTIMIZERS = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "lbfgs": "L-BFGS", "other": "other"}
LOSSES = {
    "cross_entropy": "cross-entropy",
    "binary": "binary cross-entropy",
    "multilabel": "binary cross-entropy of each label",
    "mse": "Gaussian log-likelihood of unit variance",
    "torch_mse": "mean squared error as torch's MSELoss",
    "custom": "a criterion of your own",
}
MOMENTS = {
    "state": "second moments read from its state",
    "gradients": "second moments estimated from gradients",
    "scalar": "one number in place of its second moments",
}


def left_out(stages: Sequence[str], why: str) -> str:
    """What is said of stages that a budget has no room for."""
    return f"Left out: {', '.join(stages)}; {why}."


def is_left_out(warnings: Sequence[str], stage: str) -> bool:
    """Whether one of these says so of the stage."""
    said = (each.removeprefix("Left out: ") for each in warnings if each.startswith("Left out: "))
    return any(stage in each.partition(";")[0].split(", ") for each in said)


def nats(value: float, *, like: float | None = None) -> str:
    """Two significant digits, or as many decimals as those of `like`."""
    scale = abs(like or value)
    if scale == 0 or not math.isfinite(scale):
        return f"{value:.2g}"
    decimals = 1 - math.floor(math.log10(float(f"{scale:.1e}")))
    if decimals > 5:
        return f"{value:.1e}".replace("-", MINUS)
    return f"{value:.{max(decimals, 0)}f}".replace("-", MINUS)


def span(value: float, ends: tuple[float, float]) -> str:
    """An interval: `0.05 to 0.20`, or `at most 0.20` where it reaches 0."""
    low, high = (nats(end, like=value) for end in ends)
    return f"at most {high}" if float(low) == 0 else f"{low} to {high}"


def expected(gap: Gap) -> str:
    """The headline as a sentence, whatever the verdict."""
    found = gap.headline
    if found is None:
        return "No estimate of how far the test loss will be above the training loss."
    value, ends = nats(found.value), span(found.value, found.ninety)
    if ends.startswith("at most"):
        return f"Expect test loss {ends} nats above training loss (estimate {value})."
    return f"Expect test loss about {value} nats above training loss (likely {ends})."


def at_least(gap: Gap) -> str:
    """What remains to be said without a headline; empty where nothing does."""
    if gap.headline is not None or gap.at_least is None:
        return ""
    return f"Probably at least {nats(gap.at_least)} nats."


def not_used(gap: Gap) -> str:
    """A number that was computed and that the verdict does not stand by; empty without one."""
    found = gap.disowned
    return "" if found is None else f"Leave-one-out gave {nats(found)} nats, which is not used."


def measured(gap: Gap) -> str:
    """The gap on the test set, and where it lies; empty without a test set."""
    found = gap.measured
    if found is None or found.value is None:
        return ""
    error = "" if found.standard_error is None else f" ± {nats(found.standard_error)}"
    like = found.standard_error or None
    lies = None if gap.headline is None else gap.headline.lies(found)
    inside = "" if lies is None else f", {LIES[lies]}"
    return f"On the test set the gap is {nats(found.value, like=like)}{error} nats{inside}."


def coverage(gap: Gap) -> str:
    """What intervals like this one held, as measured; empty without one."""
    found = gap.headline
    return "" if found is None or found.coverage is None else found.coverage.sentence


def told(objective: ObjectiveSummary) -> list[tuple[str, str]]:
    """What was told of the training, a line each; what nobody told says so."""
    return [
        ("loss", _loss(objective)),
        ("weight decay", _penalty(objective)),
        ("trained", _trained(objective)),
        ("optimizer", _optimizer(objective)),
        ("schedule", _schedule(objective)),
        *_reference(objective),
        ("augmentation", _yes(objective.augmentation, ", copies in the data" * objective.copies)),
        ("dropout", _yes(objective.dropout)),
    ]


def _loss(o: ObjectiveSummary) -> str:
    parts = [LOSSES[o.loss]]
    if o.link not in (None, "logits"):
        parts.append(f"of outputs that are {o.link.replace('_', '-')}")
    if o.label_smoothing:
        parts.append(f"label smoothing {o.label_smoothing:g}")
    parts += ["class weights"] * bool(o.class_weights)
    parts += ["weights of positives"] * bool(o.pos_weight)
    parts += ["example weights"] * bool(o.example_weights)
    if o.ignore_index is not None:
        parts.append(f"label {o.ignore_index} ignored")
    return ", ".join(parts)


def _penalty(o: ObjectiveSummary) -> str:
    if not o.penalty:
        return "not told"
    if len(o.penalty) == 1:
        return f"{o.penalty[0].weight_decay:g} on {o.penalty[0].name}"
    return "; ".join(_group(group) for group in o.penalty)


def _group(group: PenaltyGroup) -> str:
    left = "" if group.gradient_left is None else f", gradient left {group.gradient_left:.2g}"
    return f"{group.weight_decay:g} on {group.name} ({group.parameters:,}{left})"


def _trained(o: ObjectiveSummary) -> str:
    if o.trained is None:
        return "not known"
    return f"{o.trained:,} parameters" + (f", {o.frozen:,} frozen" if o.frozen else "")


def _optimizer(o: ObjectiveSummary) -> str:
    if o.optimizer is None:
        return "not told"
    moments = f", {MOMENTS[o.moments]}" if o.moments else ""
    return f"{OPTIMIZERS[o.optimizer]}{moments}"


def _schedule(o: ObjectiveSummary) -> str:
    parts = [o.schedule] if o.schedule else []
    parts += [f"lr {o.lr:g}"] if o.lr else []
    parts += [f"{o.steps:,} steps"] if o.steps else []
    parts += [f"momentum {o.momentum:g}"] if o.momentum else []
    parts += [f"Σ lr = {o.learning_rate_sum:.3g}"] if o.learning_rate_sum else []
    parts += [f"T = {o.training_time:.3g}"] if o.training_time else []
    return ", ".join(parts) or "not told"


def _reference(o: ObjectiveSummary) -> list[tuple[str, str]]:
    if o.lambda_reference is None:
        return []
    return [("λ", f"{o.lambda_reference:.3g}, in units of {o.lambda_unit}")]


def _yes(told: bool | None, more: str = "") -> str:
    return "not told" if told is None else f"{'yes' if told else 'no'}{more if told else ''}"


def few_examples(look: FirstLook) -> str:
    """Why λ₁ of a first look is between two numbers and no number yet."""
    return f"a number takes about {look.needed:,} examples"
