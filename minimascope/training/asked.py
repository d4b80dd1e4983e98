"""What model, data, criterion and optimiser say, as the parameters that files are sent with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from minimascope.analysis.session.assembly import Known, Opened, refused_as_told, together
from minimascope.analysis.session.opening import torch_device
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.checks import probed
from minimascope.intake.values.checkpoint import Checkpoint
from minimascope.objective.trainable import train_only
from minimascope.training import criterion as criteria
from minimascope.training import optimizer as optimisers
from minimascope.training.augmenting import COPIES, GROUPS, Augment, Augmented, augmented
from minimascope.training.examples import read
from minimascope.training.joining import Joined, joined
from minimascope.training.model import Copied, copied
from minimascope.training.next_tokens import next_tokens
from minimascope.training.refusals import named
from minimascope.training.table import Table

DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)


@dataclass(frozen=True)
class Script:
    """What `analyze` was given."""

    model: Any
    data: Any
    criterion: Any = None
    optimizer: Any = None
    test: Any = None
    forward: Callable[[Any, Any], Any] | None = None
    schedule: Any = None
    steps: int | None = None
    augment: Augment | None = None
    copies: int = COPIES


@dataclass(frozen=True)
class Asked:
    """An analysis of what is in memory, ready to be opened.

    copy: of the script's model, which `network` is made of. summed: the terms that a step's loss is
    a sum of, None where it is their mean.
    """

    network: Joined
    parameters: Parameters
    known: Known
    checkpoint: Checkpoint
    copy: Copied
    summed: float | None = None

    def opened(self) -> Opened:
        """The minimum. Raises ProblemError as `together` does."""
        if self.parameters.trainable is not None:
            with refused_as_told():
                train_only(self.network.network, self.parameters.trainable)
        return together(
            self.network.network,
            self.network.train,
            self.network.test,
            self.parameters,
            checkpoint=self.checkpoint,
            device=torch_device(self.parameters.device),
            known=self.known,
        )


def asked_of(script: Script, told: dict[str, Any]) -> Asked:
    """What is to be analysed; `told` are fields of Parameters, which go before what was read.

    Raises ProblemError: data_unusable, model_unusable, criterion_unusable, optimizer_unusable,
    invalid_parameters.
    """
    model = copied(script.model)
    train = read(script.data, "training")
    batch = told.get("batch_size") or train.batch_size
    copied_too = _augmented(script, train, told)
    if copied_too is not None:
        train = copied_too.table
    test = None if script.test is None else read(script.test, "test")
    if test is not None:
        test = replace(test, said=[each for each in test.said if each not in train.said])
    network = next_tokens(joined(model.network, train, test, script.forward), model.own)
    if copied_too is not None:
        network = replace(network, train=copied_too.marked(network.train))
    _, outputs = probed(network.network, network.train.inputs, "training")
    few = criteria.few(outputs)
    loss = criteria.told_by(script.criterion, outputs[few], network.train.targets[few])
    if loss.function is None:
        network = _in_a_row(network)
    steps = optimisers.told_by(script.optimizer, model.names, _trained(model))
    steps = optimisers.with_schedule(steps, script.schedule, script.steps)
    steps = optimisers.in_units_of_mean(steps, loss.summed, batch)
    fields = {
        **_of_data(model, train.augmented, batch),
        **_of_copies(copied_too),
        **loss.fields,
        **steps.fields,
    }
    parameters = _made(_unless_told(fields, told))
    known = Known(
        criteria.function_of(loss, outputs, network.train.targets),
        None if _tells_decay(told) else _where_trained(steps.penalty, parameters),
        steps.second_moment,
        steps.eps,
    )
    said = [*model.said, *network.said, *loss.said, *steps.said]
    checkpoint = replace(model.checkpoint(), warnings=said)
    summed = loss.summed * batch if loss.summed and batch else None
    return Asked(network, parameters, known, checkpoint, model, summed)


def _augmented(script: Script, train: Table, told: dict[str, Any]) -> Augmented | None:
    if script.augment is None:
        return None
    if told.get("groups") is not None:
        said = "groups says which copies the data have, and augment makes others: give one."
        raise ProblemError("invalid_parameters", said)
    return augmented(train, script.augment, script.copies, int(told["seed"]))


def _of_copies(made: Augmented | None) -> dict[str, Any]:
    return {} if made is None else {"augmentation": True, "groups": GROUPS}


def _trained(model: Copied) -> list[str]:
    return [name for name, q in model.own.named_parameters() if q.requires_grad]


def _of_data(model: Copied, augmented: bool, batch: int | None) -> dict[str, Any]:
    rates = [each.p for each in model.own.modules() if isinstance(each, DROPOUTS)]
    return {
        "device": model.device,
        "batch_size": batch,
        "augmentation": True if augmented else None,
        "dropout": any(rate > 0 for rate in rates),
    }


def _in_a_row(network: Joined) -> Joined:
    """Targets (n, 1) as (n,): losses with a name take both, one a row."""
    train, test = (
        each and replace(each, targets=_row(each.targets)) for each in (network.train, network.test)
    )
    assert train is not None
    return replace(network, train=train, test=test)


def _row(targets: Tensor) -> Tensor:
    return targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets


def _tells_decay(told: dict[str, Any]) -> bool:
    return any(told.get(name) is not None for name in ("weight_decay", "decay_table"))


def _where_trained(penalty: Any, parameters: Parameters) -> Any:
    """A table by exact names has no place for tensors that `trainable` leaves out."""
    if penalty is None or penalty.table is None or parameters.trainable is None:
        return penalty
    raise ProblemError(
        "invalid_parameters",
        "trainable was told beside an optimiser with several weight decays.",
        "Set requires_grad of the parameters instead.",
    )


def _unless_told(fields: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    found = {name: each for name, each in fields.items() if each is not None}
    if told.get("lr_sum") is not None:  # the last rate, not the largest, may have been read
        found = {name: each for name, each in found.items() if name not in ("lr", "schedule")}
    if told.get("loss") is not None:
        names = ("loss", "link", "label_smoothing", "class_weights", "pos_weight", "ignore_index")
        found = {name: each for name, each in found.items() if name not in names}
    return {**found, **{name: each for name, each in told.items() if each is not None}}


def _made(given: dict[str, Any]) -> Parameters:
    given = {name: _plain(name, each) for name, each in given.items()}
    try:
        return Parameters.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        said = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
        if first["loc"]:
            place = str(first["loc"][0])
            known = place in Parameters.model_fields
            said = f"{place}: {said} (given {first['input']!r:.100})" if known else _unknown(place)
        raise ProblemError("invalid_parameters", f"{said}.") from error


def _unknown(name: str) -> str:
    return f"There is no option {name!r:.60}"


def _plain(name: str, value: Any) -> Any:
    """Values as scripts hold them: torch's dtypes and devices, numbers of numpy."""
    if isinstance(value, torch.dtype):
        return str(value).removeprefix("torch.")
    if name == "device":
        kind = torch.device(value).type
        return kind if kind in ("cpu", "cuda") else "cpu"  # others have no float64
    if hasattr(value, "tolist"):
        return value.tolist()
    return list(value) if name == "stages" and not isinstance(value, str) else value


def check_callable(forward: Any) -> None:
    """Raises ProblemError where `forward` is no function."""
    if forward is not None and not callable(forward):
        raise ProblemError(
            "invalid_parameters",
            f"forward is a {named(forward)}; it needs to be a function of model and batch.",
        )
