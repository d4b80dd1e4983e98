"""The story on the home page, made from two of the shipped minima and the line between them.

`python -m dashboard.story` writes `assets/story.json`; a test says whether it is up to date. The
networks are small enough for the browser to evaluate: it gets their weights, not pictures.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

DEMOS = Path(__file__).parents[1] / "backend" / "demos"
TARGET = Path(__file__).parent / "assets" / "story.json"
ENDS = ("weight-decay", "adversarial-start")
STOPS = 81  # places on the line where losses are known
DIGITS = 6  # of a weight: ample for a picture

Weights = list[tuple[NDArray[np.float64], NDArray[np.float64]]]


def layers(name: str) -> Weights:
    """Weight (out, in) and bias (out) of each layer of a shipped network, tanh between them."""
    found = load_file(DEMOS / name / "checkpoint.safetensors")
    prefixes = sorted({key.rsplit(".", 1)[0] for key in found}, key=lambda each: (len(each), each))
    pairs = [(found[f"{each}.weight"], found[f"{each}.bias"]) for each in prefixes]
    return [(weight.astype(np.float64), bias.astype(np.float64)) for weight, bias in pairs]


def between(first: Weights, last: Weights, alpha: float) -> Weights:
    """The weights at α on the straight line."""
    return [
        ((1 - alpha) * a + alpha * c, (1 - alpha) * b + alpha * d)
        for (a, b), (c, d) in zip(first, last, strict=True)
    ]


def logits(weights: Weights, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Outputs (n, classes) of inputs (n, 2)."""
    values = inputs
    for place, (weight, bias) in enumerate(weights):
        values = values @ weight.T + bias
        if place + 1 < len(weights):
            values = np.tanh(values)
    return values


def loss_and_accuracy(
    weights: Weights, inputs: NDArray[np.float64], labels: NDArray[np.int64]
) -> tuple[float, float]:
    """Mean cross-entropy in nats, and the share of right answers."""
    found = logits(weights, inputs)
    top = found.max(axis=1, keepdims=True)
    spread = np.log(np.exp(found - top).sum(axis=1)) + top[:, 0]
    own = found[np.arange(len(labels)), labels]
    return float((spread - own).mean()), float((found.argmax(axis=1) == labels).mean())


def _data(name: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    found = np.load(DEMOS / ENDS[0] / f"{name}.npz", allow_pickle=False)
    keys = sorted(found.files)
    x = next(found[key] for key in keys if found[key].ndim == 2)
    y = next(found[key] for key in keys if found[key].ndim == 1)
    return x.astype(np.float64), y.astype(np.int64)


def _end(name: str) -> dict[str, Any]:
    """A shipped minimum's name and what its report says of it."""
    report = json.loads((DEMOS / name / "report.json").read_text())
    asked = json.loads((DEMOS / name / "request.json").read_text())
    measured = report["gap"]["measured"]
    return {
        "name": asked["name"],
        "gap": measured["value"],
        "error": measured["standard_error"],
        "n90": report["boundary"]["n90"],
    }


def _rounded(weights: Weights) -> list[list[Any]]:
    return [
        [np.round(weight, DIGITS).tolist(), np.round(bias, DIGITS).tolist()]
        for weight, bias in weights
    ]


def story() -> dict[str, Any]:
    """Everything the page shows: both networks, the line's losses, the data, the plane's ends."""
    first, last = (layers(name) for name in ENDS)
    train, test = _data("train"), _data("test")
    alphas = np.linspace(0, 1, STOPS)
    on_line = [between(first, last, float(alpha)) for alpha in alphas]
    trained = [loss_and_accuracy(each, *train) for each in on_line]
    tested = [loss_and_accuracy(each, *test) for each in on_line]
    arrays = np.load(DEMOS / ENDS[0] / "arrays.npz", allow_pickle=False)
    return {
        "ends": [_end(name) for name in ENDS],
        "layers": [_rounded(first), _rounded(last)],
        "train": [round(loss, 5) for loss, _ in trained],
        "test": [round(loss, 5) for loss, _ in tested],
        "right": [round(right, 4) for _, right in tested],
        "points": np.round(train[0], 3).tolist(),
        "labels": train[1].tolist(),
        "x": [float(arrays["slice_x"][0]), float(arrays["slice_x"][-1])],
        "y": [float(arrays["slice_y"][0]), float(arrays["slice_y"][-1])],
    }


def written() -> str:
    """The file's text."""
    return json.dumps(story(), separators=(",", ":")) + "\n"


if __name__ == "__main__":
    TARGET.write_text(written())
