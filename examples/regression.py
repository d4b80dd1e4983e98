"""A regression: squared error, its spectrum and the gap it should be expected to have."""

import torch
from torch import nn

import minimascope as ms

torch.manual_seed(0)
X = torch.linspace(-2, 2, 240)[torch.randperm(240)].reshape(-1, 1)
y = torch.sin(3 * X) + 0.2 * torch.randn_like(X)
train, test = (X[:80], y[:80]), (X[80:], y[80:])

model = nn.Sequential(nn.Linear(1, 24), nn.Tanh(), nn.Linear(24, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
for _ in range(4000):
    optimizer.zero_grad()
    nn.functional.mse_loss(model(train[0]), train[1]).backward()
    optimizer.step()

report = ms.analyze(model, train, nn.MSELoss(), optimizer, test=test, steps=4000)
print(report)
for failure in report.failures:
    print(f"{failure.stage}: {failure.sentence}")
