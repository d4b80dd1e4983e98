"""Gradient descent sharpens until λ₁ stands at 2/lr, and stays there: followed as it trains."""

import torch
from torch import nn

import minimascope as ms

torch.manual_seed(0)
X = torch.randn(120, 4)
y = (X[:, :1] * X[:, 1:2]).sign()

model = nn.Sequential(nn.Linear(4, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.12)
tracker = ms.track(model, (X, y), criterion, optimizer, every=100, budget=None)
with tracker:
    for _ in range(1200):
        optimizer.zero_grad()
        criterion(model(X), y).backward()
        optimizer.step()
        tracker()

print("  step     λ₁   2/lr   soft rank")
for row in tracker.history:
    print(f"{row.step:6} {row.sharpness:6.2f} {row.limit:6.2f}   {row.soft_rank:9.2f}")
