"""A copy of the script's model on the fixed sample, given the model's weights of each moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from minimascope.analysis.session.assembly import Opened
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.intake.networks.program import HELD
from minimascope.tracking.sample import drawn
from minimascope.training.asked import Asked, Script, asked_of
from minimascope.training.refusals import model_unusable


@dataclass
class Followed:
    """`opened` has the weights of the last `update`; `total`: training examples in all.

    others: examples beside those of the sample; None where it has all.
    """

    asked: Asked
    opened: Opened
    total: int
    others: Minimum | None = None
    _own: nn.Module = field(init=False)

    def __post_init__(self) -> None:
        self._own = self.asked.copy.own
        own, mine = self._tensors(self._own), self._tensors(self.opened.minimum.network)
        if [q.shape for q in own] != [q.shape for q in mine]:
            raise model_unusable(
                "The model's tensors are not those of its copy, so it cannot be followed.",
                "Analyse it now and then: minimascope.analyze.",
            )

    @property
    def minimum(self) -> Minimum:
        """Network and sample."""
        return self.opened.minimum

    @property
    def parameters(self) -> Mapping[str, Tensor]:
        """The script's own, those that are trained, in θ order."""
        return {name: q for name, q in self._own.named_parameters() if q.requires_grad}

    def update(self) -> None:
        """Weights and buffers as they are now. Raises ProblemError where they are not finite."""
        pairs = zip(
            self._tensors(self._own), self._tensors(self.opened.minimum.network), strict=True
        )
        with torch.no_grad():
            for own, mine in pairs:
                mine.copy_(own)

    @staticmethod
    def _tensors(network: nn.Module) -> list[Tensor]:
        """Without the examples, which are buffers where a network takes several inputs."""
        buffers = [
            each
            for name, each in network.named_buffers()
            if not name.rpartition(".")[2].startswith(HELD)
        ]
        return [*network.parameters(), *buffers]


def followed(script: Script, told: dict[str, Any], *, examples: int) -> Followed:
    """Raises ProblemError as `minimascope.analyze` does for what cannot be analysed."""
    seed = int(told.get("seed", 0))
    data, total = drawn(script.data, 2 * examples, seed=seed, which="training")
    test = None
    if script.test is not None:
        test, _ = drawn(script.test, examples, seed=seed, which="test")
    given = Script(script.model, data, script.criterion, script.optimizer, test, script.forward)
    asked = asked_of(given, told)
    opened = asked.opened()
    sample, others = _parted(opened.minimum, examples, seed)
    return Followed(asked, replace(opened, minimum=sample), total, others)


def _parted(minimum: Minimum, examples: int, seed: int) -> tuple[Minimum, Minimum | None]:
    """The sample, and what was drawn beside it: the same network, which gets the weights once."""
    if minimum.n <= examples:
        return minimum, None
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(minimum.n, generator=generator).to(minimum.inputs.device)
    return minimum.subset(rows[:examples].sort().values), minimum.subset(rows[examples:])
