"""What proving a ball to be of one class takes, counted from the network's steps."""

from __future__ import annotations

import math

import torch
from torch.utils.flop_counter import FlopCounterMode

from minimascope.analysis.costs.passes import (
    CONVOLUTION_SECONDS,
    NUMBER_SECONDS,
    PRODUCT_SECONDS,
)
from minimascope.boundary.certificates.activations import PIECES, RECTIFIERS
from minimascope.boundary.certificates.bounds import Inner
from minimascope.boundary.certificates.graph import Graph
from minimascope.boundary.certificates.steps import Activation, Affine, Step

TOUCHED = 12  # times that each number of a form is read or written by a step
SAMPLED = 6  # times that each sample of a smooth activation is
FORWARD = 4  # passes of intervals through an affine step
CALLS = 1e-6  # seconds a step and point, whatever its size: calls, in batches
BASE = 2e-5


def bound_seconds(graph: Graph, inner: Inner) -> float:
    """CPU seconds of one bound of one point."""
    costs = [_pull_seconds(step) for step in graph.steps]
    forward = sum(FORWARD * cost + _lines_seconds(step) for cost, step in zip(costs, graph.steps))
    seconds = BASE + CALLS * len(graph.steps) + forward
    seconds += _forms(graph, graph.output, costs, graph.outputs)
    if inner == "relaxed":
        for value in graph.worth_tightening:
            seconds += _forms(graph, value, costs, 2 * math.prod(graph.shape_of(value)))
    return seconds


def _forms(graph: Graph, value: int, costs: list[float], forms: int) -> float:
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
    with torch.no_grad(), FlopCounterMode(display=False) as flops:
        step.linear(torch.zeros(1, *step.into, dtype=torch.float64))
    counts = flops.get_flop_counts().get("Global", {})
    convolved = sum(count for operation, count in counts.items() if "conv" in str(operation))
    products = sum(counts.values()) - convolved
    return CONVOLUTION_SECONDS * convolved + PRODUCT_SECONDS * products + numbers / 4


def _lines_seconds(step: Step) -> float:
    """Of the two lines of an activation."""
    if not isinstance(step, Activation):
        return 0.0
    samples = 3 if step.name in RECTIFIERS else PIECES
    return SAMPLED * samples * NUMBER_SECONDS * math.prod(step.out)
