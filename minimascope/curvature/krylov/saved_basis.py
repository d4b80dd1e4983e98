"""A block Krylov state kept on disk (`running.saved_state`) and gone on from."""

from __future__ import annotations

import torch
from torch import Tensor

from minimascope.curvature.krylov.block import Krylov
from minimascope.curvature.products.operator import Operator
from minimascope.curvature.running.saved_state import Keeper


def resume(keeper: Keeper, operator: Operator, state: Krylov) -> None:
    """Fills a fresh state with what was kept of the same run, and the operator's product count."""
    kept = keeper.stored()
    if kept is None or not _fits(kept, state):
        return
    state.size = len(kept["basis"])
    state.basis[: state.size] = kept["basis"].to(state.basis)
    state.projection[: state.size, : state.size] = kept["projection"]
    state.block = kept["block"].to(state.basis)
    state.coupling = kept["coupling"]
    state.scale = float(kept["scale"])
    state.restarted = bool(kept["restarted"])
    state.images = None  # they would double the file; residuals cost a product a pair instead
    operator.counter.products += int(kept["products"])


def keep(keeper: Keeper, operator: Operator, state: Krylov) -> None:
    """Keeps a run's state if the last time is long enough ago."""
    keeper.keep_at_times(lambda: _parts(operator, state))


def _fits(kept: dict[str, Tensor], state: Krylov) -> bool:
    """Whether it is of the same block width, dimension and precision, and no larger."""
    basis = kept.get("basis")
    if basis is None or basis.dtype != state.basis.dtype or int(kept["width"]) != state.width:
        return False
    return basis.shape[1] == state.basis.shape[1] and len(basis) <= len(state.basis)


def _parts(operator: Operator, state: Krylov) -> dict[str, Tensor]:
    return {
        "basis": state.rows,
        "projection": state.projection[: state.size, : state.size],
        "block": state.block,
        "coupling": state.coupling,
        "scale": torch.tensor(state.scale, dtype=torch.float64),
        "width": torch.tensor(state.width),
        "restarted": torch.tensor(state.restarted),
        "products": torch.tensor(operator.products),
    }
