"""Weights in fewer bits: made float32 where the file says exactly how, else refused by name.

LLM.int8 (bitsandbytes): W = int8 · SCB/127, a row each (Dettmers et al. 2022, section 2). fp8 with
scales: W = fp8 · scale, one for the tensor, a row or a block. Other forms leave out what their
library knows; the refusal says how that library makes the weights plain again.
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimascope.contract.problems import ProblemError
from minimascope.intake.files.safetensors_format import FLOAT8, damaged
from minimascope.intake.files.taken import Row, left

Tensors = dict[str, Tensor]
HALF = (torch.float16, torch.bfloat16)
_SCALES = ("_scale_inv", "_scale")
# A name that only one library writes, what wrote it, and how it gives plain weights.
_OTHERS = {
    ".qweight": ("GPTQ or AWQ", "model = model.dequantize(); model.save_pretrained(folder)"),
    ".quant_state.": ("bitsandbytes 4-bit", "model = model.dequantize(); model.save_pretrained(f)"),
    "._packed_params": (
        "torch.ao's quantisation",
        "Save the float network that it was made from: torch.save(model.state_dict(), path)",
    ),
    ".weight_packed": ("compressed-tensors", "model.dequantize(); model.save_pretrained(folder)"),
}


def full(tensors: Tensors) -> tuple[Tensors, list[str], list[Row]]:
    """Floating weights, sentences, and a row for each kind of number that was changed.

    Raises ProblemError: unsupported_format (quantised in a way that cannot be undone exactly),
    file_damaged (scales that do not fit).
    """
    for name in tensors:
        for sign, (what, cure) in _OTHERS.items():
            if sign in f".{name}":
                raise _refused(name, what, cure)
    found, rows = _int8(tensors)
    found, more = _fp8(found)
    said = [f"{row.part.capitalize()}: {row.words}." for row in (*rows, *more)]
    return found, [*said, *_halves(found)], [*rows, *more]


def _refused(name: str, what: str, cure: str) -> ProblemError:
    return ProblemError(
        "unsupported_format",
        f"These weights are quantised by {what} ({name[:100]!r}): the file does not say exactly "
        "which numbers they stand for.",
        f"In the script that loads the model: {cure}.",
    )


def _int8(tensors: Tensors) -> tuple[Tensors, list[Row]]:
    found = dict(tensors)
    count = 0
    for name, tensor in tensors.items():
        scale = next((k for k in (f"{name}.SCB", _scb(name)) if k in tensors), None)
        if tensor.dtype != torch.int8 or scale is None:
            continue
        rows = tensors[scale]
        if rows.ndim != 1 or tensor.ndim != 2 or len(rows) != len(tensor):
            raise damaged(f"the scales of {name[:100]!r} do not fit it")
        found[name] = tensor.float() * (rows.float() / 127)[:, None]
        found.pop(scale)
        found.pop(f"{name}_format", None)
        count += 1
    if not count:
        return tensors, []
    return found, [Row(f"{count} int8 weights", "int8 · SCB/127 of LLM.int8, as float32")]


def _scb(name: str) -> str:
    return f"{name.removesuffix('weight')}SCB"


def _fp8(tensors: Tensors) -> tuple[Tensors, list[Row]]:
    found = dict(tensors)
    names = [name for name, tensor in tensors.items() if tensor.dtype in FLOAT8]
    scaled = 0
    for name in names:
        found[name] = tensors[name].float()
        scale = next((name + end for end in _SCALES if name + end in tensors), None)
        if scale is not None:
            found[name] *= _spread(name, found.pop(scale).float(), found[name])
            scaled += 1
    if not names:
        return tensors, []
    words = "float32, exact" if not scaled else f"float32, {scaled} of them times their scales"
    unused = [name for name in found if name.endswith((".input_scale", ".k_scale", ".v_scale"))]
    for name in unused:
        found.pop(name)
    rows = [Row(f"{len(names)} fp8 weights", words)]
    return found, rows + [left(f"{len(unused)} scales of activations", "no weights")] * bool(unused)


def _spread(name: str, scale: Tensor, weight: Tensor) -> Tensor:
    """A scale for each number: of the tensor, of a row, or of a square block."""
    if scale.numel() == 1:
        return scale.reshape(())
    if scale.numel() == weight.shape[0] and scale.ndim <= 2:
        return scale.reshape(-1, *[1] * (weight.ndim - 1))
    if scale.ndim == weight.ndim == 2:
        sizes = [-(-size // 128) for size in weight.shape]
        if list(scale.shape) == sizes:
            rows = scale.repeat_interleave(128, 0)[: weight.shape[0]]
            return rows.repeat_interleave(128, 1)[:, : weight.shape[1]]
    raise damaged(f"the scales of {name[:100]!r} do not fit it")


def _halves(tensors: Tensors) -> list[str]:
    """What is said of weights that were saved with few digits."""
    found = sorted(
        {str(t.dtype).removeprefix("torch.") for t in tensors.values() if t.dtype in HALF}
    )
    if not found:
        return []
    digits = {"float16": "about 3 digits", "bfloat16": "2 to 3 digits"}
    return [
        f"Weights of {' and '.join(found)} are computed with as float32: they hold "
        f"{digits[found[0]]} of those that training reached, so the gradient may not be zero."
    ]
