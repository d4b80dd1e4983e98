"""Random networks of the allowed layers, in every format, through every stage: no fault, and

products equal to autograd's. 240 seeds in shards; every sixth goes through a whole analysis.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.checked_network import check

SHARDS, IN_SHARD, WHOLE_EVERY = 24, 10, 6


# torch says so of its own convolutions where kernels are even.
@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
@pytest.mark.parametrize("shard", range(SHARDS))
def test_products_are_those_of_autograd_and_no_stage_has_a_fault(
    shard: int, tmp_path: Path
) -> None:
    seeds = range(shard * IN_SHARD, (shard + 1) * IN_SHARD)
    checked = 0
    for seed in seeds:
        folder = tmp_path / str(seed)
        folder.mkdir()
        checked += check(seed, folder, whole=seed % WHOLE_EVERY == 0)
    print(f"seeds {seeds.start} to {seeds.stop - 1}: {checked} networks compared")
    assert checked >= IN_SHARD - 3
