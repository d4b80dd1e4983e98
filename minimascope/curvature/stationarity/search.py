"""Is this a minimum of what was told; if not, of which common objective is it one?

The gradient of the told objective is looked at first. Where it is far from zero, other objectives
that people commonly minimise are tried in order of how little they differ from it; one whose
gradient vanishes to 5% of the weight decay's pull is not there by chance, because thousands of
parameters would have to agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.minimum.places import Place, by_layer
from minimascope.curvature.products.gradient import example_gradients
from minimascope.curvature.stationarity.families import Family, families
from minimascope.curvature.stationarity.fit import STATIONARY, Fit, fitted, rounded
from minimascope.curvature.stationarity.inputs import Rescaled, rescalings

NOISE_EXAMPLES = 64
TINY = 1e-300
FALL = 6.0  # of the gradient, that is no accident
SAME = 0.02  # relative difference of two weight decays that are the same


@dataclass(frozen=True)
class Finding:
    """An objective that these weights speak for: a sentence, and the options that tell it.

    exact: they are at its minimum, ratio the gradient's share of the decay's pull; else its
    gradient is ratio times that of the objective told, and small for no other reason.
    """

    sentence: str
    flags: dict[str, Any]
    ratio: float
    exact: bool = True


@dataclass(frozen=True)
class Part:
    """The parameters that may have been trained, and which of them were decayed."""

    chosen: Tensor
    decayed: Tensor
    flags: dict[str, Any]
    said: str


def search(minimum: Minimum) -> Finding | None:
    """The first common objective whose gradient vanishes at these weights; None if none does.

    Costs some ten gradients, one more a class, and two for each rescaling of the inputs.
    """
    known = list(families(minimum))
    whole, frozen = _parts(minimum)
    found = _first(minimum, known, whole) or _undecayed(minimum, known)
    if found is None:
        found = _of_other_inputs(minimum, whole)
    return found or _first(minimum, known, frozen) or _likely(minimum, known, whole)


def _first(minimum: Minimum, known: list[Family], parts: list[Part]) -> Finding | None:
    for part in parts:
        for family in known:
            fit, flags = _tried(minimum, family, part)
            if fit.stationary and flags is not None:
                return _told(minimum, family, part, fit, flags)
    return None


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


def _likely(minimum: Minimum, known: list[Family], parts: list[Part]) -> Finding | None:
    """No minimum, but one further size makes most of the gradient vanish."""
    for part in parts:
        plain = _left(minimum, known[0], part)[0]
        for family in [each for each in known if each.columns]:
            left, fit = _left(minimum, family, part)
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


def _left(minimum: Minimum, family: Family, part: Part) -> tuple[float, Fit]:
    """Norm of the gradient that no size of the unknowns takes away."""
    pull = torch.where(part.decayed, minimum.theta, 0.0)
    fit = fitted(family.base, pull, family.columns)
    sizes = zip(fit.sizes, [pull, *family.columns], strict=True)
    return float((family.base + sum(x * column for x, column in sizes)).norm()), fit


def _tried(minimum: Minimum, family: Family, part: Part) -> tuple[Fit, dict[str, Any] | None]:
    pull = torch.where(part.decayed, minimum.theta, 0.0)[part.chosen]
    columns = [each[part.chosen] for each in family.columns]
    fit = fitted(family.base[part.chosen], pull, columns)
    if not fit.stationary:
        return fit, None
    return fit, family.flags(fit.sizes[1:])


def _told(minimum: Minimum, family: Family, part: Part, fit: Fit, flags: dict[str, Any]) -> Finding:
    decay = rounded(fit.sizes[0])
    given = minimum.objective.penalty.weight_decay
    loss, decay, extra = _in_units_of(minimum, decay, given)
    said = extra or family.said(flags)
    sentence = (
        f"These weights are at the exact minimum of {said} {'and' if ' with ' in said else 'with'} "
        f"weight decay {decay:g}{part.said}: did you train so?"
    )
    options = {**flags, **loss, "weight_decay": decay, **part.flags}
    return Finding(sentence, options, fit.ratio)


def _in_units_of(
    minimum: Minimum, decay: float, given: float | None
) -> tuple[dict[str, Any], float, str]:
    """Squared error summed and halved, or torch's mean over outputs: 2/K of it."""
    if minimum.loss.name != "mse":
        return {}, decay, ""
    with torch.no_grad():
        outputs = minimum.logits(minimum.theta, minimum.inputs[:1]).numel()
    torchs = rounded(decay * 2 / outputs)
    if given is None or abs(decay - given) <= SAME * decay:
        return {}, decay, ""
    if abs(torchs - given) > SAME * torchs:
        return {}, decay, ""
    said = f"torch's MSELoss, which is 2/K = {2 / outputs:g} times the loss named mse,"
    return {"loss": "torch_mse"}, torchs, said


def _parts(minimum: Minimum) -> tuple[list[Part], list[Part]]:
    """All parameters trained; then all but some first layers, the fewest first."""
    places = minimum.places
    everything = torch.ones(minimum.dim, dtype=torch.bool, device=minimum.theta.device)
    matrices = _mask(minimum, [each for each in places.values() if len(each.shape) > 1])
    frozen: list[Part] = []
    layers = list(by_layer(places).items())
    for count in range(1, len(layers)):
        kept = [place for _, own in layers[count:] for place in own]
        if not any(len(place.shape) > 1 for place in kept):
            continue
        chosen = _mask(minimum, kept)
        names = [place.name for place in kept]
        frozen += _decayed(chosen, matrices, {"trainable": names}, _frozen_said(count, layers))
    return _decayed(everything, matrices, {}, ""), frozen


def _decayed(chosen: Tensor, matrices: Tensor, flags: dict[str, Any], said: str) -> list[Part]:
    both = [Part(chosen, chosen, flags, f" on all parameters{said}")]
    if not torch.equal(chosen & matrices, chosen):
        only = {**flags, "decay_on": "matrices"}
        both.append(Part(chosen, chosen & matrices, only, f" on matrices only{said}"))
    return both


def _frozen_said(count: int, layers: list[tuple[str, list[Place]]]) -> str:
    last = layers[count - 1][0]
    which = f"the first {count} layers" if count > 1 else "the first layer"
    return f", with {which} (to {last!r}) frozen"


def _mask(minimum: Minimum, places: list[Place]) -> Tensor:
    mask = torch.zeros(minimum.dim, dtype=torch.bool, device=minimum.theta.device)
    for place in places:
        mask[place.slice] = True
    return mask


def _of_other_inputs(minimum: Minimum, parts: list[Part]) -> Finding | None:
    for each in rescalings(minimum.inputs):
        found = _first(replace(minimum, inputs=each.inputs), _plain(minimum, each), parts)
        if found is not None:
            sentence = found.sentence.replace(": did you train so?", f", on inputs {each.said}.")
            return Finding(f"{sentence} {each.cure}", {}, found.ratio)
    return None


def _plain(minimum: Minimum, each: Rescaled) -> list[Family]:
    """The told loss and plain kin alone: a few gradients for each rescaling."""
    found: Iterator[Family] = families(replace(minimum, inputs=each.inputs))
    return [family for family, _ in zip(found, range(2), strict=False)]
