"""Hessian products of other tools, where they have been brought along, on the same batch.

    pip install --no-deps --target PEERS hessian-eigenthings curvlinops-for-pytorch …
    PYTHONPATH=PEERS python benchmarks/gpu.py

`benchmarks/spectrum.py --install-peers --peers PEERS` does the first line with versions that fit.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from devices.networks import Workload
from minimascope.objective.tokens import TokenCrossEntropy

Product = Callable[[Tensor], Tensor]


class Flat(nn.Module):
    """Every position a row of its own, as many as have targets: what the tools take for words."""

    def __init__(self, network: nn.Module, positions: int) -> None:
        super().__init__()
        self.network, self._positions = network, positions

    def forward(self, inputs: Tensor) -> Tensor:
        return self.network(inputs)[:, : self._positions].flatten(0, 1)


def flattened(load: Workload) -> tuple[nn.Module, Tensor]:
    """The network and its targets, for plain cross-entropy."""
    if not isinstance(load.loss, TokenCrossEntropy):
        return load.network, load.targets
    return Flat(load.network, load.targets.shape[1]), load.targets.flatten()


def eigenthings(load: Workload) -> Product:
    import hessian_eigenthings as peer

    network, targets = flattened(load)
    data, criterion = [(load.inputs, targets)], nn.CrossEntropyLoss()
    operator = peer.HessianOperator(network, data, peer.supervised_loss(criterion))
    product: Product = operator.matvec
    return product


def curvlinops(load: Workload) -> Product:
    import curvlinops as peer

    network, targets = flattened(load)
    weights = [q for q in network.parameters() if q.requires_grad]
    given = network, nn.CrossEntropyLoss(), weights, [(load.inputs, targets)]
    operator = peer.HessianLinearOperator(*given, check_deterministic=False)
    return lambda v: operator @ v


MAKERS = {"hessian-eigenthings": eigenthings, "curvlinops": curvlinops}


def products(load: Workload, device: torch.device) -> dict[str, Product | str]:
    """By tool: its product, or a sentence where there is none."""
    there = Workload(
        load.network.to(device), load.inputs.to(device), load.targets.to(device), load.loss
    )
    found: dict[str, Product | str] = {}
    for name, make in MAKERS.items():
        try:
            found[name] = make(there)
        except ImportError:
            found[name] = "not brought along"
    return found
