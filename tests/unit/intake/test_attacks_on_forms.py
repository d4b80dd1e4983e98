"""Attacks in the newer forms of files: each a refusal by a known code, none a fault or a number."""

from __future__ import annotations

import io
import json
import math
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save

from minimascope.contract.problems import ProblemError
from minimascope.intake.values.checkpoint import read_checkpoint
from minimascope.intake.values.dataset import read_dataset
from tests.unit.intake.fuzz import CODES
from tests.unit.intake.fuzz_files import archive, arrow, network

MARKER = Path("/tmp/minimascope-form-attack")


class Attack:
    def __reduce__(self) -> Any:
        return (MARKER.write_text, ("here",))


def pickled() -> bytes:
    return pickle.dumps(Attack())


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def header(shape: str) -> bytes:
    """An .npy that promises a shape and holds one number."""
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + b"\0" * 8


def objects() -> bytes:
    x = np.empty(3, dtype=object)
    x[:] = [Attack()] * 3
    return npz(x_train=x, y_train=np.arange(3))


def adapted(**config: Any) -> bytes:
    parts = {"a.0.lora_A.weight": torch.ones(2, 4), "a.0.lora_B.weight": torch.ones(6, 2)}
    told = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, **config}
    files = {"model.safetensors": save(network().state_dict())}
    files["adapter_model.safetensors"] = save(parts)
    files["adapter_config.json"] = json.dumps(told).encode()
    return archive(files)


def indexed(place: str) -> bytes:
    weights = dict.fromkeys(network().state_dict(), place)
    index = json.dumps({"weight_map": weights}).encode()
    files = {"a.safetensors": save(network().state_dict()), "model.safetensors.index.json": index}
    return archive(files)


def long_arrow() -> bytes:
    """A record batch whose number of rows is another."""
    content = bytearray(arrow())
    place = content.rindex(struct.pack("<q", 8))
    content[place : place + 8] = struct.pack("<q", 1 << 40)
    return bytes(content)


def bomb(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(name, b"\0" * (90 << 20))
    return buffer.getvalue()


DATA: dict[str, Callable[[], bytes]] = {
    "objects in a split": objects,
    "a shape of 2⁶⁰": lambda: archive({"X.npy": header(f"({1 << 60},)"), "y.npy": header("(1,)")}),
    "a negative shape": lambda: archive({"X.npy": header("(-1,)"), "y.npy": header("(1,)")}),
    "a shape that is a call": lambda: archive({"X.npy": header("(print(1),)")}),
    "a pickle for a table": lambda: archive({"train/a.parquet": pickled()}),
    "a pickle for an image": lambda: archive({"cat/a.png": pickled()}),
    "rows of an arrow batch": long_arrow,
    **{f"a bomb of {kind}": (lambda kind=kind: bomb(f"a/b.{kind}")) for kind in ("csv", "png")},
}
WEIGHTS: dict[str, Callable[[], bytes]] = {
    "an index that goes up": lambda: indexed("../../../etc/passwd"),
    "an index of lists": lambda: indexed([]),  # type: ignore[arg-type]
    "an adapter of no scale": lambda: adapted(lora_alpha=math.nan),
    "an adapter of a text": lambda: adapted(r="2", lora_alpha="many"),
    "an adapter of another shape": lambda: adapted(fan_in_fan_out=True, r=0),
    "a pickle for shards": lambda: archive({"x/__0_0.distcp": pickled(), "x/.metadata": pickled()}),
    "a pickle for a rank": lambda: archive({"x/mp_rank_00_model_states.pt": pickled()}),
    "a pickle for weights": lambda: archive({"pytorch_model.bin": pickled()}),
    "a bomb of shards": lambda: bomb("x/__0_0.distcp"),
    "a bomb of weights": lambda: bomb("x/model.safetensors"),
}


@pytest.mark.parametrize("name", [*DATA, *WEIGHTS])
def test_an_attack_is_a_refusal(tmp_path: Path, workdir: Path, name: str) -> None:
    path = tmp_path / "upload"
    path.write_bytes((DATA | WEIGHTS)[name]())
    with pytest.raises(ProblemError) as caught:
        (read_dataset if name in DATA else read_checkpoint)(path, workdir=workdir)
    assert caught.value.code in CODES
    assert caught.value.sentence.endswith(".")
    assert not MARKER.exists()
