"""Products with the Hessian of a network whose weights no single device holds (`fully_shard`).

Every rank holds a part of each weight and examples of its own. `fully_shard` gathers weights layer
by layer and has no second backward pass, so products are differences of gradients
(`differences`), with their error. Rank 0 asks, the others serve; vectors of θ are rank 0's.

    sharded = FullySharded(Ranks(group, device), network, inputs, targets)   # at every rank
    if sharded.leads:
        found = operator_spectrum(sharded.hessian().operator, Wanted(3, 1e-3))
        sharded.end()
    else:
        sharded.serve()
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from minimascope.curvature.products.differences import Differences
from minimascope.curvature.running.ranks import Ranks
from minimascope.objective.loss import Loss, LossName
from minimascope.objective.objective import Objective, objective_of


class FullySharded:
    """The mean loss of all ranks' examples, `inputs` and `targets` being this rank's.

    The network is in evaluation mode from here on. θ has all trained parameters in
    `named_parameters` order; `theta` is what they were when this was made. Raises ValueError
    where the network has parameters that are not sharded.
    """

    def __init__(
        self,
        ranks: Ranks,
        network: nn.Module,
        inputs: Tensor,
        targets: Tensor,
        *,
        loss: Objective | Loss | LossName = "cross_entropy",
    ) -> None:
        self._ranks, self._network = ranks, network.eval()
        self._inputs, self._targets = inputs, targets
        self._trained: list[Any] = [q for q in network.parameters() if q.requires_grad]
        for name, q in network.named_parameters():
            if q.requires_grad and not is_sharded(q):
                raise ValueError(
                    f"Parameter {name!r} is not sharded: fully_shard the whole network."
                )
        self._loss = objective_of(loss).loss
        self._n = sum(int(each) for each in ranks.tell_all(str(len(inputs))))
        self.theta = torch.cat([q.detach().full_tensor().reshape(-1) for q in self._trained])

    @property
    def leads(self) -> bool:
        """Whether this is rank 0."""
        return self._ranks.rank == 0

    def hessian(self) -> Differences:
        """Of rank 0, while the others serve."""
        return Differences(self.gradient, self.theta)

    def gradient(self, theta: Tensor) -> Tensor:
        """∇L (p,) at θ, of rank 0 while the others serve."""
        self._ranks.say({"do": "gradient"})
        return self._gradient(self._ranks.broadcast(theta))

    def serve(self) -> None:
        """Of the other ranks, until rank 0 calls `end`. Raises RankLostError where it is gone."""
        while self._ranks.hear()["do"] == "gradient":
            self._gradient(self._ranks.broadcast(torch.empty_like(self.theta)))
        self._put(self.theta)

    def end(self) -> None:
        """Lets the others go, and leaves the weights as they were."""
        self._ranks.say({"do": "end"})
        self._put(self.theta)

    def _gradient(self, theta: Tensor) -> Tensor:
        self._put(theta)
        logits = self._network(self._inputs)
        # Sharded gradients are means over ranks.
        share = self._loss.values(logits, self._targets).sum() * (self._ranks.count / self._n)
        share.backward()
        found = torch.cat([q.grad.full_tensor().reshape(-1) for q in self._trained])
        for q in self._trained:
            q.grad = None
        return found

    def _put(self, theta: Tensor) -> None:
        from torch.distributed.tensor import distribute_tensor

        start = 0
        with torch.no_grad():
            for q in self._trained:
                whole = theta[start : start + q.numel()].view(q.shape)
                start += q.numel()
                # Every rank has all of it: nothing is sent.
                own = distribute_tensor(whole, q.device_mesh, q.placements, src_data_rank=None)
                q.to_local().copy_(own.to_local())


def is_sharded(parameter: Tensor) -> bool:
    """Whether it is one of `fully_shard`: torch.distributed.tensor is not imported for this."""
    return type(parameter).__name__ == "DTensor"
