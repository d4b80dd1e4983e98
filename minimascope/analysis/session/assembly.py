"""Network, data and what was told become a minimum: the same for files and for memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor, nn

from minimascope.analysis.session.drawing import Totals, affordable
from minimascope.contract.objective import Link
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import TakenFile
from minimascope.curvature.minimum.batches import outputs_at
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.minimum.positions import Positions, positions_of
from minimascope.intake.networks.fitting import fitted
from minimascope.intake.values.checkpoint import Checkpoint
from minimascope.intake.values.dataset import Dataset
from minimascope.machine.threads import use_threads_for
from minimascope.objective.loss import Loss
from minimascope.objective.objective import Objective
from minimascope.objective.optimiser import EPS, Optimiser
from minimascope.objective.penalty import Penalty
from minimascope.objective.tokens import TokenCrossEntropy


@dataclass(frozen=True)
class Known:
    """What files or a training script know and no field of `Parameters` can say.

    loss: one without a name; penalty: weight decay by exact names; second_moment: v̂ by parameter
    name and eps, of the optimiser's state. `read` says in words what was read, "" for nothing, and
    `open` what it leaves open.
    """

    loss: Loss | None = None
    penalty: Penalty | None = None
    second_moment: Mapping[str, Tensor] | None = None
    eps: float = EPS
    read: str = ""
    open: Sequence[str] = ()


@dataclass(frozen=True)
class Opened:
    """A minimum ready for the numbers, with its held-out split and what intake said.

    `total`: of the examples that these were drawn from to stay within a budget.

    `parameters` are those asked for with what the files add; `read` says in words what that is.
    """

    minimum: Minimum
    test: tuple[Tensor, Tensor] | None
    checkpoint: Checkpoint
    warnings: list[str]
    parameters: Parameters
    read: str = ""
    class_names: list[str] = field(default_factory=list)
    link: Link = "logits"  # what the network's outputs were before they were made logits
    taken: list[TakenFile] = field(default_factory=list)
    total: Totals = field(default_factory=Totals)

    @cached_property
    def outputs(self) -> Tensor:
        """The network's outputs (n, K) for the training set: minutes for 50,000 images, so once."""
        return outputs_at(self.minimum, self.minimum.inputs)

    @cached_property
    def positions(self) -> Positions:
        """Of a language model: what it makes of each position of the training set, passed once."""
        return self._positions(self.minimum.inputs, self.minimum.targets)

    @cached_property
    def held_positions(self) -> Positions | None:
        """The same of the test set; None without one."""
        return self.test and self._positions(*self.test)

    def _positions(self, inputs: Tensor, targets: Tensor) -> Positions:
        loss = self.minimum.loss
        assert isinstance(loss, TokenCrossEntropy)
        return positions_of(self.minimum, loss.of_data(targets), inputs, targets)


def together(
    network: nn.Module,
    train: Dataset,
    test: Dataset | None,
    parameters: Parameters,
    *,
    checkpoint: Checkpoint,
    device: torch.device,
    known: Known | None = None,
) -> Opened:
    """Checks that everything fits together, and makes the minimum.

    The network is changed: moved to device and dtype, in evaluation mode. Raises ProblemError
    with a stable code for what does not fit.
    """
    known = known or Known()
    found = fitted(network, train, test, parameters, loss=known.loss)
    train, test = found.train, found.test
    dtype = torch.float64 if parameters.dtype == "float64" else torch.float32
    objective = objective_of(parameters, found.loss, known)
    with refused_as_told():
        trained = {k: q.shape for k, q in found.network.named_parameters() if q.requires_grad}
        objective.penalty.by_name(trained)
    minimum = prepare(
        found.network,
        train.inputs,
        train.targets,
        loss=objective,
        dtype=dtype,
        device=device,
    )
    if parameters.groups is not None:
        minimum = replace(minimum, groups=groups_in(train, parameters.groups).to(device))
    use_threads_for(minimum.n, minimum.dim)
    said = [checkpoint.picked] if checkpoint.picked else []
    said += [*checkpoint.warnings, *train.warnings, *(test.warnings if test else [])]
    said += [*found.warnings, *known.open]
    split, total = split_like(minimum, test), Totals()
    if parameters.seconds is not None:
        minimum, split, total = affordable(minimum, split, parameters.seconds, parameters.seed)
    return Opened(
        minimum,
        split,
        checkpoint,
        said,
        parameters,
        known.read,
        train.names,
        found.link,
        taken_from(checkpoint, train, test),
        total,
    )


def taken_from(checkpoint: Checkpoint, train: Dataset, test: Dataset | None) -> list[TakenFile]:
    """What became of each part of each file; nothing for what was in memory."""
    rows = {"checkpoint": checkpoint.taken, "train": train.taken, "test": test and test.taken}
    return [TakenFile.model_validate({"file": k, "parts": v}) for k, v in rows.items() if v]


def objective_of(parameters: Parameters, loss: Loss, known: Known) -> Objective:
    """What was minimised and how, as far as parameters and the script say."""
    return Objective(
        loss,
        known.penalty
        or Penalty(parameters.weight_decay, parameters.decay_on, parameters.decay_table),
        Optimiser(
            parameters.optimizer,
            lr=parameters.lr,
            momentum=parameters.momentum,
            steps=parameters.steps,
            schedule=parameters.schedule,
            lr_sum=parameters.lr_sum,
            betas=parameters.betas,
            batch_size=parameters.batch_size,
            eps=known.eps,
            second_moment=known.second_moment,
        ),
        augmentation=parameters.augmentation,
        dropout=parameters.dropout,
    )


def groups_in(data: Dataset, name: str) -> Tensor:
    """Which original each example is a copy of (n,). ProblemError where the data do not say."""
    if name not in data.aside:
        sentence = f"The training data have no column or array {name[:60]!r} of groups."
        raise ProblemError(
            "invalid_parameters", sentence, "Name the numbers that tell originals apart."
        )
    return data.aside[name]


@contextmanager
def refused_as_told() -> Iterator[None]:
    """What cannot be of this network is refused as a parameter of the analysis."""
    try:
        yield
    except ValueError as error:
        raise ProblemError("invalid_parameters", str(error)) from error


def split_like(minimum: Minimum, data: Dataset | None) -> tuple[Tensor, Tensor] | None:
    """A data split on the minimum's dtype and device."""
    if data is None:
        return None
    kind, device = minimum.theta.dtype, minimum.inputs.device
    inputs = data.inputs.to(kind) if data.inputs.is_floating_point() else data.inputs
    targets = data.targets.to(kind) if data.targets.is_floating_point() else data.targets
    return inputs.to(device), targets.to(device)
