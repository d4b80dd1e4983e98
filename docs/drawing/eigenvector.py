"""What a Hessian eigenvector does to a boundary: the weights moved along v₁, and at random."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from docs.drawing.demos import boundary_of, demo, reach_of, spiral_network
from docs.drawing.panels import Panel, keep, line, plane, row
from minimascope.figures.plane import (
    boundary_line,
    class_points,
    explained_line,
    explained_share,
    field,
)

STEP = 0.3  # length of a move, in units of the weights
MOVED = ((-STEP, "#b3460b"), (0.0, "#1a1c20"), (STEP, "#1d5fa8"))


def loss_at(model: nn.Module, theta: Tensor, X: Tensor, y: Tensor) -> float:
    nn.utils.vector_to_parameters(theta, model.parameters())
    with torch.no_grad():
        return float(nn.functional.cross_entropy(model(X), y))


def moved(name: str, direction: Tensor, words: str) -> Panel:
    """The boundary of a demo at θ − ε·direction, θ and θ + ε·direction."""
    found = demo(name)
    model, theta = spiral_network(name)
    X, y = (torch.as_tensor(found.arrays[key]) for key in ("points", "labels"))
    X, y = X.double(), y.long()
    still = loss_at(model, theta, X, y)
    rise = max(loss_at(model, theta + e * direction, X, y) - still for e in (-STEP, STEP))
    lines = []
    for epsilon, colour in MOVED:
        nn.utils.vector_to_parameters(theta + epsilon * direction, model.parameters())
        drawn = boundary_of(model, reach_of(found))
        name_of = f"{epsilon:+g}".replace("-", "−") if epsilon else "0"
        lines.append(line(drawn[:, 0], drawn[:, 1], f"ε = {name_of}", colour=colour))
    return Panel(f"{words}: loss + {rise:.2g} nats", plane(lines, reach_of(found)), 300)


def picture() -> str:
    name = "weight-decay"
    found = demo(name)
    arrays = found.arrays
    shown = [boundary_line(arrays, width=2), *class_points(arrays, size=5)]
    unsaid = [trace.update(showlegend=False) for trace in shown]
    first = plane([field(arrays, 0), *unsaid], reach_of(found))
    v = torch.as_tensor(arrays["eigenvectors"][0]).double()
    random = torch.randn(len(v), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    panels = [
        Panel("Alignment with v₁ (−1 orange, +1 purple)", first, 300),
        moved(name, v, f"θ ± {STEP:g}·v₁"),
        moved(name, random / random.norm(), f"θ ± {STEP:g}·random"),
    ]
    said = (
        "Three pictures of one input plane. Left: how the loss at each place reacts to the first "
        "eigenvector; the sign changes at the decision boundary. Middle: the boundary moves where "
        "the weights move along that eigenvector. Right: moved as far in a random direction, it "
        "stays where it is."
    )
    return row(panels, label=said)


def tiles() -> str:
    """The first five eigenvectors, a tile each, the part of the boundary each explains in bold."""
    found = demo("weight-decay")
    panels = []
    for k, value in enumerate(found.report.spectrum.eigenvalues[:5]):
        share = explained_share(found.arrays, k)
        traces = [
            field(found.arrays, k),
            boundary_line(found.arrays, width=1, colour="muted", showlegend=False),
            explained_line(found.arrays, k, showlegend=False),
        ]
        title = f"v{'₁₂₃₄₅'[k]}  λ = {value:.2g} · {share:.0%}"
        panels.append(Panel(title, plane(traces, reach_of(found), height=198), 176))
    return row(panels, label="Five eigenvectors, each with the part of the boundary it explains.")


if __name__ == "__main__":
    keep("concepts/eigenvector", picture())
    keep("concepts/eigenvectors", tiles())
