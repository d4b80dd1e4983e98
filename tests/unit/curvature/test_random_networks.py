"""A few of the random networks of tests/long, with those whose products once were wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.checked_network import check

# A layer reused, a weight tied, by a chain of known layers: 31 in torch, 90 in a zip; 138 a norm.
ONCE_WRONG = (31, 90, 138)


@pytest.mark.parametrize("seed", [*ONCE_WRONG, 1000, 1001, 1002])
def test_products_are_those_of_autograd(seed: int, tmp_path: Path) -> None:
    assert check(seed, tmp_path)
