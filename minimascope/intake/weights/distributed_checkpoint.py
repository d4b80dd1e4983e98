"""Folders of torch.distributed.checkpoint (FSDP, DTensor), zipped: shards put together, as data.

`.metadata` is a pickle of plain tables: which tensor has which size, in which file its pieces lie
and at which bytes; a piece is a file of torch.save of its own. Names and forms: metadata.py and
filesystem.py of torch.distributed.checkpoint. The inert reader makes nothing of what they name.
"""

from __future__ import annotations

import io
import math
import zipfile
from dataclasses import dataclass
from typing import Any, BinaryIO

import torch
from torch import Tensor

from minimascope.contract.folder_files import TABLE
from minimascope.contract.problems import ProblemError
from minimascope.intake.files.formats import records
from minimascope.intake.files.safetensors_format import TENSORS, damaged
from minimascope.intake.files.taken import Row, left, named
from minimascope.intake.weights import inert_checkpoint, inert_pickle, pickle_steps, torch_file
from minimascope.intake.weights.inert_pickle import Named
from minimascope.intake.weights.plain import table
from minimascope.intake.weights.shards import Joined, fsdp

Piece = tuple[str, tuple[int, ...] | None]  # a name, and where in its tensor the piece begins


@dataclass(frozen=True)
class _Place:
    """Where a piece lies: bytes `start` to `end` of a file."""

    file: str
    start: int
    end: int


class _Table:
    """The meaning of `.metadata`: containers, and objects that stay notes."""

    def named(self, name: str) -> Named:
        return inert_checkpoint.name_of(name)

    def called(self, name: str, arguments: tuple[Any, ...]) -> Any:
        return inert_checkpoint.value_of(name, arguments)

    def loaded(self, reference: Any) -> Any:
        """Raises ValueError, which is damage: nothing lies beside this pickle."""
        raise ValueError("no storage")


def read(source: BinaryIO) -> Joined:
    """The value that `torch.distributed.checkpoint.save` was given.

    Raises ProblemError: part_of_a_checkpoint (a shard is missing, or compressed), file_damaged,
    pickle_refused, tensor_refused, deflate_bomb.
    """
    names = [entry.filename for entry in records(source)]
    tables = [name for name in names if name.rpartition("/")[2] == TABLE]
    if len(tables) != 1:
        raise fsdp("its .metadata, which is written last, is missing")
    with zipfile.ZipFile(source) as archive:
        content = inert_checkpoint.record(archive, tables[0])
        pickle_steps.check(content)
        try:
            whole = table(inert_pickle.read(content, _Table()))
            places = dict(map(_place, _entries(whole["storage_data"])))
            values, unread = _values(archive, tables[0].removesuffix(TABLE), places)
            found = {n: _joined(n, m, values) for n, m in _sizes(whole) if n not in unread}
            saved = _nested(found, whole.get("planner_data"))
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise damaged("its table of shards is not readable") from error
    files = sorted({place.file for place in places.values()})
    rows = [Row(f"shards {named(files, 3)}", "joined")]
    rows += [left(named(sorted(unread)), "cannot be read")] * bool(unread)
    said = ["Shards of torch.distributed.checkpoint were joined."]
    return Joined(saved, said, rows)


def _entries(value: Any) -> list[tuple[Any, Any]]:
    """The entries of a table, no more of them than a checkpoint has tensors."""
    if not isinstance(value, dict) or len(value) > 8 * TENSORS:
        raise TypeError("no table")
    return list(value.items())


def _whole(values: Any) -> tuple[int, ...]:
    if not isinstance(values, tuple) or any(type(v) is not int or v < 0 for v in values):
        raise TypeError("no sizes")
    return values


def _place(entry: tuple[Any, Any]) -> tuple[Piece, _Place]:
    index, told = table(entry[0]), table(entry[1])
    if told.get("transform_descriptors"):
        raise fsdp("its pieces are compressed")
    start, length = _whole((told["offset"], told["length"]))
    offset = index.get("offset")
    where = None if offset is None else _whole(offset)
    return (str(index["fqn"]), where), _Place(str(told["relative_path"]), start, start + length)


def _values(
    archive: zipfile.ZipFile, folder: str, places: dict[Piece, _Place]
) -> tuple[dict[Piece, Any], set[str]]:
    """The value of each piece, one file at a time; names of those that are no tensors of ours."""
    found: dict[Piece, Any] = {}
    unread: set[str] = set()
    there = set(archive.namelist())
    for file in sorted({place.file for place in places.values()}):
        if f"{folder}{file}" not in there:
            raise fsdp(f"its shard {file[:60]!r} is missing")
        content = memoryview(inert_checkpoint.record(archive, f"{folder}{file}"))
        for piece, place in places.items():
            if place.file == file:
                _read_piece(piece, content[place.start : place.end], found, unread)
    return found, unread


def _read_piece(
    piece: Piece, content: memoryview, found: dict[Piece, Any], unread: set[str]
) -> None:
    """One piece; a setting that cannot be read is left, a tensor that cannot be is a refusal."""
    try:
        found[piece] = torch_file.read(io.BytesIO(content), zipped=True)[0]
    except ProblemError:
        if piece[1] is not None:
            raise
        unread.add(piece[0])


def _sizes(whole: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(str(n), table(m)) for n, m in _entries(whole["state_dict_metadata"])]


def _joined(name: str, told: dict[str, Any], values: dict[Piece, Any]) -> Any:
    """A tensor of its pieces, or what is no tensor. Raises KeyError, TypeError: damage."""
    if "chunks" not in told:
        return values[name, None]
    size = _whole(told["size"])
    starts = [_whole(table(chunk)["offsets"]) for chunk in told["chunks"]]
    pieces = [values[name, start] for start in starts]
    if not all(isinstance(piece, Tensor) for piece in pieces):
        raise TypeError("a piece that is no tensor")
    if len(pieces) == 1 and tuple(pieces[0].shape) == size:
        return pieces[0]
    if sum(piece.numel() for piece in pieces) != math.prod(size):
        raise fsdp(f"the pieces of {name[:60]!r} are not all of it")
    made, seen = torch.empty(size, dtype=pieces[0].dtype), torch.zeros(size, dtype=torch.bool)
    for start, piece in zip(starts, pieces, strict=True):
        where = tuple(slice(a, a + n) for a, n in zip(start, piece.shape, strict=True))
        made[where], seen[where] = piece, True
    if not bool(seen.all()):
        raise fsdp(f"the pieces of {name[:60]!r} overlap")
    return made


def _nested(found: dict[str, Any], paths: Any) -> dict[str, Any]:
    """Tables within tables, as they were before each value got a dotted name.

    Raises KeyError where two values would stand in one place.
    """
    paths, made = paths if isinstance(paths, dict) else {}, dict[Any, Any]()
    for name, value in found.items():
        path = paths.get(name, (name,))
        place = made
        for step in path[:-1]:
            place = place.setdefault(step, {})
        if not isinstance(place, dict) or path[-1] in place:
            raise KeyError(path[-1])
        place[path[-1]] = value
    return {str(key): _numbered(_listed(value)) for key, value in made.items()}


def _listed(value: Any) -> Any:
    """Steps that are numbers were places in a list."""
    if not isinstance(value, dict):
        return value
    made = {key: _listed(each) for key, each in value.items()}
    numbers = bool(made) and all(type(key) is int for key in made)
    return [made[key] for key in sorted(made)] if numbers else made


def _numbered(value: Any) -> Any:
    """An optimiser's state by numbers, as torch.save has it; saved in shards it goes by names."""
    if not isinstance(value, dict) or not {"state", "param_groups"} <= set(value):
        return value
    groups = [group for group in value["param_groups"] if isinstance(group, dict)]
    listed = [group["params"] for group in groups if isinstance(group.get("params"), list)]
    order = {str(key): place for place, key in enumerate(each for one in listed for each in one)}
    state = {order.get(str(key), key): row for key, row in table(value["state"]).items()}
    for group, params in zip(groups, listed, strict=False):
        if all(isinstance(each, str) for each in params):
            group["param_names"] = params
        group["params"] = [order[str(each)] for each in params]
    return {"state": state, "param_groups": groups}
