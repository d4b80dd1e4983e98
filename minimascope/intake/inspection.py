"""What is in a file, for the upload page: nothing here loads torch in the calling process."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

from minimascope.intake.networks.groups import natural
from minimascope.intake.training.naming import Network
from minimascope.intake.training.proposals import proposals
from minimascope.intake.values.checkpoint import convert_checkpoint, file_sha256
from minimascope.intake.values.dataset import convert_dataset
from minimascope.intake.values.trained_part import trained_sentence
from minimascope.intake.values.training_facts import facts_of

_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


def _is_buffer(name: str) -> bool:
    return name.rsplit(".", 1)[-1] in _BUFFERS


def suggest(tensors: list[dict[str, Any]], *, ordered: bool = True) -> list[dict[str, Any]]:
    """Architectures the shapes allow; an MLP's widths, its activation left to the user.

    `ordered`: the rows are in the order of layers; else in the natural order of their names.
    """
    layers: dict[str, dict[str, list[int]]] = {}
    for row in tensors:
        owner, _, leaf = row["name"].rpartition(".")
        layers.setdefault(owner, {})[leaf] = row["shape"]
    widths: list[int] = []
    for name in layers if ordered else sorted(layers, key=natural):
        weight, bias = layers[name].get("weight", []), layers[name].get("bias")
        if len(weight) != 2 or set(layers[name]) - {"weight", "bias"}:
            return []
        if bias not in (None, weight[:1]) or (widths and widths[-1] != weight[1]):
            return []
        widths = (widths or [weight[1]]) + [weight[0]]
    return [{"family": "mlp", "widths": widths, "activation": None}] if widths else []


def inspect_checkpoint(path: Path, *, workdir: Path) -> dict[str, Any]:
    """Format, sha256, picked, parameters, dtype, layers (name, shape, dtype), suggested, warnings,

    training. `parameters` counts trained numbers (buffers of BatchNorm left out); `suggested`
    lists specs with `"activation": None`, which only the user knows; `training` is what the file
    says of it: fields of an analysis, words for them, what it leaves open. Raises ProblemError as
    `read_training` does. `workdir` is not written to.
    """
    found = convert_checkpoint(path, output=None)
    layers, program = found.pop("tensors"), found.pop("graph", None)
    config = found.pop("config", None)
    shared = found.pop("tied", {})
    weights = [row for row in layers if not _is_buffer(row["name"]) and row["name"] not in shared]
    if program is not None:
        weights = [row for row in layers if row["name"] in set(program["trainable"])]
    for kept in ("pruned", "words"):
        found.pop(kept, None)
    frozen = set(found.pop("frozen", [])) if program is None else set(program["frozen"])
    trained = [row for row in weights if row["name"] not in frozen]
    ordered = found["format"] != "safetensors"
    dtypes = sorted({row["dtype"] for row in weights})
    said = _training(found.pop("training", None), weights, trained)
    found["warnings"] += trained_sentence(_count(trained), _count(weights))
    return {
        **found,
        "parameters": _count(trained),
        "dtype": ", ".join(dtypes),
        "layers": layers,
        "suggested": suggest(layers, ordered=ordered) if program is config is None else [],
        **said,
    }


def _count(rows: list[dict[str, Any]]) -> int:
    return sum(math.prod(row["shape"]) for row in rows)


def _training(
    answer: Any, weights: list[dict[str, Any]], trained: list[dict[str, Any]]
) -> dict[str, Any]:
    """What the file proposes, for a person to look at; nothing where it says nothing."""
    shapes = {row["name"]: row["shape"] for row in weights}
    network = Network(shapes, [row["name"] for row in trained])
    found = proposals(facts_of(answer), network)
    fields = {name: value for each in found.found for name, value in each.fields.items()}
    if not fields and not found.open:
        return {}
    words = [each.words for each in found.found if each.certain]
    return {"training": {"fields": fields, "words": words, "open": found.open}}


def inspect_dataset(path: Path, *, workdir: Path, label: str | None = None) -> dict[str, Any]:
    """Format, sha256, n, input_shape, dtype, range, target_kind ("classes" or "numbers"),

    target_shape, classes, class_counts, names, scale, repeated, warnings; of a table whose labels
    nobody has named (`label` does) its columns instead. Raises ProblemError as `read_dataset`
    does. `workdir` is not written to.
    """
    told: Literal["refused", "told"] = "told" if label is None else "refused"
    found = convert_dataset(path, output=None, label=label, unlabelled=told)
    return {**found, "sha256": file_sha256(path)}
