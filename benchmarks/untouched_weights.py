"""How often a weights report is right that a weight was never trained: networks trained here.

Each network is looked at before training, after 20 steps, and once it has learned the digits (at
least 95 % of its training set right); one layer of every third stays frozen and counts as
untrained at the end too. Writes `results/untouched_weights.json`; `minimascope.weight_matrices.
measured` has its counts. About five minutes: python benchmarks/untouched_weights.py
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from minimascope.weight_matrices.row import bias_of, row

RESULTS = Path(__file__).parent / "results" / "untouched_weights.json"
STEPS, BATCH, ENOUGH = 1500, 64, 0.95


class Rows(nn.Module):
    """An image read row by row: a GRU, or a transformer of one layer."""

    def __init__(self, kind: str, width: int) -> None:
        super().__init__()
        self.into = nn.Linear(8, width)
        self.kind = kind
        if kind == "gru":
            self.body: nn.Module = nn.GRU(width, width, batch_first=True)
        else:
            self.body = nn.TransformerEncoderLayer(width, 4, 2 * width, 0.0, batch_first=True)
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(self.into(x.reshape(-1, 8, 8)))
        return self.head((y[0] if self.kind == "gru" else y).mean(dim=1))


def network(kind: str, width: int) -> nn.Module:
    if kind == "mlp":
        inner = [nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()]
        return nn.Sequential(*inner, nn.Linear(width, 10))
    if kind == "cnn":
        return nn.Sequential(
            *(nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, width, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()),
            *(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16 * width, 10)),
        )
    return Rows(kind, width)


def initialise(model: nn.Module, how: str) -> None:
    for q in model.parameters():
        if q.ndim < 2 or how == "default":
            continue
        if how == "xavier":
            nn.init.xavier_uniform_(q)
        elif how == "kaiming":
            nn.init.kaiming_normal_(q)
        else:
            nn.init.trunc_normal_(q, std=0.02)


def judged(model: nn.Module) -> Iterator[tuple[str, bool]]:
    """Matrices of which the report could say that they look untouched, and whether it does."""
    tensors = {name: q.detach() for name, q in model.state_dict().items()}
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            continue
        found = row(name, tensor, all_up_to=2048, bias=bias_of(name, tensors))
        if found.random_matrix is not None and found.parameters >= 200:
            yield name, found.drawn_as is not None


def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    model.eval()
    with torch.no_grad():
        found = float((model(x).argmax(1) == y).double().mean())
    model.train()
    return found


def case(kind: str, width: int, how: str, optimizer: str, seed: int) -> dict[str, Any]:
    torch.manual_seed(seed)
    digits = load_digits()
    x, y = torch.tensor(digits.data / 16).float(), torch.tensor(digits.target)
    model = network(kind, width)
    initialise(model, how)
    found: dict[str, Any] = {"before": [looks for _, looks in judged(model)]}
    frozen = [n for n, q in model.named_parameters() if q.ndim > 1][1] if seed % 3 == 0 else ""
    for name, q in model.named_parameters():
        q.requires_grad_(name.rpartition(".")[0] != frozen.rpartition(".")[0])
    trained = [q for q in model.parameters() if q.requires_grad]
    sgd = torch.optim.SGD(trained, 0.1, momentum=0.9)
    step = sgd if optimizer == "sgd" else torch.optim.Adam(trained, 1e-3)
    for count in range(1, STEPS + 1):
        batch = torch.randint(0, len(x), (BATCH,))
        step.zero_grad()
        nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
        step.step()
        if count == 20:
            found["after_20"] = _split(model, trained)["trained"]
        if count % 100 == 0 and accuracy(model, x, y) >= ENOUGH:
            break
    found["accuracy"], found["steps"] = accuracy(model, x, y), count
    return found | _split(model, trained)


def _split(model: nn.Module, trained: list[Tensor]) -> dict[str, list[bool]]:
    own = dict(model.named_parameters())
    found: dict[str, list[bool]] = {"trained": [], "frozen": []}
    for name, looks in judged(model):
        found["trained" if any(own[name] is q for q in trained) else "frozen"].append(looks)
    return found


def main() -> None:
    torch.set_num_threads(1)
    cases = itertools.product(
        ("mlp", "cnn", "gru", "transformer"),
        (24, 48, 128),
        ("default", "xavier", "kaiming", "trunc_normal"),
        ("sgd", "adam"),
    )
    rows = []
    for seed, (kind, width, how, optimizer) in enumerate(cases):
        if kind == "gru" and how == "trunc_normal":
            continue  # does not learn from there
        width = min(width, 64) if kind != "mlp" else width
        found = case(kind, width, how, optimizer, seed)
        rows.append({"network": kind, "width": width, "init": how, "by": optimizer, **found})
        print(kind, width, how, optimizer, found["steps"], found["accuracy"], flush=True)
    learned = [each for each in rows if each["accuracy"] >= ENOUGH]
    untrained = [looks for each in rows for looks in (*each["before"], *each["frozen"])]
    trained = [looks for each in learned for looks in each["trained"]]
    early = [looks for each in rows for looks in each["after_20"]]
    counts = {
        "networks": len(rows),
        "learned": len(learned),
        "untrained": len(untrained),
        "found": sum(untrained),
        "trained": len(trained),
        "wrongly": sum(trained),
        "after_20_steps": len(early),
        "after_20_steps_called_untouched": sum(early),
    }
    print(counts)
    RESULTS.write_text(json.dumps({**counts, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
