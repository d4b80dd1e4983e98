"""From a trained network to a verdict on how far to trust it, in twenty lines."""

import torch
from torch import nn

import minimascope as ms

torch.manual_seed(0)
X = torch.randn(400, 4)
y = (X[:, 0] * X[:, 1] + 0.3 * torch.randn(400) > 0).long()
train, test = (X[:200], y[:200]), (X[200:], y[200:])

model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 2))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.5, weight_decay=3e-3)
for _ in range(2000):
    optimizer.zero_grad()
    criterion(model(train[0]), train[1]).backward()
    optimizer.step()

print(ms.analyze(model, train, criterion, optimizer, test=test, steps=2000))
