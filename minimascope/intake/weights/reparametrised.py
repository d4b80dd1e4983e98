"""Weights that torch saved in parts: the tensor that the layer multiplies by is computed from them.

Pruning (torch.nn.utils.prune): weight_orig · weight_mask. Weight norm: g·v/‖v‖ (Salimans and
Kingma 2016, eq. 2). Spectral norm: W/σ with σ = uᵀWv (Miyato et al. 2018, eq. 8), u and v as saved:
what the layer does in evaluation mode. Both as hooks of torch.nn.utils (weight_g, weight_u) and as
parametrizations. Any other parametrization is code of its own and is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from minimascope.contract.problems import ProblemError
from minimascope.intake.files.safetensors_format import damaged
from minimascope.intake.files.taken import Row

Tensors = dict[str, Tensor]
_WITHIN = ".parametrizations."
THETA = "θ of this analysis is the weight itself, not its parts."


def whole(tensors: Tensors) -> tuple[Tensors, list[str], list[Row]]:
    """Every weight in one piece, sentences, and a row for each that was computed.

    Raises ProblemError: unsupported_format (a parametrization that is no weight norm and no
    spectral norm), file_damaged (parts that do not fit each other).
    """
    parts = _parts(tensors)
    if not parts:
        return tensors, [], []
    made = dict[str, Tensor]()
    rows: list[Row] = []
    for weight, (kind, names) in parts.items():
        try:
            with torch.no_grad():
                made[weight] = _KINDS[kind][0](*(tensors[name] for name in names))
            trained = any(tensors[name].requires_grad for name in names)
            made[weight].requires_grad_(trained)
        except (RuntimeError, IndexError, ValueError) as error:
            raise damaged(f"the parts of {weight[:100]!r} do not fit each other") from error
        leaves = ", ".join(repr(name.rpartition(".")[2][:60]) for name in names)
        rows.append(Row(f"{weight[:100]!r} from {leaves}", _KINDS[kind][1]))
    said = sorted({_KINDS[kind][1] for kind, _ in parts.values()})
    count = "One weight was" if len(parts) == 1 else f"{len(parts)} weights were"
    sentence = f"{count} computed from parts ({'; '.join(said)}). {THETA}"
    return _in_place(tensors, parts, made), [sentence], rows


def masks(tensors: Tensors) -> Tensors:
    """The masks of pruned weights by the weight's name: what they take was not free to move."""
    names = [name.removesuffix("_mask") for name in tensors if name.endswith("_mask")]
    return {name: tensors[f"{name}_mask"] for name in names if f"{name}_orig" in tensors}


Parts = dict[str, tuple[str, list[str]]]


def _parts(tensors: Tensors) -> Parts:
    """Each weight that is saved in parts: its kind, and the names of the parts in order."""
    found: Parts = {}
    for name in tensors:
        leaf = name.rpartition(".")[2]
        if _WITHIN in f".{name}":
            _parametrized(name, tensors, found)
        elif not leaf.startswith(("weight", "bias")):
            continue
        elif leaf.endswith("_mask") and f"{name[:-5]}_orig" in tensors:
            found[name[:-5]] = ("pruned", [f"{name[:-5]}_orig", name])
        elif leaf.endswith("_g") and f"{name[:-2]}_v" in tensors and name[:-2] not in tensors:
            found[name[:-2]] = ("weight norm", [name, f"{name[:-2]}_v"])
        elif leaf.endswith("_u") and f"{name[:-2]}_orig" in tensors:
            also = [f"{name[:-2]}_v"] if f"{name[:-2]}_v" in tensors else []
            found[name[:-2]] = ("spectral norm", [f"{name[:-2]}_orig", name, *also])
    return found


def _parametrized(name: str, tensors: Tensors, found: Parts) -> None:
    """`owner.parametrizations.weight.original0` and the like."""
    owner, _, rest = f".{name}".partition(_WITHIN)
    owner = owner.removeprefix(".")
    tensor, _, part = rest.partition(".")
    weight = f"{owner}.{tensor}" if owner else tensor
    start = f"{owner}{_WITHIN}{tensor}." if owner else f"{_WITHIN[1:]}{tensor}."
    own = sorted(each.removeprefix(start) for each in tensors if each.startswith(start))
    if own == ["original0", "original1"]:
        found[weight] = ("weight norm", [start + each for each in own])
    elif own == ["0._u", "0._v", "original"]:
        found[weight] = ("spectral norm", [f"{start}original", f"{start}0._u", f"{start}0._v"])
    else:
        raise _unknown(owner, tensor, part)


def _unknown(owner: str, tensor: str, part: str) -> ProblemError:
    module = f"model.{owner}" if owner else "model"
    return ProblemError(
        "unsupported_format",
        f"{f'{owner}.{tensor}'.strip('.')[:100]!r} is parametrized by code that is not in the file "
        f"(its part {part[:40]!r} is neither weight norm nor spectral norm).",
        "Make it a plain weight before saving: torch.nn.utils.parametrize."
        f"remove_parametrizations({module[:100]}, {tensor[:40]!r}), then "
        "torch.save(model.state_dict(), path).",
    )


def _in_place(tensors: Tensors, parts: Parts, made: Tensors) -> Tensors:
    """The made weights where their first parts stood: the order of layers stays."""
    of = {name: weight for weight, (_, names) in parts.items() for name in names}
    kept: Tensors = {}
    for name, tensor in tensors.items():
        weight = of.get(name)
        if weight is None:
            kept[name] = tensor
        elif weight not in kept:
            kept[weight] = made[weight]
    return kept


def _pruned(original: Tensor, mask: Tensor) -> Tensor:
    if mask.shape != original.shape or not bool(((mask == 0) | (mask == 1)).all()):
        raise ValueError("no mask")
    return original * mask.to(original.dtype)


def _weight_norm(size: Tensor, direction: Tensor) -> Tensor:
    """`size` has one number for each index of one axis, or is one number for all."""
    if size.numel() == 1 and size.ndim != direction.ndim:
        return size * direction / direction.norm()
    if size.ndim != direction.ndim:
        raise ValueError("no norm")
    own = [axis for axis, count in enumerate(size.shape) if count > 1]
    alone = [axis for axis, count in enumerate(direction.shape) if count == 1]
    axis = [*own, *alone, 0][0]
    if len(own) > 1 or size.shape[axis] != direction.shape[axis]:
        raise ValueError("no norm")
    others = [each for each in range(direction.ndim) if each != axis]
    return size * direction / direction.square().sum(others, keepdim=True).sqrt()


def _spectral_norm(original: Tensor, left: Tensor, right: Tensor | None = None) -> Tensor:
    """u is as long as the output axis: the first, or the second of a transposed convolution."""
    axes = [axis for axis in range(original.ndim) if original.shape[axis] == len(left)]
    axis = axes[0]
    order = [axis, *(each for each in range(original.ndim) if each != axis)]
    matrix = original.permute(order).flatten(1)
    if right is None:  # before torch 1.0 it was found anew
        right = torch.nn.functional.normalize(matrix.T @ left, dim=0)
    return original / torch.dot(left, matrix @ right)


_KINDS: dict[str, tuple[Callable[..., Tensor], str]] = {
    "pruned": (
        _pruned,
        "torch's pruning: weight_orig · weight_mask, pruned ones stay 0, though they are counted",
    ),
    "weight norm": (_weight_norm, "weight norm: g·v/‖v‖"),
    "spectral norm": (_spectral_norm, "spectral norm: W/σ"),
}
