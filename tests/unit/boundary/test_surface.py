"""The loss over the plane of two vectors, against the loss written out."""

from __future__ import annotations

import torch
from torch import nn

from minimascope.boundary.surface import loss_surface
from minimascope.boundary.walk import walk
from tests.cases.boundary_networks import linear_minimum, unit_rows


def test_every_mean_is_that_of_the_moved_weights() -> None:
    """A softmax layer at each (a, b), written out; training and test; walks are taken over."""
    generator = torch.Generator().manual_seed(1)
    inputs, held = (torch.randn(n, 3, generator=generator, dtype=torch.float64) for n in (40, 25))
    minimum = linear_minimum(unit_rows(4, 3), torch.zeros(4), inputs)
    targets = torch.arange(25) % 4
    vectors = unit_rows(2, minimum.dim)
    walks = [walk(minimum, vector, points=5) for vector in vectors]
    a, b = (each.epsilon for each in walks)
    known = (walks[0].loss, walks[1].loss)
    found = loss_surface(minimum, vectors, a, b, test=(held, targets), along=known)
    alone = loss_surface(minimum, vectors, a, b)
    assert alone.test is None
    assert found.test is not None
    for i, up in enumerate(b.tolist()):
        for j, right in enumerate(a.tolist()):
            theta = minimum.theta + right * vectors[0] + up * vectors[1]
            weight, bias = theta[:12].view(4, 3), theta[12:]
            for value, x, y in (
                (found.train, minimum.inputs, minimum.targets),
                (alone.train, minimum.inputs, minimum.targets),
                (found.test, held, targets),
            ):
                expected = nn.functional.cross_entropy(x @ weight.T + bias, y)
                # sums of 40 numbers of order 1 in float64
                assert abs(float(value[i, j]) - float(expected)) < 1e-13
