"""Bounds of a network's values on regions of its inputs.

Linear relaxation backwards (CROWN: Zhang et al., "Efficient neural network robustness
certification with general activation functions", 2018): a linear form of some value is pulled
back, step by step, to a form of the input that it is never below; activations and maxima are
replaced by lines that hold on the interval of what they take. Affine steps are pulled through by
their adjoints and never written out. Every rounding is subtracted (`rounding`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from minimascope.boundary.certificates.activations import Lines, image, lines
from minimascope.boundary.certificates.graph import Graph
from minimascope.boundary.certificates.maxima import Choice, choice
from minimascope.boundary.certificates.region import Region
from minimascope.boundary.certificates.rounding import dot, gamma, outward
from minimascope.boundary.certificates.steps import Activation, Added, Affine, Maximum, Step

# "relaxed": what activations take is bounded by forms pulled back to the input; "stepwise": by
# the intervals of the step before, and only the last forms are pulled back. Far quicker, far wider.
Inner = Literal["relaxed", "stepwise"]
NUMBERS = 2**20  # of pulled forms held at once: 8 MB stay near the processor


@dataclass
class _Pulled:
    """Constants (1 or n, s) gathered on the way back, the sum of their sizes and what rounding
    may have taken."""

    constant: Tensor
    size: Tensor
    rounding: Tensor
    count: int = 0

    def add(self, constant: Tensor, rounding: Tensor | float = 0.0) -> None:
        self.constant = self.constant + constant
        self.size = self.size + constant.abs()
        self.rounding = self.rounding + rounding
        self.count += 1

    def lowest(self) -> Tensor:
        return self.constant - self.rounding - gamma(self.count) * self.size


class Bounds:
    """Intervals of every value of a graph on one region, and forms pulled back through it."""

    def __init__(self, graph: Graph, region: Region, *, inner: Inner = "relaxed") -> None:
        self._graph, self._region = graph, region
        self._boxes: list[tuple[Tensor, Tensor]] = [region.box()]
        self._sizes: list[Tensor] = []  # largest |number| of every value
        self._affine: dict[int, Tensor] = {}  # |W| |x| + |b| at most
        self._lines: dict[int, Lines] = {}
        self._choices: dict[int, Choice] = {}
        tightened = set(graph.worth_tightening) if inner == "relaxed" else set()
        with torch.no_grad():
            for value in range(len(graph.steps) + 1):
                if value:
                    self._boxes.append(self._after(value, graph.steps[value - 1]))
                if value in tightened:
                    self._boxes[value] = self._tightened(value)
                low, high = self._boxes[value]
                self._sizes.append(torch.maximum(low.abs(), high.abs()))

    def leads(self, own: Tensor) -> Tensor:
        """Lower bounds (n, K) of how far class `own` (n,) leads each other; +∞ at itself.

        One output is the logit of class 1 against class 0.
        """
        outputs = self._graph.outputs
        if outputs == 1:
            forms = (2.0 * own.double() - 1).view(-1, 1, 1)
        else:
            unit = torch.eye(outputs, dtype=torch.float64)
            forms = unit[own][:, None] - unit
        shape = self._graph.shape_of(self._graph.output)
        with torch.no_grad():
            low = self.lowest(self._graph.output, forms.reshape(*forms.shape[:2], *shape))
        if outputs == 1:
            other = (1 - own)[:, None]
            return low.new_full((len(own), 2), torch.inf).scatter(1, other, low)
        return low.scatter(1, own[:, None], torch.inf)

    def lowest(self, value: int, forms: Tensor) -> Tensor:
        """Lower bounds (n, s) of linear forms (1 or n, s, *shape) of a value."""
        zero = forms.new_zeros(1, forms.shape[1])
        pulled = _Pulled(zero, zero, zero)
        pending = {value: forms}
        for place in range(value, 0, -1):
            if place in pending:
                self._pull(place, pending.pop(place), pending, pulled)
        if 0 in pending:
            least, rounding = self._region.lowest(pending[0])
            pulled.add(least, rounding)
        return pulled.lowest()

    def _after(self, value: int, step: Step) -> tuple[Tensor, Tensor]:
        """The interval of a step's result, from the intervals of what it takes."""
        low, high = self._boxes[step.given]
        if isinstance(step, Affine):
            return self._after_affine(value, step, low, high)
        if isinstance(step, Added):
            ends = [step.factor * end for end in self._boxes[step.other]]
            return outward(low + torch.minimum(*ends), high + torch.maximum(*ends))
        if isinstance(step, Activation):
            self._lines[value] = lines(step, low, high)
            return image(step, low, high, self._lines[value])
        self._choices[value] = choice(step, low, high)
        return self._choices[value].low, self._choices[value].high

    def _after_affine(
        self, value: int, step: Affine, low: Tensor, high: Tensor
    ) -> tuple[Tensor, Tensor]:
        if not step.length:
            self._affine[value] = step.linear(torch.maximum(low.abs(), high.abs()))
            return step.linear(low), step.linear(high)
        centre, half = (low + high) / 2, (high - low) / 2
        middle = step.linear(centre) + (0.0 if step.offset is None else step.offset)
        size = step.absolute(torch.maximum(low.abs(), high.abs()))
        size = size + (0.0 if step.offset is None else step.offset.abs())
        self._affine[value] = size
        spread = step.absolute(half) + gamma(step.length) * size
        return middle - spread, middle + spread

    def _tightened(self, value: int) -> tuple[Tensor, Tensor]:
        """The interval of a value by its own forms, pulled back to the input some at a time.

        Numbers that only rectifiers take, and whose sign is settled, stay.
        """
        shape = self._graph.shape_of(value)
        low, high = (end.flatten(1).clone() for end in self._boxes[value])
        places = self._to_tighten(value, low, high)
        widest = max(math.prod(self._graph.shape_of(v)) for v in range(value + 1))
        together = max(1, NUMBERS // (2 * widest * len(low)))
        for rows in places.split(together, dim=1):
            unit = torch.zeros(*rows.shape, low.shape[1], dtype=torch.float64)
            unit.scatter_(2, rows[:, :, None], 1)
            forms = torch.cat([unit, -unit], dim=1).view(len(rows), -1, *shape)
            least, most = self.lowest(value, forms).chunk(2, dim=1)
            rows = rows.expand(len(low), -1)
            low.scatter_(1, rows, torch.maximum(low.gather(1, rows), least))
            high.scatter_(1, rows, torch.minimum(high.gather(1, rows), -most))
        return low.view(len(low), *shape), high.view(len(high), *shape)

    def _to_tighten(self, value: int, low: Tensor, high: Tensor) -> Tensor:
        """Places (1 or n, s) of a value's numbers: the same of all points, or each point's own.

        Forms that are the same for all points are pulled through affine steps once; each point's
        own are worth it where they are fewer by a fifth.
        """
        count = low.shape[1]
        if not self._graph.only_rectified(value):
            return torch.arange(count)[None]
        wanted = (low < 0) & (high > 0)
        shared, most = wanted.any(0).nonzero()[:, 0], int(wanted.sum(1).max())
        steps = self._graph.steps[:value]
        if all(isinstance(step, Affine) for step in steps) or most > 0.8 * len(shared):
            return shared[None]
        return wanted.to(torch.int8).argsort(dim=1, descending=True, stable=True)[:, :most]

    def _pull(self, value: int, forms: Tensor, pending: dict[int, Tensor], pulled: _Pulled) -> None:
        """Forms of a value as forms of what its step takes, into `pending`."""
        step = self._graph.steps[value - 1]
        if isinstance(step, Added):
            sizes = self._sizes[step.given] + abs(step.factor) * self._sizes[step.other]
            pulled.add(torch.zeros_like(pulled.constant), gamma(2) * dot(forms.abs(), sizes))
            self._join(step.given, forms, pending, pulled)
            self._join(step.other, step.factor * forms, pending, pulled)
            return
        if isinstance(step, Affine):
            back = self._pull_affine(value, step, forms, pulled)
        elif isinstance(step, Activation):
            back = self._pull_activation(value, step, forms, pulled)
        else:
            back = self._pull_maximum(value, step, forms, pulled)
        self._join(step.given, back, pending, pulled)

    def _join(self, value: int, forms: Tensor, pending: dict[int, Tensor], pulled: _Pulled) -> None:
        """Adds forms of a value to those that came another way."""
        if value in pending:
            there = pending[value]
            sizes = dot(there.abs() + forms.abs(), self._sizes[value])
            pulled.add(torch.zeros_like(pulled.constant), gamma(2) * sizes)
            forms = there + forms
        pending[value] = forms

    def _pull_affine(self, value: int, step: Affine, forms: Tensor, pulled: _Pulled) -> Tensor:
        back = step.adjoint(forms.flatten(0, 1)).reshape(*forms.shape[:2], *step.into)
        if step.length:
            rounding = gamma(step.length) * dot(forms.abs(), self._affine[value])
            offset = forms.new_zeros(1, *step.out) if step.offset is None else step.offset[None]
            pulled.add(dot(forms, offset), rounding)
        return back

    def _pull_activation(
        self, value: int, step: Activation, forms: Tensor, pulled: _Pulled
    ) -> Tensor:
        held = self._lines[value]
        sizes = forms.abs()
        steepest = torch.maximum(held.below.abs(), held.above.abs())
        highest = torch.maximum(held.below_at.abs(), held.above_at.abs())
        total = steepest * self._sizes[step.given] + highest
        rounding = gamma(math.prod(step.out)) * dot(sizes, total)
        # Positive coefficients take the line below, negative ones that above; with |f| at hand
        # both constants are two products. |a + b|/2 + |a − b|/2 is the larger of |a| and |b|.
        middle, apart = (held.below_at + held.above_at) / 2, (held.below_at - held.above_at) / 2
        pulled.add(dot(forms, middle) + dot(sizes, apart), rounding)
        return torch.where(forms > 0, held.below[:, None], held.above[:, None]).mul_(forms)

    def _pull_maximum(self, value: int, step: Maximum, forms: Tensor, pulled: _Pulled) -> Tensor:
        chosen = self._choices[value]
        back, constant, sizes = chosen.pull(step, forms)
        pulled.add(constant, gamma(2 * math.prod(step.out)) * dot(forms.abs(), sizes))
        return back
