"""Trained networks on disk, outside git, and what is measured of each.

A folder a network under .cache/practice_study: `network.pt` (weights), `training.npz` (data, θ at
the start and on the way, learning rates, second moment, decay of each parameter), `facts.json`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from practice.case import Case
from practice.losses import plain
from practice.networks import HEAD, Network, network
from practice.training import Trained, decays, flat, trainable

CACHE = Path(__file__).parents[2] / ".cache/practice_study"


def folder(case: Case) -> Path:
    """Where a network lies."""
    return CACHE / case.name


def store(result: Trained) -> dict[str, Any]:
    """Writes a trained network, and last its facts."""
    into = folder(result.case)
    into.mkdir(parents=True, exist_ok=True)
    torch.save(result.network.state_dict(), into / "network.pt")
    penalty = decays(result.case, result.network)
    per_parameter = [
        np.full(q.numel(), penalty[name]) for name, q in trainable(result.network).items()
    ]
    optional = {"second_moment": result.second_moment, "weights": result.weights}
    np.savez_compressed(
        into / "training.npz",
        X=result.data.train[0].numpy(),
        y=result.data.train[1].numpy(),
        start=result.start.numpy(),
        lrs=np.array(result.lrs),
        decay=np.concatenate(per_parameter),
        snapshots=np.array([each.numpy() for each in result.snapshots]),
        **{name: value.numpy() for name, value in optional.items() if value is not None},
    )
    facts = measured(result)
    (into / "facts.json").write_text(json.dumps(facts, indent=1))
    return facts


def measured(result: Trained) -> dict[str, Any]:
    """The gap of the plain loss on the test set, in float64, and what else is known."""
    case, model = result.case, result.network.double()
    with torch.no_grad():
        train, test = (_losses(case, model, part) for part in (result.data.train, result.data.test))
    last = float(flat(model).norm())
    return {
        "name": case.name,
        "p": len(flat(model)),
        "outputs": result.data.outputs,
        "tested": len(test),
        "train_loss": float(train.mean()),
        "gap": float(test.mean() - train.mean()),
        "gap_error": float(test.std() / len(test) ** 0.5),
        "steps": len(result.lrs),
        "sum_lr": float(np.sum(result.lrs)),
        "norm": last,
        "distance": float((flat(model) - result.start).norm()),
        "seconds": round(result.seconds, 2),
    }


def _losses(case: Case, model: Network, part: tuple[Tensor, Tensor]) -> Tensor:
    X, y = part
    chunks = range(0, len(X), 2000)
    X = X.double() if X.is_floating_point() else X
    y = y.double() if y.is_floating_point() else y
    return torch.cat([plain(case, model(X[i : i + 2000]), y[i : i + 2000]) for i in chunks])


def stored(case: Case) -> tuple[Network, dict[str, np.ndarray], dict[str, Any]] | None:
    """(network in float64 and evaluation mode, arrays, facts); None where it is not trained."""
    at = folder(case)
    if not (at / "facts.json").exists():
        return None
    facts = json.loads((at / "facts.json").read_text())
    with np.load(at / "training.npz") as kept:
        arrays = dict(kept)
    model = network(case, arrays["X"].shape[1:], facts["outputs"]).double()
    model.load_state_dict(torch.load(at / "network.pt", weights_only=True))
    for name, q in model.named_parameters():
        q.requires_grad_(not case.frozen or name.startswith(HEAD))
    return model.eval(), arrays, facts
