"""Good files of every format that intake takes, made here, small."""

from __future__ import annotations

import argparse
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import nn
from torch.nn.utils import prune

from minimascope import export


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))


def saved(*, legacy: bool = False) -> bytes:
    buffer = io.BytesIO()
    torch.save(network().state_dict(), buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


def objects() -> bytes:
    """What Lightning saves: weights beside objects that are never made."""
    options = argparse.Namespace(width=6, rates=[0.1, 0.01])
    value = {"epoch": 3, "state_dict": network().state_dict(), "hyper_parameters": options}
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def whole() -> bytes:
    buffer = io.BytesIO()
    torch.save(network(), buffer)
    return buffer.getvalue()


def program(folder: Path) -> bytes:
    return export(network(), torch.randn(3, 4), folder / "model.pt2").read_bytes()


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, content in files.items():
            made.writestr(zipfile.ZipInfo(name), content)  # no time of day: same seed, same copies
    return buffer.getvalue()


def shards() -> bytes:
    state = network().state_dict()
    names = ["a.safetensors", "b.safetensors"]
    parts = [dict(list(state.items())[:2]), dict(list(state.items())[2:])]
    places = {key: name for name, part in zip(names, parts, strict=True) for key in part}
    files = {name: save(part) for name, part in zip(names, parts, strict=True)}
    return archive(
        {**files, "model.safetensors.index.json": json.dumps({"weight_map": places}).encode()}
    )


def sharded(name: str) -> bytes:
    """What two devices saved together."""
    return (Path(__file__).parents[2] / "cases" / "shards" / f"{name}.zip").read_bytes()


def hugging() -> bytes:
    import transformers

    torch.manual_seed(0)
    shape = {"num_channels": 1, "patch_size": 2, "hidden_sizes": [4, 8], "depths": [1, 1]}
    config = transformers.ConvNextConfig(**shape, num_stages=2, num_labels=3)
    model = transformers.ConvNextForImageClassification(config)
    entries = {**config.to_dict(), "architectures": ["ConvNextForImageClassification"]}
    weights = save(dict(model.state_dict()))
    return archive({"config.json": json.dumps(entries).encode(), "model.safetensors": weights})


def arrays() -> bytes:
    buffer = io.BytesIO()
    x = np.random.default_rng(0).normal(size=(20, 3))
    np.savez_compressed(buffer, X=x, y=np.arange(20) % 3)
    return buffer.getvalue()


def table() -> bytes:
    return ("a,b,y\n" + "\n".join(f"{i},{i / 4},{i % 3}" for i in range(20))).encode()


def parquet() -> bytes:
    import pyarrow
    import pyarrow.parquet

    buffer = io.BytesIO()
    columns = {"a": [i / 4 for i in range(20)], "y": [i % 3 for i in range(20)]}
    pyarrow.parquet.write_table(pyarrow.table(columns), buffer)
    return buffer.getvalue()


def images() -> bytes:
    import PIL.Image

    files = {}
    for place, kind in enumerate(("png", "jpeg", "bmp", "gif", "webp", "ppm", "tiff")):
        buffer = io.BytesIO()
        pixels = np.random.default_rng(place).integers(0, 256, (6, 5, 3), dtype=np.uint8)
        PIL.Image.fromarray(pixels).save(buffer, kind)
        files[f"{'ab'[place % 2]}/{place}.{kind}"] = buffer.getvalue()
    return archive(files)


def script() -> bytes:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(network()), buffer)
    return buffer.getvalue()


def normed() -> bytes:
    """Weight norm, spectral norm, a mask, and what wrappers add, in one state dict."""
    model = network()
    torch.nn.utils.parametrizations.weight_norm(model[0])
    torch.nn.utils.parametrizations.spectral_norm(model[2])
    prune.l1_unstructured(model[0], "bias", amount=2)
    state = {f"module.{name}": tensor for name, tensor in model.state_dict().items()}
    buffer = io.BytesIO()
    torch.save({**state, "n_averaged": torch.tensor(3)}, buffer)
    return buffer.getvalue()


def adapter() -> bytes:
    parts = {
        "base_model.model.0.lora_A.weight": torch.ones(2, 4),
        "base_model.model.0.lora_B.weight": torch.ones(6, 2),
    }
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4}
    return archive(
        {
            "model.safetensors": save(network().state_dict()),
            "adapter/adapter_model.safetensors": save(parts),
            "adapter/adapter_config.json": json.dumps(config).encode(),
        }
    )


def short() -> bytes:
    """fp8 with a scale, int8 of LLM.int8, bfloat16 biases."""
    state = network().state_dict()
    return save(
        {
            "0.weight": state["0.weight"].to(torch.float8_e4m3fn),
            "0.weight_scale": torch.tensor(0.5),
            "0.bias": state["0.bias"].bfloat16(),
            "2.weight": (state["2.weight"] * 100).to(torch.int8),
            "2.SCB": torch.ones(3),
            "2.bias": state["2.bias"],
        }
    )


def pair() -> bytes:
    buffer = io.BytesIO()
    data = torch.utils.data.TensorDataset(torch.ones(6, 3), torch.arange(6) % 3)
    torch.save({"train": data, "test": (torch.ones(2, 3), [0, 1])}, buffer)
    return buffer.getvalue()


def arrow() -> bytes:
    import pyarrow

    buffer = io.BytesIO()
    ids = [[place, 1, 0] for place in range(8)]
    table = pyarrow.table({"input_ids": ids, "attention_mask": ids, "label": [0, 1] * 4})
    with pyarrow.ipc.new_stream(buffer, table.schema) as writer:
        writer.write_table(table)
    return buffer.getvalue()


def tables() -> bytes:
    return archive({"d/train.csv": table(), "d/test.csv": table(), "d/README.md": b"."})


def commas() -> bytes:
    rows = "\r\n".join(f"{i};{i},5;{i % 3}" for i in range(20))
    return b"\xef\xbb\xbf" + f"a;b;label\r\n{rows}".encode()


def splits() -> bytes:
    buffer = io.BytesIO()
    x = np.random.default_rng(0).integers(0, 256, (6, 4, 4), dtype=np.uint8)
    named = {"train_images": x, "train_labels": np.arange(6)[:, None] % 3}
    np.savez(buffer, **named, val_images=x[:2], val_labels=np.arange(2), test_images=x[:1])
    return buffer.getvalue()
