"""Opens what an analysis works on: network, training set, optional test set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from minimascope.analysis.session.assembly import Known, Opened, refused_as_told, together
from minimascope.analysis.session.from_file import from_file
from minimascope.analysis.session.summaries import positions_summary, split_summary
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import CheckpointSummary, DataSummary
from minimascope.curvature.minimum.batches import as_matrix, outputs_at
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.networks.input_shapes import takes_ids
from minimascope.intake.networks.next_tokens import SENTENCE, of_next, without_last
from minimascope.intake.networks.several import wanted
from minimascope.intake.values.checkpoint import read_checkpoint
from minimascope.intake.values.dataset import Dataset, in_order, read_dataset
from minimascope.objective.tokens import TokenCrossEntropy


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


def open_files(files: Files, parameters: Parameters, *, workdir: Path) -> Opened:
    """Parses (in the sandbox), builds the network, checks that everything fits together.

    Raises ProblemError with a stable code for anything that does not.
    """
    device = torch_device(parameters.device)
    with speaking_of("Checkpoint"):
        checkpoint = read_checkpoint(files.checkpoint, workdir=workdir)
    network = build_network(checkpoint, parameters.architecture)
    taken = {"ids": takes_ids(network), "several": wanted(network)}
    with speaking_of("Training data"):
        train = read_split(files.train, parameters, **taken, workdir=workdir)
    test = None
    if files.test:
        with speaking_of("Test data"):
            held = read_split(files.test, parameters, **taken, workdir=workdir, role="test")
            test = in_order(held.numbered_as(train), train)
    network, train, test = asked_for_next(network, train, test)
    with refused_as_told(), speaking_of("Optimiser's state"):
        told = from_file(network, checkpoint, files.optimizer_state, parameters, workdir)
    known = Known(second_moment=told.second_moment, eps=told.eps, read=told.read, open=told.open)
    return together(
        network, train, test, told.parameters, checkpoint=checkpoint, device=device, known=known
    )


def asked_for_next(
    network: nn.Module, train: Dataset, test: Dataset | None
) -> tuple[nn.Module, Dataset, Dataset | None]:
    """Of a causal language model, with the next token for a label at each position."""
    if not getattr(network, "predicts_next", False):
        return network, train, test
    pad = getattr(network, "pad", None)
    shifted = of_next(train, pad=pad)
    if shifted is None:
        raise ProblemError(
            "output_shape_mismatch",
            "This is a causal language model: its training data need a token for each position as "
            f"labels, and have targets of shape {list(train.targets.shape[1:])} an example.",
            "Send the token ids both as X and as y, or −100 in y where a position does not count.",
        )
    said = SENTENCE.format(name="A causal language model")
    shifted = replace(shifted, warnings=[*shifted.warnings, said])
    return without_last(network), shifted, test and of_next(test, pad=pad)


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


def read_split(
    path: Path,
    parameters: Parameters,
    *,
    ids: bool,
    workdir: Path,
    role: Literal["train", "test"] = "train",
    several: Sequence[tuple[str, bool]] = (),
) -> Dataset:
    """One data set as it was sent; `ids` keeps whole-number inputs as token ids; `several` are the
    inputs of a network that takes more than one."""
    integers: Literal["float", "keep"] = "keep" if ids else "float"
    beside = [x for x in (parameters.example_weights, parameters.groups) if x is not None]
    return read_dataset(
        path,
        workdir=workdir,
        integers=integers,
        label=parameters.label,
        resize=parameters.resize,
        aside=beside,
        role=role,
        several=several,
    )


def torch_device(name: str) -> torch.device:
    """The device asked for, or a sentence that there is none."""
    if name == "cuda" and not torch.cuda.is_available():
        raise ProblemError(
            "no_gpu", "This worker has no CUDA device.", "Choose device cpu, or start a GPU worker."
        )
    return torch.device(name)


def checkpoint_summary(opened: Opened, parameters: Parameters) -> CheckpointSummary:
    return CheckpointSummary(
        sha256=opened.checkpoint.sha256,
        format=opened.checkpoint.format,
        parameters=opened.minimum.dim,
        architecture=parameters.architecture,
        layers=opened.minimum.names,
    )


def data_summary(opened: Opened) -> DataSummary:
    minimum, test, loss, total = opened.minimum, None, opened.minimum.loss, opened.total
    classes = None
    if isinstance(loss, TokenCrossEntropy):
        train = positions_summary(opened.positions, minimum.targets, total.train)
        if opened.test and (held := opened.held_positions) is not None:
            test = positions_summary(held, opened.test[1], total.test)
    else:
        classes = loss.classes(as_matrix(opened.outputs).shape[1])
        train = split_summary(loss, opened.outputs, minimum.targets, total.train)
        if opened.test:
            outputs = outputs_at(minimum, opened.test[0])
            test = split_summary(loss, outputs, opened.test[1], total.test)
    return DataSummary(
        train=train,
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
