"""What soft rank counts: every eigenvalue by its share e/(e + λ), and the sum over λ."""

from __future__ import annotations

import numpy as np
import torch

from docs.drawing.demos import demo, spiral_network
from docs.drawing.panels import Panel, chart, keep, line, points, row
from minimascope.figures.theme import class_colour

SMALLEST = 1e-9  # an eigenvalue below is rounding
MINIMA = ("weight-decay", "weak-decay", "adversarial-start")


def ggn_eigenvalues(name: str) -> np.ndarray:
    """(1/n) Σ J_iᵀ Λ_i J_i of a demo by its Gram matrix, (nK × nK), the largest first."""
    model, _ = spiral_network(name)
    X = torch.as_tensor(demo(name).arrays["points"]).double()
    weights = {key: each.detach() for key, each in model.named_parameters()}

    def outputs(held: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.func.functional_call(model, held, (X,))

    jacobians = torch.func.jacrev(outputs)(weights).values()
    J = torch.cat([each.flatten(2) for each in jacobians], dim=2)  # n × K × p
    P = outputs(weights).softmax(dim=1)
    half = P.sqrt()[:, :, None] * (torch.eye(P.shape[1]) - P[:, None, :])  # Λ = halfᵀ half
    B = (half.double() @ J).flatten(0, 1) / len(X) ** 0.5
    values = torch.linalg.eigvalsh(B @ B.T).flip(0).detach()
    return values[values > SMALLEST].numpy()


def shares() -> Panel:
    """Of the eigenvalues of the GGN, that are all of it which is not zero."""
    lam = demo("weight-decay").report.gap.lambda_
    values = ggn_eigenvalues("weight-decay")
    counted = values / (values + lam)
    figure = chart(
        [
            line([lam, lam], [0, 1], f"λ = {lam:g}", colour="#c2290a", dash="dash", width=1.5),
            points(values, counted, size=5),
        ],
        x={"title": "eigenvalue e of the GGN", "type": "log", "range": [-9, 1.3]},
        y={"title": "what it counts for, e/(e + λ)", "range": [0, 1.03]},
    )
    words = f"{len(values)} eigenvalues count for {counted.sum():.1f}"
    return Panel(words, figure, 400)


def over_lambda() -> Panel:
    traces = []
    for place, name in enumerate(MINIMA):
        gap = demo(name).report.gap
        x, y = gap.curves.lambda_, gap.curves.soft_rank_ggn
        traces.append(line(x, y, name, colour=class_colour(place)))
        if gap.lambda_ is not None:
            own = np.exp(np.interp(np.log(gap.lambda_), np.log(x), np.log(y)))
            traces.append(points([gap.lambda_], [own], colour=class_colour(place), size=11))
    figure = chart(
        traces,
        x={"title": "λ", "type": "log"},
        y={"title": "soft rank, directions", "type": "log"},
    )
    return Panel("Three minima of one network", figure, 400)


def picture() -> str:
    said = (
        "Left: each eigenvalue and what it counts for, nearly one far above λ and nearly nothing "
        "far below. Right: soft rank over λ of three minima; dots at the λ of training. At its own "
        "λ the minimum that generalizes uses half as many directions as the one that does not."
    )
    return row([shares(), over_lambda()], label=said)


if __name__ == "__main__":
    keep("concepts/soft_rank", picture())
