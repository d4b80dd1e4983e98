"""The checklist behind a verdict: what was looked at, its threshold, and what it means."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from minimascope.curvature.gap import verdict as rules
from minimascope.curvature.gap.interval import widest_factor
from minimascope.curvature.gap.verdict import Evidence, Judgement
from minimascope.objective.metric import CONVERGED

OPTIMIZERS = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "lbfgs": "L-BFGS"}


class Check(NamedTuple):
    """value and threshold are None for what was told, not measured; passed None: not told."""

    name: str
    value: float | None
    threshold: float | None
    passed: bool | None
    sentence: str


def checks(e: Evidence, judged: Judgement) -> list[Check]:
    """Everything the verdict rests on, in the order in which to read it."""
    return [
        *_ending(e),
        *_measured(e),
        *_width(e, judged),
        _optimizer(e),
        _augmentation(e),
        _dropout(e),
    ]


def _ending(e: Evidence) -> Iterator[Check]:
    if e.gradient_share is None:
        return
    share, allowed = e.gradient_share, CONVERGED
    if e.converged:
        said = "Training reached the minimum of its loss with weight decay."
    elif e.scheduled:
        said = "Training stopped before the minimum; its schedule says how far it went."
    else:
        said = "Training stopped before the minimum, and its schedule is not known."
    yield Check("convergence", share, allowed, bool(e.converged) or e.scheduled, said)


def _measured(e: Evidence) -> Iterator[Check]:
    if not e.regression:
        yield _temperature(e)
        fit, allowed = e.interpolation, rules.INTERPOLATING
        close = fit < allowed
        said = "The training examples are fitted almost without residual, so curvature says little."
        left = "Enough residual is left on the training examples for curvature to say something."
        yield Check("interpolation", fit, allowed, not close, said if close else left)
    if e.filtered is not None:
        apart = e.bracket > rules.WIDEST_BRACKET
        said = "The two ways to count the end of training {} (ratio {:.2g})."
        words = "are far apart" if apart else "agree"
        yield Check(
            "bracket", e.bracket, rules.WIDEST_BRACKET, not apart, said.format(words, e.bracket)
        )


def _temperature(e: Evidence) -> Check:
    T = e.ridge.temperature
    passed = T <= rules.CALM
    if passed:
        said = "Left-out examples are not predicted too surely."
    elif e.calm < 1:
        said = (
            "Left-out examples are predicted too surely, which inflates the estimate: it was "
            f"divided by {1 / e.calm:.2g}."
        )
    else:
        said = "Left-out examples are predicted too surely; that changed nothing but by SGD."
    return Check("temperature", T, rules.CALM, passed, said)


def _width(e: Evidence, judged: Judgement) -> Iterator[Check]:
    if judged.estimate is None or judged.ninety is None:
        return
    factor = widest_factor(judged.ninety, judged.estimate)
    said = (
        "The 90% interval reaches 0: read it as “at most its upper end”."
        if math.isinf(factor)
        else f"The 90% interval reaches a factor of {factor:.2g} from the estimate."
    )
    yield Check("width", None if math.isinf(factor) else factor, 2.0, factor <= 2, said)


def _optimizer(e: Evidence) -> Check:
    told = e.training.optimizer
    if told in OPTIMIZERS:
        source = {
            "state": ", its second moments read from its state",
            "gradients": ", its second moments estimated from gradients",
            "scalar": ", one number in place of its second moments",
        }.get(e.training.moments or "", "")
        read = e.training.moments in (None, "state")
        return Check("optimizer", None, None, read, f"Trained by {OPTIMIZERS[told]}{source}.")
    if e.filtered is None:
        said = "Which optimiser it was does not matter at a minimum."
        return Check("optimizer", None, None, True, said)
    known = "Another optimiser" if told == "other" else "The optimiser was not told: it"
    said = f"{known} was taken for SGD; read as SGD, networks of Adam came out 4 to 13 times low."
    return Check("optimizer", None, None, None if told is None else False, said)


def _augmentation(e: Evidence) -> Check:
    told = e.training.augmentation
    if told is None:
        said = (
            "Not told whether training altered or mixed its inputs. If it did, the estimate may "
            "be several times too high."
        )
    elif not told:
        said = "Training saw the inputs as they are."
    elif e.training.copies:
        said = "Training altered its inputs, and the copies are in the data."
    else:
        said = (
            "Training altered or mixed its inputs, and the copies are not here: for shifted "
            "images the estimate was 1.8 to 13 times too high."
        )
    passed = None if told is None else not e.training.altered
    return Check("augmentation", None, None, passed, said)


def _dropout(e: Evidence) -> Check:
    told = e.training.dropout
    adaptive = e.training.optimizer in ("adam", "adamw", "lbfgs")
    if told is None:
        said = "Not told whether dropout was on in training"
        said += "." if adaptive else ": with SGD no estimate is then called reliable."
        return Check("dropout", None, None, None, said)
    if not told:
        return Check("dropout", None, None, True, "Trained without dropout.")
    if adaptive:
        said = "Dropout was on in training; with Adam the estimate was right without its masks."
        return Check("dropout", None, None, True, said)
    said = "Dropout was on in training; with SGD no estimate is then called reliable."
    return Check("dropout", None, None, False, said)
