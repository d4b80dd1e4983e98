"""Leaving a sequence out of a network that knows it by heart, against retraining without it.

What is said takes the sequence's own curvature out and reads its loss off the moved network; with
one curvature for all, and to first order, a memorised sequence costs a fraction of what it does.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, hessian
from torch.nn.attention import SDPBackend, sdpa_kernel

import minimascope as ms

WORDS, LENGTH, COUNT, WIDTH, DECAY = 7, 6, 10, 4, 1e-2
ROUNDING = 1e-14  # of the loss: the last steps change it by less


class Attentive(nn.Module):
    """Embeddings, causal attention, a tanh layer and a logit for each word."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.places = nn.Parameter(0.3 * torch.randn(LENGTH, WIDTH))
        self.asks = nn.Linear(WIDTH, WIDTH)
        self.mixed = nn.Linear(WIDTH, WIDTH)
        self.head = nn.Linear(WIDTH, WORDS)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.words(ids) + self.places
        x = x + nn.functional.scaled_dot_product_attention(self.asks(x), x, x, is_causal=True)
        return self.head(torch.tanh(self.mixed(x)))


class Training:
    """The loss of some sequences in their share of the mean over all, and its minima."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.network = Attentive().double()
        whole = torch.randint(0, WORDS, (COUNT, LENGTH + 1), generator=torch.manual_seed(1))
        self.ids, self.after = whole[:, :-1], whole[:, 1:]

    def parts(self, theta: Tensor) -> dict[str, Tensor]:
        named = dict(self.network.named_parameters())
        pieces = theta.split([q.numel() for q in named.values()])
        pairs = zip(named.items(), pieces, strict=True)
        return {name: piece.view(q.shape) for (name, q), piece in pairs}

    def loss(self, theta: Tensor, rows: Sequence[int]) -> Tensor:
        logits = functional_call(self.network, self.parts(theta), (self.ids[rows],))
        target = self.after[rows].flatten()
        summed = nn.functional.cross_entropy(logits.flatten(0, 1), target, reduction="sum")
        return summed / (COUNT * LENGTH)

    def minimum(self, theta: Tensor, rows: Sequence[int]) -> Tensor:
        """From θ downhill by damped Newton steps, to a gradient of 1e-9."""

        def objective(at: Tensor) -> Tensor:
            return self.loss(at, rows) + DECAY / 2 * at.square().sum()

        damping, value = 1e-2, objective(theta)
        for _ in range(200):
            slope = grad(objective)(theta)
            if slope.norm() < 1e-9:
                return theta
            H = hessian(objective)(theta)
            raised = 1.1 * max(0.0, -float(torch.linalg.eigvalsh(H)[0]))
            while True:
                ridge = (damping + raised) * torch.eye(len(H), dtype=H.dtype)
                new = theta - torch.linalg.solve(H + ridge, slope)
                if objective(new) <= value + ROUNDING:
                    break
                damping *= 4
            theta, value, damping = new, objective(new), max(damping / 4, 1e-12)
        raise AssertionError("no minimum was reached")


def test_what_a_sequence_costs_is_what_retraining_says() -> None:
    training = Training()
    everyone = range(COUNT)
    with sdpa_kernel(SDPBackend.MATH):
        start = torch.cat([q.detach().flatten() for q in training.network.parameters()])
        theta = training.minimum(start, everyone)
        base = torch.stack([COUNT * training.loss(theta, [i]) for i in everyone])
        others = [[j for j in everyone if j != i] for i in everyone]
        without = [training.minimum(theta, rows) for rows in others]
        left = torch.stack([COUNT * training.loss(q, [i]) for i, q in enumerate(without)])
        # To first order, with everybody's curvature: g_iᵀ (H + λ)⁻¹ g_i / n.
        H = hessian(lambda q: training.loss(q, everyone))(theta)
        own = torch.stack([COUNT * grad(training.loss)(theta, [i]) for i in everyone])
        shared = (own * torch.linalg.solve(H + DECAY * torch.eye(len(H)), own.T).T).sum(1) / COUNT
    training.network.load_state_dict(training.parts(theta))
    report = ms.analyze(
        training.network,
        (training.ids, training.after),
        nn.CrossEntropyLoss(),
        weight_decay=DECAY,
        stages=["gap"],
        progress=False,
    )
    rise = left - base
    moved, linear = (
        torch.from_numpy(report.arrays[name]).double() - base
        for name in ("alo_loss_moved", "alo_loss")
    )
    # Measured: 1.75 where retraining gives 1.79; linearised logits 2.48, the shared curvature 0.5.
    assert float(moved.mean()) == pytest.approx(float(rise.mean()), rel=0.15)
    assert float((moved - rise).abs().mean()) < 0.6 * float((linear - rise).abs().mean())
    assert float(shared.mean()) < 0.5 * float(rise.mean())
    said = report.gap.estimates["alo_moved"]
    assert said.value == pytest.approx(float(moved.mean()), rel=1e-6)
    assert said.standard_error == pytest.approx(float(moved.std()) / COUNT**0.5, rel=1e-6)
    shown = report.tokens.shown
    assert [each.row for each in shown] == moved.argsort(descending=True)[: len(shown)].tolist()
