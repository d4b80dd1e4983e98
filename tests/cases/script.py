"""A training script in small: model, data, criterion and optimiser, as they are when it ends."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

N, TEST, BATCH, DECAY, RATE = 36, 24, 12, 0.02, 0.05


@dataclass(frozen=True)
class Trained:
    """What a script has in hand after training."""

    model: nn.Sequential
    X: Tensor
    y: Tensor
    test: tuple[Tensor, Tensor]
    criterion: nn.CrossEntropyLoss
    optimizer: torch.optim.Optimizer

    @property
    def loader(self) -> DataLoader[tuple[Tensor, Tensor]]:
        """Shuffled, and leaves the last batch out."""
        return DataLoader(TensorDataset(self.X, self.y), BATCH, shuffle=True, drop_last=True)


def trained(kind: type[torch.optim.Optimizer] = torch.optim.SGD, *, epochs: int = 20) -> Trained:
    """A network of 2–6–3 numbers on three noisy classes of the plane."""
    generator = torch.Generator().manual_seed(3)
    X = torch.randn(N + TEST, 2, generator=generator)
    noise = 0.3 * torch.randn(N + TEST, generator=generator)
    y = (X[:, 0] + noise > 0).long() + (X[:, 1] > 0.4).long()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 3))
    criterion = nn.CrossEntropyLoss()
    optimizer = kind(model.parameters(), lr=RATE, weight_decay=DECAY)
    for _ in range(epochs):
        for start in range(0, N, BATCH):
            rows = slice(start, start + BATCH)
            optimizer.zero_grad()
            criterion(model(X[rows]), y[rows]).backward()
            optimizer.step()
    return Trained(model, X[:N], y[:N], (X[N:], y[N:]), criterion, optimizer)
