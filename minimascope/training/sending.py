"""What a training script holds, sent to a server's worker: the files that say the same."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.torch import save_file
from torch import Tensor, nn

from minimascope.contract.objective import MOST_PATTERNS
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import AnalysisRequest
from minimascope.intake.exporting import export
from minimascope.intake.networks.program import HELD
from minimascope.intake.values.dataset import Dataset
from minimascope.objective.optimiser import EPS
from minimascope.objective.penalty import Penalty
from minimascope.results.result import Result
from minimascope.training.asked import Asked, Script, asked_of, check_callable
from minimascope.training.layer_list import architecture_of
from minimascope.training.refusals import criterion_unusable, model_unusable
from minimascope.training.surroundings import left_as_it_was

if TYPE_CHECKING:
    from minimascope.client.client import Client

SHOWN = 2  # examples that the exporter is shown


@dataclass(frozen=True)
class Files:
    """Written ones; None for what there is none of, and for the architecture of a program."""

    architecture: dict[str, Any] | None
    checkpoint: Path
    train: Path
    test: Path | None
    optimizer_state: Path | None


def analyzed(
    client: Client, given: tuple[Any, ...], told: dict[str, Any], **asked_so: Any
) -> Result:
    """The report of a worker; `given` are model, data, criterion, optimiser, test, forward.

    Raises ProblemError: what cannot be sent, and the analysis' own where it failed.
    """
    model, data, criterion, optimizer, test, forward = given
    check_callable(forward)
    told = dict(told)
    schedule, steps = told.pop("schedule", None), told.pop("steps", None)
    script = Script(model, data, criterion, optimizer, test, forward, schedule, steps)
    with tempfile.TemporaryDirectory() as folder:
        with left_as_it_was():
            asked = asked_of(script, {"device": "cpu", **told})
            files = _written(asked, Path(folder))
            parameters = _parameters(asked, files.architecture)
        return _answered(client, files, parameters, asked.checkpoint.warnings, **asked_so)


def _answered(
    client: Client, files: Files, parameters: Parameters, said: list[str], **asked_so: Any
) -> Result:
    progress = asked_so.pop("progress", None)

    def stored(kind: Any, path: Path | None) -> str | None:
        return None if path is None else client.store(kind, path).id

    ids = {
        "checkpoint": stored("checkpoint", files.checkpoint),
        "train": stored("dataset", files.train),
        "test": stored("dataset", files.test),
        "optimizer_state": stored("checkpoint", files.optimizer_state),
    }
    request = AnalysisRequest.model_validate({**ids, **asked_so, "parameters": parameters})
    found = client.wait(client.submit(request).id, progress=progress)
    if found.state != "done":
        raise _failed(found.problem, found.state)
    report = client.report(found.id)
    warnings = [*report.warnings, *(each for each in said if each not in report.warnings)]
    return Result(report.model_copy(update={"warnings": warnings}), client.arrays(found.id))


def _failed(problem: dict[str, Any] | None, state: str) -> ProblemError:
    if problem:
        return ProblemError.from_dict(problem)
    return ProblemError("cancelled", f"The analysis was {state} on the server.")


def _written(asked: Asked, folder: Path) -> Files:
    """The same as files. Raises ProblemError."""
    _check(asked)
    network, train, test = asked.network.network, asked.network.train, asked.network.test
    architecture = architecture_of(network.eval(), _shown(network, train))
    if architecture is None:
        weights = export(network, _shown(network, train), folder / "model.pt2")
    else:
        weights = _tensors(network.state_dict(), folder / "model.safetensors")
    moment = asked.known.second_moment
    return Files(
        architecture,
        weights,
        _arrays(train, folder / "train.npz"),
        None if test is None else _arrays(test, folder / "test.npz"),
        None if moment is None else _tensors(moment, folder / "moments.safetensors"),
    )


def _check(asked: Asked) -> None:
    if asked.known.loss is not None:
        raise criterion_unusable(
            "A criterion of your own cannot be sent: it is code.",
            "Use minimascope.analyze here, or a loss of torch.",
        )
    if any(name.rpartition(".")[2].startswith(HELD) for name, _ in _buffers(asked)):
        raise model_unusable(
            "A network of several inputs cannot be sent.", "Use minimascope.analyze here."
        )
    if asked.known.second_moment is not None and asked.known.eps != EPS:
        asked.checkpoint.warnings.append(f"Adam's eps {asked.known.eps:g} counts as {EPS:g} there.")


def _buffers(asked: Asked) -> Any:
    return asked.network.network.named_buffers()


def _shown(network: nn.Module, data: Dataset) -> Tensor:
    """Inputs in the network's own precision."""
    few = data.inputs[:SHOWN]
    kind = next((q.dtype for q in network.parameters() if q.is_floating_point()), few.dtype)
    return few.to(kind) if few.is_floating_point() else few


def _arrays(data: Dataset, path: Path) -> Path:
    np.savez(path, X=data.inputs.numpy(), y=data.targets.numpy())
    return path


def _tensors(found: Mapping[str, Tensor], path: Path) -> Path:
    """By name; tied ones, which the format has not, as copies."""
    save_file({name: each.detach().clone().contiguous() for name, each in found.items()}, path)
    return path


def _parameters(asked: Asked, architecture: dict[str, Any] | None) -> Parameters:
    """With what a `Known` says beside them in the script's own process."""
    fields = {**_decay(asked.known.penalty), **_trained(asked.network.network)}
    if architecture is not None:
        fields["architecture"] = architecture
    return asked.parameters.changed(fields) if fields else asked.parameters


def _decay(penalty: Penalty | None) -> dict[str, Any]:
    if penalty is None:
        return {}
    if penalty.table is None:
        return {} if penalty.weight_decay is None else {"weight_decay": penalty.weight_decay}
    table = dict(penalty.table)
    if len(set(table.values())) > 1 or len(table) > MOST_PATTERNS:
        values = list(table.values())
        usual = max(set(values), key=values.count)
        table = {name: each for name, each in table.items() if each != usual} | {"*": usual}
    if len(table) > MOST_PATTERNS:
        raise ProblemError(
            "optimizer_unusable",
            f"More than {MOST_PATTERNS} parameters have a weight decay of their own.",
            "Use minimascope.analyze here.",
        )
    return {"decay_table": table}


def _trained(network: nn.Module) -> dict[str, Any]:
    """A program has no requires_grad."""
    every = dict(network.named_parameters())
    names = [name for name, q in every.items() if q.requires_grad]
    if len(names) == len(every):
        return {}
    if len(names) > MOST_PATTERNS:
        raise model_unusable(
            f"More than {MOST_PATTERNS} of the parameters were trained, and others were not.",
            "Give trainable=[patterns of their names].",
        )
    return {"trainable": [escape(name) for name in names]}
