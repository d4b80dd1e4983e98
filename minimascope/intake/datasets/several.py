"""Inputs of a network that takes several tensors, out of named arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from minimascope.contract.names import visible
from minimascope.contract.problems import ProblemError
from minimascope.intake.datasets.found import Arrays
from minimascope.intake.datasets.layout import Laid, found_under, lay_out, target_names
from minimascope.intake.files.taken import Row, named


@dataclass(frozen=True)
class Wanted:
    """One input of the network: its argument's name, and whether its numbers are floating."""

    name: str
    floating: bool


def names_for(wanted: Sequence[Wanted], there: Sequence[str]) -> list[str]:
    """Which of the names that are neither labels nor set aside are the inputs, in order.

    By the network's own names, else in the order of the file where there are just so many.
    Raises ProblemError dataset_missing_arrays.
    """
    by_sight = {visible(name): name for name in there}
    own = [by_sight.get(visible(each.name)) for each in wanted]
    found = [name for name in own if name is not None]
    if len(found) == len(wanted):
        return found
    if len(there) == len(wanted) and not found:
        return list(there)
    raise ProblemError(
        "dataset_missing_arrays",
        f"The network takes {len(wanted)} inputs, {named([each.name for each in wanted])}; the "
        f"file holds {named(list(there))} beside the labels.",
        "Save an array for each under these names: "
        f"numpy.savez(path, {', '.join(f'{each.name}=…' for each in wanted)}, y=labels).",
    )


def lay_out_several(
    arrays: Arrays, wanted: Sequence[Wanted], *, label: str | None, aside: Sequence[str]
) -> tuple[list[np.ndarray], Laid]:
    """Each input (n × ...), and the targets and rows of all.

    Raises ProblemError: dataset_missing_arrays, and those of `lay_out`.
    """
    target = target_of(arrays, label, aside)
    names = names_for(wanted, [name for name in arrays if name not in {target, *aside}])
    laid: list[Laid] = []
    for each, name in zip(wanted, names, strict=True):
        one = {"X": arrays[name], **{k: arrays[k] for k in (target, *aside) if k in arrays}}
        kind = "float" if each.floating else "keep"
        laid.append(lay_out(one, integers=kind, label=target, aside=aside))
    left_over = [name for name in arrays if name not in {target, *aside, *names}]
    rows = [_row(n, w, arrays) for n, w in zip(names, wanted, strict=True)] + laid[0].rows[1:]
    rows += [Row(f"arrays {named(left_over)}", "no input", taken=False)] if left_over else []
    said = list(dict.fromkeys(text for each in laid for text in each.summary["warnings"]))
    if names != [each.name for each in wanted]:
        pairs = zip(names, wanted, strict=True)
        said.append(f"Inputs in order: {', '.join(f'{n!r} as {w.name!r}' for n, w in pairs)}.")
    summary = {**laid[0].summary, "warnings": said, "bytes": False}
    return [each.inputs for each in laid], replace(laid[0], summary=summary, rows=rows)


def target_of(arrays: Arrays, label: str | None, aside: Sequence[str]) -> str:
    """The array of labels. Raises ProblemError dataset_missing_arrays."""
    others = {name: array for name, array in arrays.items() if name not in aside}
    return found_under(others, target_names(arrays, label))


def _row(name: str, wanted: Wanted, arrays: Arrays) -> Row:
    return Row(f"array {name!r} {list(arrays[name].shape)}", f"the input {wanted.name!r}")
