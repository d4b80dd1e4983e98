"""Is this a minimum of what was told; if not, of which common objective is it one?

Objectives that people commonly minimise are tried in order of how little they differ from the one
told. One whose gradient vanishes to 5% of the weight decay's pull is not there by chance, because
thousands of parameters would have to agree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.gradient import example_gradients
from minimascope.curvature.stationarity.fit import STATIONARY, Fit, fitted
from minimascope.curvature.stationarity.gradients import Family, families
from minimascope.curvature.stationarity.inputs import rescalings
from minimascope.curvature.stationarity.parts import Part, whole, without_first_layers
from minimascope.objective.relatives.relative import rounded

NOISE_EXAMPLES = 64
TINY = 1e-300
FALL = 6.0  # of the gradient, that is no accident
SAME = 0.02  # relative difference of two weight decays that are the same


@dataclass(frozen=True)
class Finding:
    """An objective that these weights speak for: a sentence, and the fields that tell it.

    exact: they are at its minimum, ratio the gradient's share of the decay's pull; else its
    gradient is ratio times that of the objective told, and small for no other reason.
    """

    sentence: str
    flags: dict[str, Any]
    ratio: float
    exact: bool = True


@dataclass(frozen=True)
class Hit:
    """A family whose gradient vanishes on a part, with the weight decay and the loss's fields."""

    family: Family
    part: Part
    fit: Fit
    flags: dict[str, Any]

    @property
    def decay(self) -> float:
        """The weight decay, as people type it."""
        return rounded(self.fit.sizes[0])

    def finding(self) -> Finding:
        """In words."""
        said = self.family.said(self.flags)
        sentence = (
            f"These weights are at the exact minimum of {said} "
            f"{'and' if ' with ' in said else 'with'} weight decay {self.decay:g}"
            f"{self.part.said}: did you train so?"
        )
        flags = {**self.flags, "weight_decay": self.decay, **self.part.flags}
        return Finding(sentence, flags, self.fit.ratio)


def search(minimum: Minimum) -> Finding | None:
    """The first common objective whose gradient vanishes at these weights; None if none does.

    Costs some ten gradients, one more a class, and two for each rescaling of the inputs.
    """
    known, parts = families(minimum), whole(minimum)
    found = _first(minimum, known, parts) or _undecayed(minimum, known)
    if found is None:
        found = _of_other_inputs(minimum)
    if found is None:
        found = _first(minimum, known, without_first_layers(minimum))
    return found or _likely(known, parts)


def _first(minimum: Minimum, known: list[Family], parts: list[Part]) -> Finding | None:
    for part in parts:
        tried = (_hit(family, part) for family in known)
        hits = [hit for hit in tried if hit is not None]
        if hits:
            return _nearest(hits, minimum.objective.penalty.weight_decay).finding()
    return None


def _nearest(hits: list[Hit], told: float | None) -> Hit:
    """The first with the weight decay that was told, else the first."""
    same = [x for x in hits if told and abs(x.fit.sizes[0] - told) <= SAME * told]
    return (same or hits)[0]


def _hit(family: Family, part: Part) -> Hit | None:
    columns = [each[part.chosen] for each in family.columns]
    fit = fitted(family.base[part.chosen], part.pull[part.chosen], columns)
    flags = family.flags(fit.sizes[1:]) if fit.stationary else None
    return None if flags is None else Hit(family, part, fit, flags)


def _undecayed(minimum: Minimum, known: list[Family]) -> Finding | None:
    """A minimum of a loss alone: its gradient is far below what n examples leave open."""
    rows = torch.arange(min(minimum.n, NOISE_EXAMPLES), device=minimum.theta.device)
    each = example_gradients(minimum, rows).norm(dim=1).square().mean().sqrt()
    for family in [each for each in known if not each.columns]:
        ratio = float(family.base.norm()) / max(float(each) / minimum.n**0.5, TINY)
        if minimum.n > 1 and ratio < STATIONARY:
            flags = family.flags([]) or {}
            sentence = (
                f"These weights are at the exact minimum of {family.said(flags)} without weight "
                "decay: did you train so?"
            )
            return Finding(sentence, {**flags, "weight_decay": 0.0}, ratio)
    return None


def _of_other_inputs(minimum: Minimum) -> Finding | None:
    """The told loss and its plain kin alone, on inputs in other units."""
    for each in rescalings(minimum.inputs):
        moved = replace(minimum, inputs=each.inputs)
        found = _first(moved, families(moved, most=2), whole(moved))
        if found is not None:
            sentence = found.sentence.replace(": did you train so?", f", on inputs {each.said}.")
            return Finding(f"{sentence} {each.cure}", {}, found.ratio)
    return None


def _likely(known: list[Family], parts: list[Part]) -> Finding | None:
    """No minimum, but one further size makes most of the gradient vanish.

    Several, as weights of classes are, take most of it away by turning down what is large.
    """
    for part in parts:
        plain = _left(known[0], part)[0]
        for family in [each for each in known if len(each.columns) == 1]:
            left, fit = _left(family, part)
            flags = family.flags(fit.sizes[1:])
            if flags is None or fit.sizes[0] <= 0 or not left * FALL < plain or fit.free < 1:
                continue
            decay = rounded(fit.sizes[0], within=0.05)
            sentence = (
                f"The gradient is {plain / max(left, TINY):.2g} times smaller for "
                f"{family.said(flags)} and weight decay {decay:g}{part.said} than for the "
                "objective you named: was it trained so?"
            )
            return Finding(sentence, {**flags, **part.flags}, left / plain, exact=False)
    return None


def _left(family: Family, part: Part) -> tuple[float, Fit]:
    """Norm of the gradient that no size of the unknowns takes away."""
    fit = fitted(family.base, part.pull, family.columns)
    terms = zip(fit.sizes, [part.pull, *family.columns], strict=True)
    return float((family.base + sum(x * column for x, column in terms)).norm()), fit
