"""Damaged copies of good files: each is a valid load or a refusal with a stable code, in time.

Seeded mutations: bytes changed anywhere or in the header, truncation, a stretch removed, doubled.
"""

import io
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import nn

from minimascope.export import export
from minimascope.problems import ProblemError
from workers.intake.checkpoint import convert_checkpoint
from workers.intake.data import convert_dataset

COPIES = 100
SLOWEST = 10.0  # seconds a file, the promise of the intake
CODES = {
    *("file_damaged", "pickle_refused", "not_a_checkpoint", "unsupported_format", "deflate_bomb"),
    *("tensor_refused", "nan_weights", "operator_refused", "not_a_dataset", "nan_data"),
    *("dataset_missing_arrays", "empty_data", "sandbox_memory"),
}


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))


def saved(*, legacy: bool = False) -> bytes:
    buffer = io.BytesIO()
    torch.save(network().state_dict(), buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


def program(folder: Path) -> bytes:
    return export(network(), torch.randn(3, 4), folder / "model.pt2").read_bytes()


def arrays() -> bytes:
    buffer = io.BytesIO()
    x = np.random.default_rng(0).normal(size=(20, 3))
    np.savez_compressed(buffer, X=x, y=np.arange(20) % 3)
    return buffer.getvalue()


def table() -> bytes:
    return ("a,b,y\n" + "\n".join(f"{i},{i / 4},{i % 3}" for i in range(20))).encode()


FILES: dict[str, tuple[Callable[[Path], bytes], Callable[..., dict[str, Any]]]] = {
    "pt": (lambda _: saved(), convert_checkpoint),
    "legacy": (lambda _: saved(legacy=True), convert_checkpoint),
    "safetensors": (lambda _: save(network().state_dict()), convert_checkpoint),
    "pt2": (program, convert_checkpoint),
    "npz": (lambda _: arrays(), convert_dataset),
    "csv": (lambda _: table(), convert_dataset),
}


def mutated(whole: bytes, chance: random.Random) -> bytes:
    content, kind = bytearray(whole), chance.randrange(4)
    if kind == 0:
        for _ in range(chance.randint(1, 8)):
            content[chance.randrange(len(content))] = chance.randrange(256)
    elif kind == 1:
        for _ in range(3):
            content[chance.randrange(min(300, len(content)))] = chance.randrange(256)
    elif kind == 2:
        del content[chance.randrange(len(content)) :]
    else:
        start = chance.randrange(len(content))
        stretch = slice(start, start + chance.randrange(64))
        content[stretch] = content[stretch] * chance.choice((0, 2))
    return bytes(content)


@pytest.mark.parametrize("name", list(FILES))
def test_damaged_copies_load_or_are_refused_with_a_stable_code(tmp_path: Path, name: str) -> None:
    make, convert = FILES[name]
    whole, chance = make(tmp_path), random.Random(name)
    path, codes = tmp_path / "upload", set[str]()
    for _ in range(COPIES):
        path.write_bytes(mutated(whole, chance))
        start = time.perf_counter()
        try:
            convert(path, output=tmp_path / "converted")
        except ProblemError as problem:
            codes.add(problem.code)
        assert time.perf_counter() - start < SLOWEST
    assert codes
    assert codes <= CODES
