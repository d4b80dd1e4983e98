"""The architectures bare weights allow, each with its loss on the user's own data.

Weights do not tell the activation: the same weights with ReLU and with tanh are two networks.
Least loss named the right one in 6 of 8 trials, so nothing is chosen here; a person does.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from minimascope.contract.objective import ObjectiveParameters
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.networks.fitting import Fitted, fitted
from minimascope.intake.networks.groups import Group, groups
from minimascope.intake.networks.input_shapes import shape_problem
from minimascope.intake.networks.layer_chain import Choice, choices, kinds, sequential
from minimascope.intake.networks.layers import ACTIVATIONS
from minimascope.intake.networks.mlp import linear_chain
from minimascope.intake.values.checkpoint import Checkpoint, read_checkpoint
from minimascope.intake.values.dataset import Dataset, read_dataset

EXAMPLES = 1000
_NO_FIT = ("input_shape_mismatch", "architecture_mismatch", "architecture_invalid")
ADVICE = (
    "Weights do not tell these choices, and the least loss was right in only 6 of 8 trials: "
    "compare with the training script before choosing one."
)


@dataclass(frozen=True)
class Candidate:
    """One architecture, its mean loss (in its own units) and accuracy.

    Measured on at most the first 1000 training examples; `accuracy` is None for regression.
    """

    architecture: dict[str, Any]
    loss: float
    accuracy: float | None
    sentence: str


def _measured(fit: Fitted) -> tuple[float, float | None]:
    """Mean loss and accuracy on the first examples."""
    weight = next(fit.network.parameters())
    inputs, targets = fit.train.inputs[:EXAMPLES], fit.train.targets[:EXAMPLES].to(weight.device)
    with torch.no_grad():
        logits = fit.network(inputs.to(weight.dtype)).reshape(len(inputs), -1)
    value, accuracy = float(fit.loss.of_data(targets).mean(logits, targets)), None
    if fit.loss.judges:
        accuracy = float(fit.loss.correct(logits, targets).double().mean())
    return value, accuracy


def _mlp_specs(checkpoint: Checkpoint) -> list[tuple[dict[str, Any], str]]:
    chain = linear_chain(checkpoint)
    widths = [chain[0].tensors["weight"].shape[1]]
    widths += [group.tensors["weight"].shape[0] for group in chain]
    shown = "–".join(map(str, widths))
    names = list(ACTIVATIONS) if len(chain) > 1 else ["identity"]
    return [({"family": "mlp", "activation": name}, f"MLP {shown} with {name}") for name in names]


def _fits(
    checkpoint: Checkpoint, spec: dict[str, Any], train: Dataset, asked: ObjectiveParameters
) -> bool:
    """True where the network takes the data; a wrong loss or labels are no matter of structure."""
    try:
        fitted(build_network(checkpoint, spec), train, None, asked)
    except ProblemError as problem:
        if problem.code not in _NO_FIT:
            raise
        return False
    return True


def _check_channels(checkpoint: Checkpoint, spec: dict[str, Any], train: Dataset) -> None:
    """Raises ProblemError input_shape_mismatch where no choice could help: wrong channels."""
    network = build_network(checkpoint, spec)
    wanted = next(network.parameters()).shape[1]
    if train.inputs.ndim < 2 or train.inputs.shape[1] != wanted:
        raise shape_problem(network, train.inputs, "training", ValueError("other channels"))


def _chain_specs(
    checkpoint: Checkpoint, chain: list[Group], train: Dataset, asked: ObjectiveParameters
) -> list[tuple[dict[str, Any], str]]:
    """Structures the data fit, times every activation."""
    aside = {name: each[:4] for name, each in train.aside.items()}
    probe = replace(train, inputs=train.inputs[:4], targets=train.targets[:4], aside=aside)
    found = kinds(chain)
    fitting = [
        choice
        for choice in choices(found)
        if _fits(checkpoint, sequential(chain, choice), probe, asked)
    ]
    if not fitting:
        _check_channels(checkpoint, sequential(chain, next(iter(choices(found)))), train)
        raise ProblemError(
            "no_candidates",
            f"No usual padding and pooling makes {', '.join(found[:12])} fit examples of shape "
            f"{list(train.inputs.shape[1:])}.",
            "Write the architecture yourself (docs/network_architectures.md), or use "
            "minimascope.export.",
        )
    specs = []
    for choice in fitting:
        for name in ACTIVATIONS:
            named: Choice = replace(choice, activation=name)
            specs.append((sequential(chain, named), f"{', '.join(found)} with {named.words()}"))
    return specs


def candidates(
    checkpoint: Checkpoint, train: Dataset, *, asked: ObjectiveParameters
) -> list[Candidate]:
    """Every architecture the shapes allow and the data fit, least loss first.

    MLPs: one a known activation. Chains of convolutions, batch norms and Linear layers: the
    usual paddings, poolings and heads that fit, times the activations; strides are taken as 1.
    Raises ProblemError: no_candidates (no plain chain, or nothing fits), and those of
    `fitted` where the data fit no architecture of that shape.
    """
    if checkpoint.graph is not None:
        raise ProblemError("no_candidates", "A .pt2 carries its own program: nothing is open.")
    chain = groups(checkpoint)
    if all(kind == "Linear" for kind in kinds(chain)):
        specs = _mlp_specs(checkpoint)
    else:
        specs = _chain_specs(checkpoint, chain, train, asked)
    rows = []
    for spec, words in specs:
        value, accuracy = _measured(fitted(build_network(checkpoint, spec), train, None, asked))
        if math.isfinite(value):
            shown = "" if accuracy is None else f", accuracy {accuracy:.3f}"
            rows.append(Candidate(spec, value, accuracy, f"{words}: loss {value:.4g}{shown}."))
    return sorted(rows, key=lambda row: row.loss)


def candidate_table(
    checkpoint: Path, train: Path, *, asked: Parameters, workdir: Path
) -> dict[str, Any]:
    """`candidates` of two files as JSON values: {"candidates": [...], "advice": sentence}."""
    aside = [] if asked.example_weights is None else [asked.example_weights]
    rows = candidates(
        read_checkpoint(checkpoint, workdir=workdir),
        read_dataset(train, workdir=workdir, label=asked.label, aside=aside, resize=asked.resize),
        asked=asked,
    )
    return {"candidates": [asdict(row) for row in rows], "advice": ADVICE}
