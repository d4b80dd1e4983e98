"""One network, one data set, four ways to train it: which generalizes, and could one have known?

One label in seven is wrong by chance, so that there is something to overfit.
"""

import torch
from torch import nn

import minimascope as ms

torch.manual_seed(0)
X = torch.randn(460, 3)
clean = (X[:, 0] + X[:, 1] ** 2 > 0.8).long()
y = torch.where(torch.rand(460) < 0.15, 1 - clean, clean)
train, test = (X[:160], y[:160]), (X[160:], y[160:])


def trained(kind, steps, **options):
    """A fresh network, the same each time, at the end of its training."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(3, 12), nn.Tanh(), nn.Linear(12, 2))
    optimizer = kind(model.parameters(), **options)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(train[0]), train[1]).backward()
        optimizer.step()
    return ms.analyze(
        model, train, nn.CrossEntropyLoss(), optimizer, test=test, steps=steps,
        stages=["spectrum", "gap"],
    )  # fmt: skip


ways = {
    "SGD, decay 1e-2": trained(torch.optim.SGD, 1500, lr=0.5, weight_decay=1e-2),
    "SGD, decay 1e-3": trained(torch.optim.SGD, 1500, lr=0.5, weight_decay=1e-3),
    "AdamW": trained(torch.optim.AdamW, 1500, lr=3e-3, weight_decay=0.1),
    "SGD, stopped early": trained(torch.optim.SGD, 60, lr=0.5, weight_decay=1e-3),
}
compared = ms.compare(list(ways.values()), names=list(ways))
print(compared)
for name, report in ways.items():
    print(f"\n{name}: {report.gap.verdict}. {report.gap.reason}")
