"""A weights report holds one tensor in memory, whatever the files are."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from tests.servers.resident import peak_of

SIDE, TENSORS = 2048, 16  # 16 MiB each in float32: 270 MB in 4 shards


def write(folder: Path, *, tensors: int) -> Path:
    folder.mkdir()
    drawn = 0.02 * torch.randn(SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    for start in range(0, tensors, 4):
        names = range(start, min(start + 4, tensors))
        shard = {f"{n}.weight": drawn.roll(n, 0) for n in names}
        save_file(shard, folder / f"model-{start // 4 + 1:05d}.safetensors")
    return folder


def test_many_tensors_take_no_more_memory_than_one(tmp_path: Path) -> None:
    """Held at once the other 15 would be 240 MiB; what comes and goes between two looks is less."""
    peaks = []
    for name, tensors in (("one", 1), ("all", TENSORS)):
        folder = write(tmp_path / name, tensors=tensors)
        arguments = ["weights", str(folder), "--exact-up-to", "256", "--json"]
        peak, ended = peak_of(arguments)
        assert ended.returncode == 0, ended.stderr
        assert len(json.loads(ended.stdout)["rows"]) == tensors
        peaks.append(peak)
    one, every = peaks
    print(f"peak {one / 2**20:.0f} MiB for one tensor, {every / 2**20:.0f} MiB for {TENSORS}")
    # Between two looks a tensor in float64 comes and goes, of the one as well.
    assert every - one < (TENSORS - 1) * 16 << 20
