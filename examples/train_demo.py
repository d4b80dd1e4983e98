"""Trains the demo minima: three spiral arms, one network, three ways to a minimum; and images.

    python examples/train_demo.py            # writes backend/demos/<name>/

Three share one data set and one architecture (2-32-32-3, tanh), so their differences are the
minimum's alone:

- `weight-decay`: L2-regularised, trained to its minimum; generalizes.
- `weak-decay`: the same start, weight decay a hundred times smaller; fits the noise.
- `adversarial-start`: first fitted to random labels, then to the true ones without weight decay,
  as in arXiv 2306.07104; interpolates with a tangled boundary.

The fourth is another kind of network:

- `digits-cnn`: two convolutions on scikit-learn's 8 × 8 digits, L2-regularised, at its minimum.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from sklearn.datasets import load_digits
from torch import Tensor, nn

HERE = Path(__file__).parents[1] / "backend" / "demos"
# What the list says below each name.
NOTES = {
    "weight-decay": "Held by weight decay: a smooth boundary, the least gap.",
    "weak-decay": "A hundredth of the decay: it fits better, with six times the gap.",
    "digits-cnn": "A small convolutional network: the estimate and what was measured agree.",
    "adversarial-start": "Fitted to shuffled labels first: it fits best, with 17 times the gap.",
}
WIDTH, CLASSES = 32, 3
DIGITS_DECAY = 3e-3
Split = tuple[np.ndarray, np.ndarray]
TANH = {"family": "mlp", "activation": "tanh"}
CNN = {
    "family": "sequential",
    "layers": [
        ["Conv2d", 1, 4, {"kernel_size": 3}],
        ["Tanh"],
        ["Conv2d", 4, 6, {"kernel_size": 3, "stride": 2}],
        ["Tanh"],
        ["Flatten"],
        ["Linear", 24, 10],
    ],
}


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


def write(name: str, model: nn.Module, train: Split, test: Split, **told: object) -> None:
    """Checkpoint, data and request of one demo."""
    folder = HERE / name
    folder.mkdir(parents=True, exist_ok=True)
    state = {key: value.contiguous() for key, value in model.state_dict().items()}
    save_file(state, folder / "checkpoint.safetensors")
    np.savez(folder / "train.npz", X=train[0], y=train[1])
    np.savez(folder / "test.npz", X=test[0], y=test[1])
    title, parameters = told.pop("title"), {**told, "augmentation": False, "dropout": False}
    request = {"name": title, "notes": NOTES[name], "parameters": parameters}
    (folder / "request.json").write_text(json.dumps(request, indent=1) + "\n")
    print(name)
    for split, (X, y) in (("train", train), ("test ", test)):
        print(" ", split, summary(model, torch.tensor(X).double(), torch.tensor(y)))


def digits() -> tuple[Split, Split]:
    """400 and 1,397 digits of 8 × 8 pixels in [0, 1], one channel."""
    images, labels = load_digits(return_X_y=True)
    X = (images / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    order = np.random.default_rng(5).permutation(len(X))
    X, y = X[order], labels[order].astype(np.int64)
    return (X[:400], y[:400]), (X[400:], y[400:])


def convolutional(train: Split, *, weight_decay: float) -> nn.Sequential:
    """The small network of `CNN` at the minimum of its regularised loss."""
    torch.manual_seed(2)
    layers = [nn.Conv2d(1, 4, 3), nn.Tanh(), nn.Conv2d(4, 6, 3, stride=2), nn.Tanh()]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(24, 10)).double()
    X, y = torch.tensor(train[0]).double(), torch.tensor(train[1])
    norm = descend(model, X, y, weight_decay=weight_decay, steps=1500)
    print(f"digits: gradient norm {norm:.1e}")
    return model


def main() -> None:
    torch.set_num_threads(1)
    train_set, test_set = spirals(210, seed=11), spirals(1500, seed=12)
    X, y = torch.tensor(train_set[0]).double(), torch.tensor(train_set[1])
    for name in ("weight-decay", "weak-decay", "adversarial-start"):
        model, weight_decay = train(name, X, y)
        title = f"spirals, {name.replace('-', ' ')}"
        told = {"title": title, "architecture": TANH, "weight_decay": weight_decay}
        write(name, model, train_set, test_set, **told, optimizer="lbfgs")
    pictures, held_out = digits()
    told = {"title": "digits, two convolutions", "architecture": CNN, "weight_decay": DIGITS_DECAY}
    model = convolutional(pictures, weight_decay=DIGITS_DECAY)
    write("digits-cnn", model, pictures, held_out, **told, optimizer="lbfgs")


if __name__ == "__main__":
    main()
