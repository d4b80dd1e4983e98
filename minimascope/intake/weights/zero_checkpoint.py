"""Folders of DeepSpeed's save_checkpoint, zipped: the 32-bit weights put together, as data.

ZeRO 1 and 2 cut one long vector a group of parameters into a piece a rank; ZeRO 3 cuts every
parameter, its last piece filled up. Forms and names: DeepSpeed's own zero_to_fp32.py.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO

import torch
from torch import Tensor

from minimascope.contract.folder_files import LATEST, STATES
from minimascope.intake.files.formats import records
from minimascope.intake.files.safetensors_format import damaged
from minimascope.intake.files.taken import Row
from minimascope.intake.weights import inert_checkpoint, torch_file
from minimascope.intake.weights.shards import Joined, deepspeed

OPTIMISER, MODEL = STATES
CUT, CUT_EACH = "single_partition_of_fp32_groups", "fp32_flat_groups"  # ZeRO 1 and 2; ZeRO 3
Shapes = list[dict[str, tuple[int, ...]]]


def read(source: BinaryIO) -> Joined:
    """Weights by name in the network's order, those that were frozen without requires_grad.

    Raises ProblemError: part_of_a_checkpoint (a rank is missing, layers split over ranks),
    file_damaged, pickle_refused, tensor_refused, deflate_bomb.
    """
    names = [entry.filename for entry in records(source)]
    with zipfile.ZipFile(source) as archive:
        folder = _folder(archive, names)
        own = sorted(name for name in names if name.rpartition("/")[0] == folder)
        models = [_saved(archive, name) for name in own if name.endswith(MODEL)]
        cut = [_cut(_saved(archive, name)) for name in own if name.endswith(OPTIMISER)]
    if not models:
        raise deepspeed("its files of model states are missing")
    try:
        return _joined(models, cut)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, IndexError) as error:
        raise damaged("its shards do not fit each other") from error


def _folder(archive: zipfile.ZipFile, names: list[str]) -> str:
    """Where the shards lie: of several steps, those of the one that `latest` names."""
    found = sorted({n.rpartition("/")[0] for n in names if n.endswith((OPTIMISER, MODEL))})
    if len(found) > 1:
        told = [name for name in names if name.rpartition("/")[2] == LATEST][:1]
        words = [inert_checkpoint.record(archive, name)[:200].strip() for name in told]
        found = [each for each in found if each.rpartition("/")[2].encode() in words] or found
    if len(found) > 1:
        raise deepspeed(f"it holds {len(found)} steps of training; one is needed")
    shards = [n for n in names if n.endswith((OPTIMISER, MODEL)) and "mp_rank_00" not in n]
    if shards:
        raise deepspeed("its layers are split over ranks, as in tensor or expert parallelism")
    return found[0]


def _saved(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    saved, _ = torch_file.read(io.BytesIO(inert_checkpoint.record(archive, name)), zipped=True)
    if not isinstance(saved, dict):
        raise damaged(f"{name[-60:]!r} is no table")
    return saved


def _cut(saved: dict[str, Any]) -> dict[str, Any]:
    """What is needed of a rank's state; Adam's moments are let go."""
    state = saved.get("optimizer_state_dict")
    if not isinstance(state, dict):
        raise damaged("a rank's state is no table")
    kept = (CUT, CUT_EACH, "partition_count", "param_alignment_paddings")
    return {name: state[name] for name in kept if name in state}


def _joined(models: list[dict[str, Any]], cut: list[dict[str, Any]]) -> Joined:
    first, each = models[0], bool(cut) and CUT_EACH in cut[0]
    if not cut:  # without ZeRO, or its model's states alone: 16-bit weights, which are whole
        return Joined(first)
    ranks = cut[0]["partition_count"]
    ranks = max(ranks) if isinstance(ranks, list) else ranks
    if ranks != len(cut) or (each and ranks != len(models)):
        raise deepspeed(f"{len(cut)} of {ranks} ranks are in it")
    shapes: Shapes = [dict(group) for group in first["param_shapes"]]
    found = dict(_cut_each(shapes, cut) if each else _cut_whole(shapes, cut))
    found = {name: tensor.detach().requires_grad_() for name, tensor in found.items()}
    found |= _frozen(models, cut_each=each)
    shared = dict(first.get("shared_params") or {}).items()
    found |= {name: found[kept] for name, kept in shared if kept in found}
    found |= _uncut(first["module"], found)
    tensors = {name: found[name] for name in first["module"]}
    stage = "3" if each else "1 or 2"
    rows = [Row(f"{ranks} ranks' shards", f"joined: the 32-bit weights of ZeRO {stage}")]
    said = ["The shards of a DeepSpeed ZeRO checkpoint were joined to 32-bit weights."]
    return Joined({"module": tensors, "global_step": first.get("global_steps")}, said, rows)


def _cut_whole(shapes: Shapes, cut: list[dict[str, Any]]) -> Iterator[tuple[str, Tensor]]:
    """ZeRO 1 and 2: the pieces of a group one after the other, then parameter by parameter."""
    spare = 2 * len(cut)  # DeepSpeed fills groups up to a multiple of it
    for place, group in enumerate(shapes):
        vector, start = torch.cat([rank[CUT][place] for rank in cut]), 0
        filled = (cut[0].get("param_alignment_paddings") or {place: [0] * len(group)})[place]
        for (name, shape), more in zip(group.items(), filled, strict=True):
            count = math.prod(shape)
            yield name, vector.narrow(0, start, count).view(shape).clone()
            start += count + more
        if math.ceil(start / spare) != math.ceil(len(vector) / spare):
            raise ValueError("numbers left over")


def _cut_each(shapes: Shapes, cut: list[dict[str, Any]]) -> Iterator[tuple[str, Tensor]]:
    """ZeRO 3: of each parameter a piece from every rank, all of one length."""
    vectors, start = [torch.cat(list(rank[CUT_EACH])) for rank in cut], 0
    for name, shape in (pair for group in shapes for pair in group.items()):
        count = math.prod(shape)
        length = math.ceil(count / len(cut))
        pieces = [vector.narrow(0, start, length) for vector in vectors]
        yield name, torch.cat(pieces).narrow(0, 0, count).view(shape)
        start += length
    if any(len(vector) != start for vector in vectors):
        raise ValueError("numbers left over")


def _uncut(module: dict[str, Tensor], found: dict[str, Tensor]) -> dict[str, Tensor]:
    """Buffers, and parameters that were not trained where they are nowhere else."""
    rest = {name: each.detach() for name, each in module.items() if name not in found}
    empty = [name for name, each in rest.items() if not each.numel()]
    if empty:
        raise deepspeed(f"the weights of {empty[0][:60]!r} are in none of them")
    return {n: each.float() if each.is_floating_point() else each for n, each in rest.items()}


def _frozen(models: list[dict[str, Any]], *, cut_each: bool) -> dict[str, Tensor]:
    """Parameters that were not trained are in the model's states, of ZeRO 3 in pieces too."""
    found: dict[str, Tensor] = {}
    for name, shape in dict(models[0].get("frozen_param_shapes") or {}).items():
        pieces = [m["frozen_param_fragments"][name].flatten() for m in models if cut_each]
        whole = torch.cat(pieces) if pieces else models[0]["frozen_param_fragments"][name]
        found[name] = whole.flatten().narrow(0, 0, math.prod(shape)).view(shape).float()
    return found
