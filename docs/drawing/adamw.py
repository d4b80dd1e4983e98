"""What AdamW changes: a metric of its own, and what an estimate costs that does not know it."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

import minimascope as ms
from docs.drawing.intervals import Row, intervals
from docs.drawing.panels import Panel, chart, keep, line, row

N, STEPS, RATE, DECAY = 200, 1500, 3e-3, 0.1


def trained() -> tuple[
    nn.Sequential, torch.optim.AdamW, dict[str, tuple[torch.Tensor, torch.Tensor]]
]:
    """A 12-24-2 network by AdamW on the sign of products of inputs, a tenth of labels turned."""
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(N + 4000, 12, generator=generator)
    y = (X[:, 0] * X[:, 1] + X[:, 2] > 0).long()
    turned = torch.rand(len(y), generator=generator) < 0.1
    y = torch.where(turned, 1 - y, y)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(12, 24), nn.Tanh(), nn.Linear(24, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    for _ in range(STEPS):
        rows = torch.randint(N, (32,), generator=generator)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(X[rows]), y[rows]).backward()
        optimizer.step()
    return model, optimizer, {"train": (X[:N], y[:N]), "test": (X[N:], y[N:])}


def metric(model: nn.Module, optimizer: torch.optim.AdamW) -> Panel:
    """By what AdamW divides its steps, parameter by parameter, sorted within each tensor."""
    traces = []
    colours = ("#1d5fa8", "#66CCEE", "#b3460b", "#CCBB44")
    for (name, tensor), colour in zip(model.named_parameters(), colours, strict=True):
        state = optimizer.state[tensor]
        root = (state["exp_avg_sq"] / (1 - 0.999 ** float(state["step"]))).sqrt().flatten()
        sizes = np.sort(root.numpy())
        traces.append(line(np.linspace(0, 1, len(sizes)), sizes, name, colour=colour))
    figure = chart(
        traces,
        x={"title": "share of the tensor's parameters"},
        y={"title": "√v̂", "type": "log"},
    )
    return Panel("What AdamW divides a step by", figure, 380)


def picture() -> str:
    model, optimizer, data = trained()
    criterion = nn.CrossEntropyLoss()
    plain = torch.optim.SGD(model.parameters(), lr=RATE, weight_decay=DECAY)
    told = {"test": data["test"], "stages": ["spectrum", "gap"], "augmentation": False}
    by_adamw = ms.analyze(model, data["train"], criterion, optimizer, **told)
    as_sgd = ms.analyze(model, data["train"], criterion, plain, steps=STEPS, **told)
    rows = [Row("told AdamW", by_adamw.gap), Row("told SGD, wrongly", as_sgd.gap)]
    said = (
        "Left: the root of AdamW's second moments, which differ widely between "
        "the parameters of one network. Right: the estimate of the gap with the optimiser told and "
        "with SGD told instead, beside the measured gap."
    )
    panel = Panel("The gap, estimated (blue) and measured (red)", intervals(rows, height=220), 480)
    return row([metric(model, optimizer), panel], label=said)


if __name__ == "__main__":
    keep("concepts/adamw", picture())
