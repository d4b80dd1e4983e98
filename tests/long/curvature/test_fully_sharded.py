"""Weights that are sharded over two ranks have the Hessian of whole ones, within its bound."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

import minimascope
from minimascope.contract.problems import ProblemError
from minimascope.curvature.minimum.minimum import prepare
from minimascope.curvature.products.gradient import mean_gradient
from minimascope.curvature.products.hessian import hessian
from tests.cases.fully_sharded import case, sharded


def test_sharded_weights_have_the_gradient_and_the_products_of_whole_ones(tmp_path: Path) -> None:
    v = torch.randn(66, generator=torch.Generator().manual_seed(1)).double()
    command = [sys.executable, "-m", "tests.cases.fully_sharded", str(tmp_path / "store"), "1"]
    with subprocess.Popen(command) as other:
        found = sharded(tmp_path / "store", 0)
        try:
            gradient, made = found.gradient(found.theta), found.hessian()
            product = made.product(v)
            found.end()
            with pytest.raises(ProblemError, match="sharded over processes"):
                minimascope.analyze(found._network, case()[1:])
            assert other.wait(60) == 0
        finally:
            other.kill()
            dist.destroy_process_group()
    whole = prepare(*case())
    exact = hessian(whole).matvec(v)
    assert torch.allclose(gradient, mean_gradient(whole), rtol=0, atol=1e-14)
    assert float((product - exact).norm()) <= made.worst * float(exact.norm())
    assert 0 < made.worst < 1e-8
