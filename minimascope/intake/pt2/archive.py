"""The records of a .pt2: two tables of weights, one program; everything else is left unread."""

from __future__ import annotations

import json
import re
import zipfile
from typing import Any, BinaryIO

import torch
from torch import Tensor

from minimascope.contract.problems import ProblemError
from minimascope.intake.files.formats import pickle_refused, records
from minimascope.intake.files.safetensors_format import damaged
from minimascope.intake.files.tensor_checks import refuse, view_of

JSON_BYTES = 64 << 20
_PAYLOAD = re.compile(r"(weight|tensor)_\d{1,9}")
# torch._export.serde.schema.ScalarType
DTYPES: dict[int, torch.dtype] = {
    1: torch.uint8,
    2: torch.int8,
    3: torch.int16,
    4: torch.int32,
    5: torch.int64,
    6: torch.float16,
    7: torch.float32,
    8: torch.float64,
    12: torch.bool,
    13: torch.bfloat16,
}


class Archive:
    """Reads single records of an open .pt2 by their name below its root folder."""

    def __init__(self, source: BinaryIO) -> None:
        entries = records(source)
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise damaged("a .pt2 archive has no compressed records")
        self._zip = zipfile.ZipFile(source)
        self._entries = {entry.filename.split("/", 1)[-1]: entry for entry in entries}
        if len(self._entries) != len(entries):
            raise damaged("two of its records have the same name")
        compiled = [name for name in self._entries if name.startswith("data/aotinductor/")]
        if compiled:
            raise pickle_refused(f"holds compiled code ({compiled[0][:80]!r})")

    def bytes(self, name: str) -> bytearray:
        """The content of one record."""
        if name not in self._entries:
            raise damaged(f"the archive has no record {name[:100]!r}")
        try:
            return bytearray(self._zip.read(self._entries[name]))
        except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError) as error:
            raise damaged(f"the record {name[:100]!r} cannot be read") from error

    def table(self, name: str) -> dict[str, Any]:
        """The JSON object in one record."""
        if name in self._entries and self._entries[name].file_size > JSON_BYTES:
            raise damaged(f"the record {name[:100]!r} is larger than {JSON_BYTES} bytes")
        try:
            value = json.loads(self.bytes(name))
        except (ValueError, RecursionError) as error:
            raise damaged(f"the record {name[:100]!r} is not JSON") from error
        if not isinstance(value, dict):
            raise damaged(f"the record {name[:100]!r} is not a table")
        return value


def _sizes(values: list[dict[str, Any]], name: str) -> list[int]:
    sizes = [value.get("as_int") for value in values]
    if not all(type(size) is int and size >= 0 for size in sizes):
        raise damaged(f"the shape of {name[:100]!r} is not made of whole numbers")
    return [size for size in sizes if size is not None]


def _tensor(name: str, entry: dict[str, Any], data: bytearray) -> Tensor:
    """A tensor over its record, every bound checked before it is made."""
    meta = entry["tensor_meta"]
    dtype = DTYPES.get(meta["dtype"])
    if dtype is None:
        raise refuse(name, f"of dtype number {meta['dtype']}")
    shape, strides = _sizes(meta["sizes"], name), _sizes(meta["strides"], name)
    offset = _sizes([meta["storage_offset"]], name)[0]
    return view_of(name, data, dtype, shape, strides, offset)


def read_tensors(archive: Archive, kind: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors of "weights" or "constants" by name; and for tied ones, name → first name.

    Raises ProblemError: pickle_refused (a pickled payload), tensor_refused, file_damaged.
    """
    config = archive.table(f"data/{kind}/model_{kind}_config.json").get("config")
    if not isinstance(config, dict):
        raise damaged(f"its table of {kind} is missing")
    tensors: dict[str, Tensor] = {}
    seen: dict[str, str] = {}
    tied: dict[str, str] = {}
    for name, entry in config.items():
        if entry.get("use_pickle"):
            raise pickle_refused(f"holds {name[:100]!r} as a pickled object")
        path = entry["path_name"]
        if not isinstance(path, str) or not _PAYLOAD.fullmatch(path):
            raise damaged(f"the record name of {name[:100]!r} is not one of torch.export")
        identity = json.dumps([path, entry["tensor_meta"]], sort_keys=True)
        if identity in seen:
            tied[name] = seen[identity]
            continue
        seen[identity] = name
        tensors[name] = _tensor(name, entry, archive.bytes(f"data/{kind}/{path}"))
    return tensors, tied


def without_gradient(archive: Archive) -> set[str]:
    """Names of the weights that were saved with requires_grad false."""
    config = archive.table("data/weights/model_weights_config.json")["config"]
    return {name for name, row in config.items() if row["tensor_meta"]["requires_grad"] is False}


def no_program(error: Exception) -> ProblemError:
    """The program table lacks or misspells something."""
    return damaged(f"its program does not have the form torch.export gives it ({error!r:.80})")
