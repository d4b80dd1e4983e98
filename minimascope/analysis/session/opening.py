"""Opens what an analysis works on: network, training set, optional test set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from minimascope.analysis.session.from_file import from_file
from minimascope.contract.objective import Link
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import CheckpointSummary, DataSummary, SplitSummary
from minimascope.curvature.minimum.batches import as_matrix, outputs_at
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.networks.fitting import fitted
from minimascope.intake.networks.input_shapes import takes_ids
from minimascope.intake.values.checkpoint import Checkpoint, read_checkpoint
from minimascope.intake.values.dataset import Dataset, read_dataset
from minimascope.machine.threads import use_threads_for
from minimascope.objective.loss import Loss
from minimascope.objective.objective import Objective
from minimascope.objective.optimiser import EPS, Optimiser
from minimascope.objective.penalty import Penalty


@dataclass(frozen=True)
class Files:
    """Paths of the uploads of one analysis; `other` is the checkpoint at a line's other end.

    optimizer_state: the optimiser's state_dict at the checkpoint, or v̂ by parameter name.
    """

    checkpoint: Path
    train: Path
    test: Path | None = None
    other: Path | None = None
    optimizer_state: Path | None = None


@dataclass(frozen=True)
class Opened:
    """A minimum ready for the numbers, with its held-out split and what intake said.

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

    @cached_property
    def outputs(self) -> Tensor:
        """The network's outputs (n, K) for the training set: minutes for 50,000 images, so once."""
        return outputs_at(self.minimum, self.minimum.inputs)


def open_files(files: Files, parameters: Parameters, *, workdir: Path) -> Opened:
    """Parses (in the sandbox), builds the network, checks that everything fits together.

    Raises ProblemError with a stable code for anything that does not.
    """
    device = torch_device(parameters.device)
    with speaking_of("Checkpoint"):
        checkpoint = read_checkpoint(files.checkpoint, workdir=workdir)
    network = build_network(checkpoint, parameters.architecture)
    ids = takes_ids(network)
    with speaking_of("Training data"):
        train = read_split(files.train, parameters, ids=ids, workdir=workdir)
    test = None
    if files.test:
        with speaking_of("Test data"):
            test = read_split(files.test, parameters, ids=ids, workdir=workdir).numbered_as(train)
    with refused_as_told(), speaking_of("Optimiser's state"):
        told = from_file(network, checkpoint, files.optimizer_state, parameters, workdir)
    parameters = told.parameters
    found = fitted(network, train, test, parameters)
    train, test = found.train, found.test
    dtype = torch.float64 if parameters.dtype == "float64" else torch.float32
    objective = objective_of(parameters, found.loss, second_moment=told.second_moment, eps=told.eps)
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
    said += [*found.warnings, *told.open]
    split = split_like(minimum, test)
    return Opened(minimum, split, checkpoint, said, parameters, told.read, train.names, found.link)


def objective_of(
    parameters: Parameters,
    loss: Loss,
    *,
    second_moment: Mapping[str, Tensor] | None = None,
    eps: float = EPS,
) -> Objective:
    """What was minimised and how, as far as the parameters of an analysis say.

    second_moment, eps: v̂ by parameter name and ε, from the optimiser's state where there is one.
    """
    return Objective(
        loss,
        Penalty(parameters.weight_decay, parameters.decay_on, parameters.decay_table),
        Optimiser(
            parameters.optimizer,
            lr=parameters.lr,
            momentum=parameters.momentum,
            steps=parameters.steps,
            schedule=parameters.schedule,
            lr_sum=parameters.lr_sum,
            betas=parameters.betas,
            batch_size=parameters.batch_size,
            second_moment=second_moment,
            eps=eps,
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


@contextmanager
def speaking_of(what: str) -> Iterator[None]:
    """Refusals within name the file they are about: three may be open at once."""
    try:
        yield
    except ProblemError as problem:
        sentence = f"{what}: {problem.sentence}"
        raise ProblemError(
            problem.code, sentence, problem.advice, status=problem.status
        ) from problem


def read_split(path: Path, parameters: Parameters, *, ids: bool, workdir: Path) -> Dataset:
    """One data set as it was sent; `ids` keeps whole-number inputs as token ids."""
    integers: Literal["float", "keep"] = "keep" if ids else "float"
    beside = [x for x in (parameters.example_weights, parameters.groups) if x is not None]
    return read_dataset(
        path,
        workdir=workdir,
        integers=integers,
        label=parameters.label,
        aside=beside,
    )


def torch_device(name: str) -> torch.device:
    """The device asked for, or a sentence that there is none."""
    if name == "cuda" and not torch.cuda.is_available():
        raise ProblemError(
            "no_gpu", "This worker has no CUDA device.", "Choose device cpu, or start a GPU worker."
        )
    return torch.device(name)


def split_like(minimum: Minimum, data: Dataset | None) -> tuple[Tensor, Tensor] | None:
    """A data split on the minimum's dtype and device."""
    if data is None:
        return None
    kind, device = minimum.theta.dtype, minimum.inputs.device
    inputs = data.inputs.to(kind) if data.inputs.is_floating_point() else data.inputs
    targets = data.targets.to(kind) if data.targets.is_floating_point() else data.targets
    return inputs.to(device), targets.to(device)


def checkpoint_summary(opened: Opened, parameters: Parameters) -> CheckpointSummary:
    return CheckpointSummary(
        sha256=opened.checkpoint.sha256,
        format=opened.checkpoint.format,
        parameters=opened.minimum.dim,
        architecture=parameters.architecture,
        layers=opened.minimum.names,
    )


def data_summary(opened: Opened) -> DataSummary:
    minimum, test = opened.minimum, None
    classes = minimum.loss.classes(as_matrix(opened.outputs).shape[1])
    if opened.test:
        test = split_summary(minimum.loss, outputs_at(minimum, opened.test[0]), opened.test[1])
    return DataSummary(
        train=split_summary(minimum.loss, opened.outputs, minimum.targets),
        test=test,
        classes=classes,
        input_shape=list(minimum.inputs.shape[1:]),
        class_names=opened.class_names,
    )


def output_count(minimum: Minimum) -> int:
    """K, the numbers that the network gives for an example."""
    with torch.no_grad():
        outputs = minimum.logits(minimum.theta, minimum.inputs[:1])
    return as_matrix(outputs).shape[1]


def class_count(minimum: Minimum) -> int | None:
    """Classes the network tells apart; None for regression and for several labels an example."""
    return minimum.loss.classes(output_count(minimum))


def is_planar(minimum: Minimum) -> bool:
    """Inputs are points of the plane, so they are drawn as they are."""
    return tuple(minimum.inputs.shape[1:]) == (2,)


def split_summary(kind: Loss, outputs: Tensor, targets: Tensor) -> SplitSummary:
    """Mean loss and accuracy of one split, from the network's outputs there.

    The loss is that of training, in nats an example and normalised for this split; the accuracy
    is of examples, or of all labels where an example has several.
    """
    logits = as_matrix(outputs)
    accuracy = None
    if kind.judges:
        accuracy = float(kind.correct(logits, targets).double().mean())
    loss = float(kind.of_data(targets).mean(logits, targets))
    return SplitSummary(n=len(logits), loss=loss, accuracy=accuracy)
