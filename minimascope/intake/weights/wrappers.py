"""Names that torch's wrappers put around a network's own: taken off, and what only they count.

DistributedDataParallel, torch.compile, FSDP, activation checkpointing, swa_utils.AveragedModel
(PyTorch PR 35032), and copies of all weights that an averaging callback keeps beside them.
"""

from __future__ import annotations

from torch import Tensor

from minimascope.intake.files.taken import Row, left

Tensors = dict[str, Tensor]
# Segments that stand anywhere in a name, and who writes them.
_WITHIN = {
    "_orig_mod.": "torch.compile",
    "_fsdp_wrapped_module.": "FSDP",
    "_checkpoint_wrapped_module.": "activation checkpointing",
    "_ddp_module.": "DistributedDataParallel",
}
_BEFORE = {"module.": "DistributedDataParallel"}
_COUNTER = "n_averaged"
_AVERAGES = ("ema", "model_ema", "ema_model", "net_ema", "averaged_model", "swa_model")


def removed(tensors: Tensors) -> tuple[Tensors, list[str], list[Row]]:
    """The tensors under the network's own names, sentences, and rows of what was done."""
    said: list[str] = []
    rows: list[Row] = []
    averaged = _COUNTER in tensors and len(tensors) > 1
    if averaged:
        tensors = {name: each for name, each in tensors.items() if name != _COUNTER}
        said.append("These are averaged weights (swa_utils.AveragedModel): 'n_averaged' was left.")
        rows.append(left(f"tensor {_COUNTER!r}", "a counter of AveragedModel, no weight"))
    for _ in range(2):
        for prefix, wrapper in (_BEFORE | _WITHIN).items():
            found = _without(tensors, prefix, within=prefix in _WITHIN)
            if found is not None:
                tensors = found
                by = "AveragedModel" if averaged and prefix in _BEFORE else wrapper
                said.append(f"The prefix {prefix!r} of {by} was removed from all names.")
                rows.append(Row(f"prefix {prefix!r}", f"removed from names; {by} adds it"))
    tensors, twins = _without_twins(tensors)
    said += [row.part.capitalize() + " was left: " + row.words + "." for row in twins]
    return tensors, said, [*rows, *twins]


def _without(tensors: Tensors, prefix: str, *, within: bool) -> Tensors | None:
    """The tensors without a prefix; None where names lack it or would meet."""
    if within:
        if not any(prefix in name for name in tensors):
            return None
        names = [name.replace(prefix, "") for name in tensors]
    else:
        if not all(name.startswith(prefix) for name in tensors):
            return None
        names = [name.removeprefix(prefix) for name in tensors]
    if len(set(names)) < len(names) or "" in names:
        return None
    return dict(zip(names, tensors.values(), strict=True))


def _without_twins(tensors: Tensors) -> tuple[Tensors, list[Row]]:
    """Without a moving average of all weights that stands beside the weights themselves."""
    owners: dict[str, set[str]] = {}
    for name in tensors:
        first, _, rest = name.partition(".")
        owners.setdefault(first, set()).add(rest)
    for first in [each for each in owners if each in _AVERAGES]:
        own = {rest.removeprefix("module.") for rest in owners[first]} - {_COUNTER, "decay"}
        if any(own == rest for other, rest in owners.items() if other != first):
            kept = {k: v for k, v in tensors.items() if k.partition(".")[0] != first}
            row = left(
                f"weights under {first!r}", "a moving average of the weights that were taken"
            )
            return kept, [row]
    return tensors, []
