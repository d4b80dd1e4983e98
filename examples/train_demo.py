"""Trains the demo minima: three spiral arms, one network, three ways to a minimum.

    python examples/train_demo.py            # writes backend/demos/<name>/

All share one data set and one architecture (2-32-32-3, tanh), so their differences are the
minimum's alone:

- `weight-decay`: L2-regularised, trained to its minimum; generalizes.
- `weak-decay`: the same start, weight decay a hundred times smaller; fits the noise.
- `adversarial-start`: first fitted to random labels, then to the true ones without weight decay,
  as in arXiv 2306.07104; interpolates with a tangled boundary.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

HERE = Path(__file__).parents[1] / "backend" / "demos"
WIDTH, CLASSES = 32, 3


def spirals(n: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """n points on three noisy arms: X (n, 2) float32, y (n,) int64."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % CLASSES
    t = np.sqrt(rng.uniform(0.05, 1.0, n))
    angle = 3.6 * t + 2 * np.pi * y / CLASSES + rng.normal(0, 0.5, n)
    X = 3 * t[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return X.astype(np.float32), y.astype(np.int64)


def network(seed: int) -> nn.Sequential:
    """A fresh 2-32-32-3 tanh network in float64."""
    torch.manual_seed(seed)
    layers = [nn.Linear(2, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH), nn.Tanh()]
    return nn.Sequential(*layers, nn.Linear(WIDTH, CLASSES)).double()


def descend(model: nn.Module, X: Tensor, y: Tensor, *, weight_decay: float, steps: int) -> float:
    """Full-batch L-BFGS on the L2-regularised loss; returns the gradient norm reached."""
    parameters = list(model.parameters())
    optimiser = torch.optim.LBFGS(
        parameters,
        max_iter=steps,
        history_size=50,
        tolerance_grad=1e-9,
        tolerance_change=1e-15,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(model(X), y)
        loss = loss + 0.5 * weight_decay * sum(q.square().sum() for q in parameters)
        loss.backward()
        return loss

    optimiser.step(closure)
    closure()
    return float(torch.cat([q.grad.reshape(-1) for q in parameters]).norm())


def train(name: str, X: Tensor, y: Tensor) -> tuple[nn.Sequential, float | None]:
    """One of the three minima, and its weight decay (None where no L2 term holds it)."""
    model = network(seed=1)
    if name == "weight-decay":
        descend(model, X, y, weight_decay=3e-3, steps=4000)
        return model, 3e-3
    if name == "weak-decay":
        descend(model, X, y, weight_decay=3e-5, steps=6000)
        return model, 3e-5
    shuffled = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(3))]
    descend(model, X, shuffled, weight_decay=1e-6, steps=2500)
    descend(model, X, y, weight_decay=0.0, steps=60)
    return model, None


def summary(model: nn.Module, X: Tensor, y: Tensor) -> str:
    with torch.no_grad():
        logits = model(X)
    loss = nn.functional.cross_entropy(logits, y)
    return f"loss {loss:.4f}, accuracy {(logits.argmax(1) == y).double().mean():.3f}"


def main() -> None:
    torch.set_num_threads(1)
    X, y = spirals(210, seed=11)
    X_test, y_test = spirals(1500, seed=12)
    for name in ("weight-decay", "weak-decay", "adversarial-start"):
        model, weight_decay = train(name, torch.tensor(X).double(), torch.tensor(y))
        folder = HERE / name
        folder.mkdir(parents=True, exist_ok=True)
        state = {key: value.contiguous() for key, value in model.state_dict().items()}
        save_file(state, folder / "checkpoint.safetensors")
        np.savez(folder / "train.npz", X=X, y=y)
        np.savez(folder / "test.npz", X=X_test, y=y_test)
        parameters = {
            "architecture": {"family": "mlp", "activation": "tanh"},
            "weight_decay": weight_decay,
            "optimizer": "lbfgs",
            "augmentation": False,
            "dropout": False,
        }
        request = {"name": f"spirals, {name.replace('-', ' ')}", "parameters": parameters}
        (folder / "request.json").write_text(json.dumps(request, indent=1) + "\n")
        print(name)
        print("  train", summary(model, torch.tensor(X).double(), torch.tensor(y)))
        print("  test ", summary(model, torch.tensor(X_test).double(), torch.tensor(y_test)))


if __name__ == "__main__":
    main()
