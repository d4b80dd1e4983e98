"""Weights of a file that stays on the disk: tensors over its mapped pages, read when looked at.

For safetensors, files of torch.save and zips of safetensors that are stored uncompressed; other
formats are read whole. Unlike a checkpoint that is to be analysed, it may hold numbers that are
not finite.
"""

from __future__ import annotations

import mmap
import zipfile
from dataclasses import dataclass, field, replace
from typing import BinaryIO

import torch
from torch import Tensor

from minimascope.contract.problems import ProblemError
from minimascope.intake.files import formats, safetensors_format
from minimascope.intake.files.tensor_checks import check_plain
from minimascope.intake.pt2 import graph
from minimascope.intake.weights import (
    inert_checkpoint,
    pickle_steps,
    sharded_training,
    state_dict,
    torch_file,
    torchscript,
    weight_archive,
)

TORCH = ("torch_zip", "torch_legacy", "torchscript", "shards_zip")


@dataclass(frozen=True)
class Mapped:
    """`tensors` by name; `pages` is None where they were read whole."""

    format: str
    tensors: dict[str, Tensor]
    warnings: list[str] = field(default_factory=list)
    pages: mmap.mmap | None = None

    def forget(self) -> None:
        """Gives back the memory of what was looked at; it can be looked at again."""
        if self.pages is not None:
            self.pages.madvise(mmap.MADV_DONTNEED)


def open_mapped(source: BinaryIO, *, torch_files: str = "taken") -> Mapped:
    """Raises ProblemError as `read_checkpoint` does, but for nan_weights."""
    size = formats.size_of(source)
    kind = formats.recognise(source)
    found = _opened(source, kind, size, torch_files)
    check_plain(found.tensors, file_bytes=size)
    return replace(found, tensors={name: each.detach() for name, each in found.tensors.items()})


def _opened(source: BinaryIO, kind: str | None, size: int, torch_files: str) -> Mapped:
    if kind in TORCH and torch_files == "refused":
        raise torch_file.not_here()
    if kind == "safetensors":
        pages = _map(source)
        return Mapped("safetensors", _safetensors(source, memoryview(pages)), pages=pages)
    if kind == "torch_zip":
        pickle_steps.check(*inert_checkpoint.tables(source))
        source.seek(0)
        pages = _map(source)
        picked = state_dict.pick(*inert_checkpoint.read(source, memoryview(pages)))
        said = [picked.sentence] if picked.sentence else []
        return Mapped("torch", picked.tensors, [*said, *picked.warnings], pages)
    if kind == "torch_legacy":
        picked = state_dict.pick(*torch_file.read(source, zipped=False))
        return Mapped("torch", picked.tensors, picked.warnings)
    if kind == "pt2":
        return Mapped("pt2", graph.read(source)[0])
    if kind == "weight_zip":
        return _of_zip(source, torch_files)
    if kind == "shards_zip":
        joined = sharded_training.read(source)
        picked = state_dict.pick(joined.saved, joined.said)
        return Mapped("shards", picked.tensors, picked.warnings)
    if kind == "torchscript":
        return Mapped("torchscript", torchscript.read(source).tensors)
    what = f"a data set ({kind})" if kind else "no known checkpoint format"
    raise ProblemError("not_a_checkpoint", f"The file is {what if size else 'empty (0 bytes)'}.")


def _map(source: BinaryIO) -> mmap.mmap:
    """Private and writable, as torch wants memory to be; nothing is ever written to it."""
    return mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_COPY)


def _safetensors(file: BinaryIO, mapped: memoryview) -> dict[str, Tensor]:
    places, tied = safetensors_format.places(file, len(mapped))
    tensors = dict[str, Tensor]()
    for name, dtype, shape, begin, end in places:
        data = mapped[begin:end]
        flat = torch.frombuffer(data, dtype=dtype) if len(data) else torch.empty(0, dtype=dtype)
        tensors[name] = flat.reshape(shape)
    return tensors | {name: tensors[kept] for name, kept in tied.items()}


def _of_zip(source: BinaryIO, torch_files: str) -> Mapped:
    """Shards where they lie in the archive; read whole where one is compressed."""
    pages = _map(source)
    tensors = dict[str, Tensor]()
    with zipfile.ZipFile(source) as archive:
        names = [name for name in archive.namelist() if name.endswith(weight_archive.SUFFIX)]
        for name in names:
            data = inert_checkpoint.stored_at(archive, name, memoryview(pages))
            if data is None:
                names = list[str]()
                break
            with archive.open(name) as record:
                shard = _safetensors(record, data)  # type: ignore[arg-type]
            if set(shard) & set(tensors):
                raise safetensors_format.damaged("a tensor is in two of its shards")
            tensors |= shard
    if not names:
        whole = weight_archive.read(source, torch_files=torch_files)
        return Mapped("safetensors", whole.tensors)
    return Mapped("safetensors", tensors, pages=pages)
