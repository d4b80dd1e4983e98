"""Which tensors are taken: plain, dense, in memory, each element its own, finite.

torch loads other kinds without complaint: views with stride 0 that promise terabytes from one
number, meta tensors without data, sparse and quantised ones. They are refused before use.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from minimascope.contract.names import UNSEEN
from minimascope.contract.problems import ProblemError
from minimascope.intake.files.safetensors_format import NAMES, TENSORS, damaged

NAME_LENGTH = 1000
SPARE_BYTES = 64 << 20


def refuse(name: str, why: str) -> ProblemError:
    """The refusal of one tensor."""
    return ProblemError(
        "tensor_refused",
        f"Tensor {name[:200]!r} is {why}.",
        "Save plain dense tensors: {k: v.detach().cpu().contiguous() for k, v in "
        "model.state_dict().items()}.",
    )


def view_of(
    name: str,
    data: bytearray | memoryview,
    dtype: torch.dtype,
    shape: list[int],
    strides: list[int],
    offset: int,
) -> Tensor:
    """A tensor over the bytes of one record, every bound checked before it is made.

    Raises ProblemError: tensor_refused (a view beyond its bytes), file_damaged.
    """
    held = len(data) // dtype.itemsize
    if len(shape) != len(strides) or len(shape) > 16:
        raise damaged(f"{name[:100]!r} has {len(shape)} sizes and {len(strides)} strides")
    if math.prod(shape) == 0:
        return torch.empty(shape, dtype=dtype)
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if last >= held or math.prod(shape) > held:
        raise refuse(name, f"a view of shape {shape} and strides {strides} over {held} numbers")
    return torch.frombuffer(data, dtype=dtype, count=held).as_strided(shape, strides, offset)


def overlaps_itself(tensor: Tensor) -> bool:
    """True where two elements may share memory (a stride smaller than what lies beneath it)."""
    steps = sorted((t, s) for s, t in zip(tensor.shape, tensor.stride(), strict=True) if s > 1)
    reach = 1
    for stride, size in steps:
        if stride < reach:
            return True
        reach = stride * (size - 1) + reach
    return False


def _check_kind(name: str, tensor: Tensor) -> None:
    if type(tensor) not in (Tensor, nn.Parameter):
        raise refuse(name, f"of the special kind {type(tensor).__name__}")
    if tensor.is_meta:
        raise refuse(name, "a meta tensor without data")
    if tensor.layout != torch.strided or tensor.is_nested:
        raise refuse(name, f"not dense ({str(tensor.layout).removeprefix('torch.')})")
    if tensor.is_quantized or tensor.dtype not in NAMES:
        raise refuse(name, f"of dtype {str(tensor.dtype).removeprefix('torch.')}")
    if tensor.device.type != "cpu":
        raise refuse(name, f"on device {tensor.device}")


def _check_memory(name: str, tensor: Tensor) -> None:
    if tensor.numel() == 0:
        return
    held = tensor.untyped_storage().nbytes() // tensor.element_size()
    if tensor.numel() > held:
        raise refuse(
            name,
            f"a view of shape {list(tensor.shape)} and strides {list(tensor.stride())} over only "
            f"{held} stored numbers",
        )
    if overlaps_itself(tensor):
        raise refuse(
            name, f"a view whose elements overlap in memory (strides {list(tensor.stride())})"
        )


def tied(tensors: dict[str, Tensor]) -> dict[str, str]:
    """Name → the first name of the very same numbers in memory: one parameter under two names."""
    first: dict[tuple[Any, ...], str] = {}
    found: dict[str, str] = {}
    for name, tensor in tensors.items():
        if tensor.numel():
            place = (tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride())
            found[name] = first.setdefault(place, name)
    return {name: kept for name, kept in found.items() if name != kept}


def check_finite(name: str, tensor: Tensor, code: str = "nan_weights") -> None:
    """Raises ProblemError `code` naming how many elements are NaN or infinite."""
    if not tensor.is_floating_point() or bool(torch.isfinite(tensor).all()):
        return
    nans = int(torch.isnan(tensor).sum())
    infinite = int(torch.isinf(tensor).sum())
    raise ProblemError(
        code,
        f"Tensor {name[:200]!r} holds {nans} NaN and {infinite} infinite values "
        f"among {tensor.numel()}.",
        "A diverged training run has no minimum to analyse; send an earlier checkpoint.",
    )


def check_tensors(tensors: dict[str, Tensor], *, file_bytes: int) -> None:
    """Refuses what cannot be analysed: what `check_plain` refuses, and nan_weights."""
    check_plain(tensors, file_bytes=file_bytes)
    for name, tensor in tensors.items():
        check_finite(name, tensor)


def check_plain(tensors: dict[str, Tensor], *, file_bytes: int) -> None:
    """Refuses what cannot be looked at safely, without looking at its numbers.

    Raises ProblemError tensor_refused (kind, layout, dtype, overlapping or repeated memory).
    `file_bytes` bounds what all tensors together may unpack to.
    """
    if len(tensors) > TENSORS:
        raise refuse(next(iter(tensors)), f"one of {len(tensors)} tensors, more than {TENSORS}")
    total = 0
    for name, tensor in tensors.items():
        if len(name) > NAME_LENGTH:
            raise refuse(name, f"named by {len(name)} characters, more than {NAME_LENGTH}")
        if UNSEEN.search(name):
            raise refuse(name, "named with characters that cannot be seen")
        _check_kind(name, tensor)
        _check_memory(name, tensor)
        total += tensor.numel() * tensor.element_size()
        if total > 4 * file_bytes + SPARE_BYTES:
            raise refuse(name, f"one of many views of the same memory ({total} bytes together)")
