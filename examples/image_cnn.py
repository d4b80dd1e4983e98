"""A small convolutional network on 8×8 digits: verdict, and a page of its own with every figure."""

import sys
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import nn

import minimascope as ms

pixels, labels = load_digits(return_X_y=True)
X = torch.tensor(pixels / 16, dtype=torch.float32).view(-1, 1, 8, 8)
y = torch.tensor(labels)
torch.manual_seed(0)
mixed = torch.randperm(len(X))  # the writers of the first digits are not those of the last
train, test = ((X[rows], y[rows]) for rows in (mixed[:200], mixed[200:900]))

model = nn.Sequential(
    nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 6, 3, stride=2), nn.ReLU(), nn.Flatten(),
    nn.Linear(24, 10),
)  # fmt: skip
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=1e-3)
for _ in range(300):
    optimizer.zero_grad()
    criterion(model(train[0]), train[1]).backward()
    optimizer.step()

report = ms.analyze(
    model, train, criterion, optimizer, test=test, steps=300, top_k=4, stages=["spectrum", "gap"]
)
print(report)
page = Path(sys.argv[1] if len(sys.argv) > 1 else "digits.html")
print("\nfigures:", report.html(page).name)
