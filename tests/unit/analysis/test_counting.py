"""Operations are counted as by hand, and no compiler is imported to count them."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from minimascope.analysis.costs.counting import Counted
from minimascope.boundary.certificates.recognition import _Recorder


def test_multiplications_and_numbers_are_those_of_the_layers() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3))
    images = torch.ones(5, 1, 8, 8)
    with torch.no_grad(), Counted() as counted:
        network(images)
    assert counted.convolved == 2 * 5 * 36 * 4 * 9
    assert counted.products == 2 * 5 * 144 * 3
    assert counted.numbers == 5 * (144 + 144 + 3)


@pytest.mark.parametrize("mode", [Counted, _Recorder])
def test_no_mode_of_ours_asks_for_the_compiler(mode: type[TorchDispatchMode]) -> None:
    """torch wraps the method of other modes in one that imports `torch._dynamo`: 1.5 CPU-s."""
    assert not hasattr(mode.__torch_dispatch__, "__wrapped__")
