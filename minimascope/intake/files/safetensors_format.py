"""The safetensors format on open files: 8-byte header length, JSON header, raw tensors.

Reading here is for strangers' files inside the sandbox (every number in the header is checked
against the file before anything is allocated); writing makes the one stored weight format, with
tensors in the order given. Format: huggingface.co/docs/safetensors.
"""

from __future__ import annotations

import json
import math
import struct
from typing import Any, BinaryIO

import torch
from torch import Tensor

from minimascope.contract.problems import ProblemError

DTYPES: dict[str, torch.dtype] = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}
FLOAT8 = (torch.float8_e4m3fn, torch.float8_e5m2)
NAMES = {dtype: name for name, dtype in DTYPES.items()}
HEADER_BYTES = 64 << 20
TENSORS = 100_000


def damaged(what: str) -> ProblemError:
    """The file contradicts itself."""
    return ProblemError(
        "file_damaged", f"The file is damaged: {what}.", "Save it again from the training script."
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise damaged("its header names one key twice")
    return table


def _header(file: BinaryIO, size: int) -> tuple[dict[str, Any], dict[str, Any], int]:
    """The entries of the JSON header, its metadata, and where the data begins."""
    length = struct.unpack("<Q", file.read(8))[0] if size >= 8 else 0
    if length > min(HEADER_BYTES, size - 8):
        raise damaged(f"its header claims {length} bytes, the file has {size}")
    try:
        header = json.loads(file.read(length), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise damaged("its header is not JSON") from error
    if not isinstance(header, dict) or len(header) > TENSORS:
        raise damaged("its header is not a table of tensors")
    metadata = header.pop("__metadata__", None)
    return header, metadata if isinstance(metadata, dict) else {}, 8 + length


def _whole_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(type(v) is int and v >= 0 for v in values)


def _entry(name: str, entry: Any) -> tuple[torch.dtype, list[int], int, int]:
    """Checks one header entry: dtype, shape, first and last byte."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise damaged(f"the header entry of {name!r} is incomplete")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ProblemError(
            "tensor_refused",
            f"Tensor {name!r} has dtype {dtype}, which cannot be analysed.",
            f"Allowed: {', '.join(DTYPES)}.",
        )
    if not _whole_numbers(shape) or not _whole_numbers(offsets) or len(offsets) != 2:
        raise damaged(f"shape or offsets of {name!r} are not whole numbers")
    if len(shape) > 16 or math.prod(shape) * DTYPES[dtype].itemsize != offsets[1] - offsets[0]:
        raise damaged(f"shape {shape} of {name!r} does not fit its {offsets[1] - offsets[0]} bytes")
    return DTYPES[dtype], shape, offsets[0], offsets[1]


Place = tuple[str, torch.dtype, list[int], int, int]  # name, dtype, shape, first and last byte


def places(file: BinaryIO, size: int) -> tuple[list[Place], dict[str, str]]:
    """Where each tensor of a stranger's file of `size` bytes lies, counted from its start, in

    order; and the tied names that `safetensors.torch.save_model` left out, each with the tensor it
    shares. Raises ProblemError as `read` does. Reads the header alone.
    """
    header, metadata, start = _header(file, size)
    entries = [(name, *_entry(name, entry)) for name, entry in header.items()]
    entries.sort(key=lambda e: (e[3], e[4]))
    reached = 0
    for name, _, _, begin, end in entries:
        if begin != reached or start + end > size:
            raise damaged(f"the bytes of {name!r} overlap others or lie outside the file")
        reached = end
    if start + reached != size:
        raise damaged(f"{size - start - reached} bytes after the last tensor belong to none")
    found = [(name, dtype, shape, start + a, start + b) for name, dtype, shape, a, b in entries]
    names = {place[0] for place in found}
    tied = {
        name: kept
        for name, kept in metadata.items()
        if name not in names and isinstance(kept, str) and kept in names
    }
    return found, tied


def read(file: BinaryIO, size: int) -> dict[str, Tensor]:
    """All tensors of a stranger's file of `size` bytes, in order of their place in the file.

    Tied names that `safetensors.torch.save_model` left out come back as the tensor they share.

    Raises ProblemError file_damaged where header and file disagree (lengths, offsets that
    overlap, leave holes or pass the end), tensor_refused for a dtype outside the table.
    """
    found, tied = places(file, size)
    tensors: dict[str, Tensor] = {}
    for name, dtype, shape, begin, end in found:
        data = bytearray(end - begin)
        file.seek(begin)
        if file.readinto(data) != len(data):  # type: ignore[attr-defined]
            raise damaged(f"the file ends inside {name!r}")
        flat = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
        tensors[name] = flat.reshape(shape)
    return tensors | {name: tensors[kept] for name, kept in tied.items()}


def write(tensors: dict[str, Tensor], file: BinaryIO) -> None:
    """Writes tensors one at a time, in their own order, without a second copy of them all."""
    header: dict[str, Any] = {}
    offset = 0
    for name, tensor in tensors.items():
        end = offset + tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write(struct.pack("<Q", len(text)) + text)
    for tensor in tensors.values():
        if tensor.numel():
            file.write(tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().data)
