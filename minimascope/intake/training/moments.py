"""Adam's second moments by parameter name: exp_avg_sq/(1 − β₂ᵗ), where a file has them."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from minimascope.intake.training.naming import Network
from minimascope.intake.values.checkpoint import Checkpoint
from minimascope.objective.optimiser import bias_corrected


def second_moments(state: Checkpoint, network: Network) -> dict[str, Tensor] | None:
    """v̂ of every trained parameter; None where the file lacks one, or is of another network.

    A table of tensors under the parameters' own names is v̂ itself.
    """
    optimizer = state.training.optimizer
    if optimizer is None:
        return _of_table(state.tensors, network)
    names = network.names(optimizer)
    if names is None:
        return None
    betas = {key: group.betas for group in optimizer.groups for key in group.ids}
    found: dict[str, Tensor] = {}
    for row in optimizer.state:
        pair, name = betas.get(row.id), names.get(row.id)
        if name is None or row.step is None or row.id not in state.moments or not pair:
            continue
        if not 0 <= pair[-1] < 1 or tuple(row.shape) != tuple(network.shapes[name]):
            return None
        found[name] = bias_corrected(state.moments[row.id].double(), pair[-1], row.step)
    return _all_of(found, network)


def _of_table(tensors: Mapping[str, Tensor], network: Network) -> dict[str, Tensor] | None:
    found = _all_of(tensors, network)
    if found is None or any(bool((each < 0).any()) for each in found.values()):
        return None
    return {name: each.double() for name, each in found.items()}


def _all_of(found: Mapping[str, Tensor], network: Network) -> dict[str, Tensor] | None:
    """Those of the trained parameters, if each is there in its own shape."""
    kept = {name: found[name] for name in network.trained if name in found}
    same = all(tuple(kept[name].shape) == tuple(network.shapes[name]) for name in kept)
    return kept if same and len(kept) == len(network.trained) else None
