"""Forward passes over many examples never hold what layers hand on of all of them."""

import pytest
import torch
from torch import Tensor, nn

from minimascope.analysis.session.summaries import split_summary
from minimascope.curvature.minimum.batches import likelihood_of, outputs_at
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products.gradient import mean_gradient


class Counting(nn.Module):
    """A linear classifier that notes how many examples it was given at once."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3 * 32 * 32, 10)
        self.most = 0

    def forward(self, images: Tensor) -> Tensor:
        self.most = max(self.most, len(images))
        return self.head(images.flatten(1))


def images(n: int) -> tuple[Counting, Minimum]:
    torch.manual_seed(0)
    network = Counting()
    return network, prepare(network, torch.randn(n, 3, 32, 32), torch.arange(n) % 10)


def test_outputs_are_those_of_one_pass_over_all() -> None:
    network, minimum = images(300)
    found = outputs_at(minimum, minimum.inputs)
    assert network.most == 85
    with torch.no_grad():
        assert torch.allclose(found, network(minimum.inputs))
        other = outputs_at(minimum, minimum.inputs, 2 * minimum.theta)
    assert torch.allclose(other, 2 * found)


def test_whole_data_sets_are_passed_over_in_parts() -> None:
    network, minimum = images(300)
    outputs = outputs_at(minimum, minimum.inputs)
    summary = split_summary(minimum.loss, outputs, minimum.targets)
    likelihood = likelihood_of(minimum, minimum.inputs, minimum.targets)
    mean_gradient(minimum)
    assert network.most == 85
    assert summary.loss == pytest.approx(float(likelihood.nll().mean()), rel=1e-12)
