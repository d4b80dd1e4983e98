"""How many points get a lower bound of their margin, and what that takes.

Counted from the network's steps, never timed: which points are bounded is then the same on every
machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from minimascope.analysis.costs.counting import Counted
from minimascope.analysis.costs.passes import (
    CONVOLUTION_SECONDS,
    NUMBER_SECONDS,
    PRODUCT_SECONDS,
)
from minimascope.boundary.certificates.activations import PIECES, RECTIFIERS
from minimascope.boundary.certificates.bounds import Inner
from minimascope.boundary.certificates.cover import BOXES
from minimascope.boundary.certificates.graph import Graph
from minimascope.boundary.certificates.radii import ROUNDS, Budget
from minimascope.boundary.certificates.recognition import UnboundedError, graph_of
from minimascope.boundary.certificates.steps import Activation, Affine, Step
from minimascope.curvature.minimum.minimum import Minimum

# CPU seconds in one norm.
RADII_SECONDS = 10.0
COVER_SECONDS = 15.0  # quick bounds of all points
SMALLEST_SECONDS = 5.0  # relaxed ones of the points that decide the smallest margin
BOX_SECONDS = 30.0
# Of the CPU seconds that the margins may take at most, in each norm.
RADII_SHARE, COVER_SHARE, SMALLEST_SHARE, BOX_SHARE = 0.06, 0.04, 0.03, 0.02
FLAT = 4  # numbers of an input up to which its space is cut into boxes
# Of what the smallest margin may take: as a rule few balls need relaxed bounds; and few boxes.
USUAL = 0.25

TOUCHED = 5  # times that each number of a form is read or written by a step
UNSETTLED = 0.4  # of the numbers a rectifier takes, whose sign a ball leaves open
SAMPLED = 6  # times that each sample of a smooth activation is
FORWARD = 4  # passes of intervals through an affine step
CALLS = 1e-6  # seconds a step and point, whatever its size: calls, in batches
BASE = 2e-5


@dataclass(frozen=True)
class BoundSizes:
    """In each norm: `bounded` searched points have radii of their own, the smallest margin is
    bounded over `covered` points with so many balls of each kind, and `boxes` may be cut.

    `graph` is None where the network has no bounds, for the `reason`; `each` are the CPU seconds
    of a point's own radius, `rest` those of everything else.
    """

    graph: Graph | None
    reason: str | None
    bounded: int = 0
    covered: int = 0
    stepwise: int = 0
    relaxed: int = 0
    boxes: int = 0
    each: float = 0.0
    rest: float = 0.0

    @property
    def budget(self) -> Budget:
        """Of the smallest margin."""
        return Budget(self.stepwise, self.relaxed)

    @property
    def seconds(self) -> float:
        """CPU seconds in one norm."""
        return self.bounded * self.each + self.rest


def bound_sizes(minimum: Minimum, searched: int, *, seconds: float = math.inf) -> BoundSizes:
    """For so many searched points, where all margins may take so many CPU seconds."""
    if not searched:
        return BoundSizes(None, None)
    try:
        graph = graph_of(minimum)
    except UnboundedError as error:
        return BoundSizes(None, str(error))
    quick, slow = bound_seconds(graph, "stepwise"), bound_seconds(graph, "relaxed")
    deciding = min(SMALLEST_SECONDS, SMALLEST_SHARE * seconds)
    stepwise = int(min(COVER_SECONDS, COVER_SHARE * seconds) / quick)
    covered = min(minimum.n, max(searched, stepwise))
    flat = math.prod(graph.shape) <= FLAT
    boxes = min(BOXES, int(min(BOX_SECONDS, BOX_SHARE * seconds) / slow)) if flat else 0
    radii = min(RADII_SECONDS, RADII_SHARE * seconds)
    smallest = covered * (quick + USUAL * slow)
    return BoundSizes(
        graph,
        None,
        bounded=min(searched, int(radii / (ROUNDS * slow))),
        covered=covered,
        stepwise=max(covered, stepwise),
        relaxed=int(deciding / slow),
        boxes=boxes,
        each=ROUNDS * slow,
        rest=min(smallest, covered * quick + deciding) + USUAL * boxes * slow,
    )


def bound_seconds(graph: Graph, inner: Inner) -> float:
    """CPU seconds of one bound of one point."""
    costs = [_pull_seconds(step) for step in graph.steps]
    forward = sum(
        FORWARD * cost + _lines_seconds(step) for cost, step in zip(costs, graph.steps, strict=True)
    )
    seconds = BASE + CALLS * len(graph.steps) + forward
    seconds += _forms(graph, graph.output, costs, graph.outputs)
    if inner == "relaxed":
        for value in graph.worth_tightening:
            numbers = 2 * math.prod(graph.shape_of(value))
            numbers *= UNSETTLED if graph.only_rectified(value) else 1
            seconds += _forms(graph, value, costs, numbers)
    return seconds


def _forms(graph: Graph, value: int, costs: list[float], forms: float) -> float:
    """Of pulling forms of a value back. Through affine steps alone they are one for all points."""
    inputs = math.prod(graph.shape)
    read = TOUCHED * PRODUCT_SECONDS * inputs
    if all(isinstance(step, Affine) for step in graph.steps[:value]):
        return forms * read
    return forms * (sum(costs[:value]) + read)


def _pull_seconds(step: Step) -> float:
    """Of pulling one form through a step."""
    numbers = TOUCHED * NUMBER_SECONDS * math.prod(step.out)
    if not isinstance(step, Affine) or not step.length:
        return numbers
    with torch.no_grad(), Counted() as counted:
        step.linear(torch.zeros(1, *step.into, dtype=torch.float64))
    convolved = CONVOLUTION_SECONDS * counted.convolved
    return convolved + PRODUCT_SECONDS * counted.products + numbers / 4


def _lines_seconds(step: Step) -> float:
    """Of the two lines of an activation."""
    if not isinstance(step, Activation):
        return 0.0
    samples = 3 if step.name in RECTIFIERS else PIECES
    return SAMPLED * samples * NUMBER_SECONDS * math.prod(step.out)
