"""What leave-one-out is: training again without an example, and what curvature foretells."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

import minimascope as ms
from docs.drawing.demos import boundary_of
from docs.drawing.panels import Panel, chart, keep, line, plane, points, row
from examples.train_demo import descend, spirals
from minimascope.figures.theme import class_colour

N, DECAY, TESTED = 60, 1e-2, 30
REACH = (-3.3, 3.3, -3.3, 3.3)


def trained() -> tuple[nn.Sequential, Tensor, Tensor]:
    """A 2-12-3 network at its minimum on 60 points of the demo's spirals."""
    X, y = (torch.as_tensor(each) for each in spirals(N, seed=3))
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(2, 12), nn.Tanh(), nn.Linear(12, 3)).double()
    descend(model, X.double(), y, weight_decay=DECAY, steps=3000)
    return model, X.double(), y


def without(model: nn.Module, X: Tensor, y: Tensor, i: int) -> nn.Module:
    """The network trained on from there without example i, to its own minimum."""
    kept = torch.arange(len(y)) != i
    other = copy.deepcopy(model)
    # The objective is (1/n) Σ loss + (λ/2)‖θ‖²: with one term less, the decay stays λ·n/(n − 1).
    descend(other, X[kept], y[kept], weight_decay=DECAY * len(y) / (len(y) - 1), steps=3000)
    return other


def loss_of(model: nn.Module, X: Tensor, y: Tensor, i: int) -> float:
    with torch.no_grad():
        return float(nn.functional.cross_entropy(model(X[i : i + 1]), y[i : i + 1]))


def picture() -> str:
    model, X, y = trained()
    optimizer = torch.optim.LBFGS(model.parameters())
    told = {"weight_decay": DECAY, "stages": ["spectrum", "gap"]}
    found = ms.analyze(model, (X, y), nn.CrossEntropyLoss(), optimizer, **told)
    foretold = found.arrays["alo_loss"]
    order = foretold.argsort()[::-1][:TESTED].tolist()
    again = {i: without(model, X, y, i) for i in order}
    true = [loss_of(again[i], X, y, i) for i in order]
    said = (
        "Left: the decision boundary with all examples, and as it is after training without one of "
        "them. Right: the loss of thirty left-out examples as curvature foretells it, against the "
        "loss after training again; the points lie near the diagonal."
    )
    top = max(*true, *(foretold[i] for i in order)) * 1.05
    scatter = chart(
        [
            line([0, top], [0, top], colour="#a3aab5", dash="dash", width=1),
            points(true, [foretold[i] for i in order]),
        ],
        x={"title": "loss after training without it, nats"},
        y={"title": "loss foretold, nats"},
    )
    panels = [
        _boundaries(model, again[order[0]], X, y, order[0]),
        Panel("Thirty examples", scatter, 360),
    ]
    return row(panels, label=said)


def _boundaries(model: nn.Module, other: nn.Module, X: Tensor, y: Tensor, i: int) -> Panel:
    both = (
        (boundary_of(model, REACH), "with all", "#1a1c20", "solid"),
        (boundary_of(other, REACH), "without ringed", "#c2290a", "dash"),
    )
    traces = [line(b[:, 0], b[:, 1], name, colour=c, dash=d) for b, name, c, d in both]
    at = X.numpy()
    traces.append(points(at[i : i + 1, 0], at[i : i + 1, 1], colour="#c2290a", size=17))
    traces.append(points(at[i : i + 1, 0], at[i : i + 1, 1], colour="#ffffff", size=13))
    traces += [
        points(at[y == c, 0], at[y == c, 1], colour=class_colour(c), size=6) for c in range(3)
    ]
    before, after = loss_of(model, X, y, i), loss_of(other, X, y, i)
    return Panel(
        f"Its loss: {before:.2f} in training, {after:.2f} left out", plane(traces, REACH), 300
    )


if __name__ == "__main__":
    keep("concepts/leave_one_out", picture())
