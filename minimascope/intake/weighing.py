"""A checkpoint's weights report: tensor by tensor in the sandbox, a file or a folder of shards.

Nothing here loads torch in the calling process. A sandboxed process is asked for a few rows at a
time, so that there is progress, and no more than one tensor of doubles in blocks in memory.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from minimascope.contract.problems import ProblemError
from minimascope.contract.weights import WeightReport, WeightRow
from minimascope.intake.sandbox.parser_process import Limits, parse
from minimascope.intake.values.checkpoint import checked_size, torch_files
from minimascope.results.weights import Weights
from minimascope.weight_matrices import costs, findings

ALL_UP_TO = 2048
FILE_BYTES = 64 << 30
GROUP_SECONDS, GROUP_TENSORS = 1.0, 200
SHARDS = ("*.safetensors", "pytorch_model*.bin")
INDEX = ".index.json"

Told = Callable[[float, str], None]  # the fraction that is done, the tensor that comes


@dataclass(frozen=True)
class _Tensor:
    name: str
    shape: tuple[int, ...]
    path: Path


@dataclass(frozen=True)
class _Tables:
    """Floating tensors of all files, the rest by name, what ties names, and what is said."""

    format: str
    tensors: list[_Tensor]
    left_out: list[str]
    tied: dict[str, str]
    warnings: list[str]


def files_of(path: Path) -> list[Path]:
    """The file, or the shards of a folder or of an index beside them. Raises ProblemError."""
    if path.name.endswith(INDEX):
        return _indexed(path)
    if not path.is_dir():
        return [path]
    for pattern in SHARDS:
        found = sorted(path.glob(pattern))
        if found:
            return found
    raise ProblemError(
        "not_a_checkpoint",
        f"The folder {path.name!r} holds neither .safetensors nor pytorch_model.bin.",
        "Name the file of weights.",
    )


def _indexed(path: Path) -> list[Path]:
    try:
        shards = set(json.loads(path.read_bytes())["weight_map"].values())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProblemError("file_damaged", f"{path.name!r} has no weight_map.") from error
    names = [name for name in shards if isinstance(name, str) and "/" not in name]
    return sorted(path.parent / name for name in names)


def weigh(
    path: Path,
    *,
    against: Path | None = None,
    all_up_to: int | None = ALL_UP_TO,
    budget: float = math.inf,
    told: Told | None = None,
    name: str = "",
) -> WeightReport:
    """The report of a file or folder of weights, compared with `against` where there is one.

    Shorter sides up to `all_up_to` have all their singular values; None takes the largest bound
    with which all rows take `budget` seconds of a core. Raises ProblemError as `read_checkpoint`
    does, but for nan_weights: numbers that are not finite are counted.
    """
    own, other = _tables(path), None if against is None else _tables(against)
    shapes = [tensor.shape for tensor in own.tensors]
    bound = costs.bound_within(shapes, budget) if all_up_to is None else all_up_to
    earlier = {tensor.name: tensor.path for tensor in other.tensors} if other else {}
    rows, done = list[WeightRow](), 0.0
    whole = sum(costs.seconds(shape, all_up_to=bound) for shape in shapes) or 1.0
    for group in _groups(own.tensors, earlier, bound):
        if told:
            told(done / whole, group[0].name)
        rows += _rows(group, bound, earlier.get(group[0].name))
        done += sum(costs.seconds(tensor.shape, all_up_to=bound) for tensor in group)
    return findings.report(
        rows,
        format=own.format,
        name=name or path.name,
        all_up_to=bound,
        tied=own.tied,
        warnings=[*own.warnings, *_said(own, other)],
        against=None if against is None else against.name,
    )


def _tables(path: Path) -> _Tables:
    files = [file.resolve() for file in files_of(path)]
    tensors, left, warnings = list[_Tensor](), list[str](), list[str]()
    tied, format = dict[str, str](), ""
    for file in files:
        size = checked_size(file, largest=FILE_BYTES)
        limits = Limits(seconds=20.0 + size / (200 << 20), memory_bytes=(2 << 30) + 3 * size)
        found = parse("weights_table", file, output=None, options=_options(), limits=limits)
        format = str(found["format"])
        for entry in found["tensors"]:
            if entry["floating"]:
                tensors.append(_Tensor(entry["name"], tuple(entry["shape"]), file))
            else:
                left.append(f"{entry['name']} ({entry['dtype']})")
        tied |= found["tied"]
        warnings += found["warnings"]
    return _Tables(format, tensors, left, tied, warnings)


def _options() -> dict[str, Any]:
    return {"torch_files": torch_files()}


def _groups(
    tensors: list[_Tensor], earlier: dict[str, Path], all_up_to: int
) -> Iterator[list[_Tensor]]:
    """Neighbours of one file, compared with one file, that take about a second together."""
    group, place, taken = list[_Tensor](), None, 0.0
    for tensor in tensors:
        here = (tensor.path, earlier.get(tensor.name))
        if group and (here != place or taken > GROUP_SECONDS or len(group) >= GROUP_TENSORS):
            yield group
            group, taken = list[_Tensor](), 0.0
        group.append(tensor)
        place, taken = here, taken + costs.seconds(tensor.shape, all_up_to=all_up_to)
    if group:
        yield group


def _rows(group: list[_Tensor], all_up_to: int, other: Path | None) -> list[WeightRow]:
    path = group[0].path
    size = path.stat().st_size + (other.stat().st_size if other else 0)
    took = sum(costs.seconds(tensor.shape, all_up_to=all_up_to) for tensor in group)
    limits = Limits(seconds=30.0 + 20.0 * took, memory_bytes=(3 << 30) + 3 * size)
    options = _options() | {"names": [t.name for t in group], "all_up_to": all_up_to}
    found = parse("weights_rows", path, output=None, options=options, limits=limits, against=other)
    try:
        return [WeightRow.model_validate(row) for row in found["rows"]]
    except ValidationError as error:
        raise ProblemError("file_damaged", "The file's weights give no table.") from error


def _said(own: _Tables, other: _Tables | None) -> Iterator[str]:
    if own.left_out:
        yield f"Left out, as they are no floating numbers: {findings.listed(own.left_out)}."
    if other is None:
        return
    here, there = {t.name for t in own.tensors}, {t.name for t in other.tensors}
    for names, words in ((here - there, "the other checkpoint"), (there - here, "this one")):
        if names:
            yield f"Not in {words}: {findings.listed(sorted(names))}."


def weights(model: Any, against: Any = None, *, all_up_to: int = ALL_UP_TO) -> Weights:
    """What weights alone say: a network or a state dict in hand, or a file, folder or index.

    A row a tensor: norm, stable rank, singular values with a power law (Clauset et al. 2009) and
    the edge of a random matrix (Marchenko–Pastur), dead or copied units, numbers that are not
    finite, whether it looks trained, and, with `against`, how far and in what rank it changed.
    Raises ProblemError as reading the files does, model_unusable for anything else.
    """
    paths = [isinstance(each, (str, Path)) for each in (model, against) if each is not None]
    if all(paths):
        other = None if against is None else Path(against).expanduser()
        return Weights(weigh(Path(model).expanduser(), against=other, all_up_to=all_up_to))
    from minimascope.intake.in_hand import of_tensors

    with tempfile.TemporaryDirectory(prefix="minimascope-") as workdir:
        found = of_tensors(model, against, all_up_to=all_up_to, workdir=Path(workdir))
    return Weights(found)
