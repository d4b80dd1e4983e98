"""KFAC of layers that curvlinops does not know or cannot show, against naive sums over examples."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import jacrev

from minimascope.curvature.gap.estimate import estimate_gap
from minimascope.curvature.gap.kfac import kfac_soft_rank, kfac_tic, kronecker_blocks
from minimascope.curvature.layers.jacobian import closed_form_applies, jacobian, jacobian_of
from minimascope.curvature.minimum.batches import likelihood_of
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.objective.objective import Objective
from minimascope.objective.optimiser import Optimiser
from minimascope.objective.penalty import Penalty

LAMBDA, N, WORDS, WIDTH, LENGTH, CLASSES = 0.03, 15, 7, 4, 5, 3
# Sums of a few hundred float64 products in another order, inverted at λ₁/λ below 1e3.
EXACT = 1e-9


class Reader(nn.Module):
    """Words and positions, summed, bent and averaged: the table of positions has no trace."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH, padding_idx=0)
        self.places = nn.Embedding(LENGTH, WIDTH)
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, text: Tensor) -> Tensor:
        places = self.places(torch.arange(LENGTH))
        return self.head(torch.tanh(self.words(text) + places).mean(dim=1))


def reader() -> Minimum:
    torch.manual_seed(0)
    text = torch.randint(0, WORDS, (N, LENGTH))
    return prepare(Reader(), text, torch.randint(0, CLASSES, (N,)))


def naive_factors(minimum: Minimum) -> tuple[Tensor, Tensor, Tensor]:
    """A (words × words), B (width × width) and the gradients G_i (n × width·words), by loops."""
    likelihood = likelihood_of(minimum, minimum.inputs, minimum.targets)
    table = minimum.network.get_parameter("words.weight").detach()
    A, B = torch.zeros(WORDS, WORDS).double(), torch.zeros(WIDTH, WIDTH).double()
    gradients = torch.zeros(N, WIDTH, WORDS).double()
    for i, words in enumerate(minimum.inputs):
        s = sensitivities(minimum, table[words])
        for t, word in enumerate(words.tolist()):
            B += torch.einsum("ko,kl,lp->op", s[:, t], likelihood.curvature[i], s[:, t])
            if word != 0:  # the padding, whose row of the table is held
                A[word, word] += 1
                gradients[i, :, word] += s[:, t].mT @ likelihood.residual[i]
    return A / N, B / (N * LENGTH), gradients.flatten(1)


def sensitivities(minimum: Minimum, embedded: Tensor) -> Tensor:
    """∂logits/∂(word vector at each position), classes × length × width."""

    def logits(vectors: Tensor) -> Tensor:
        places = minimum.network.get_parameter("places.weight")
        hidden = torch.tanh(vectors + places).mean(dim=0)
        return minimum.network.get_submodule("head")(hidden)

    found: Tensor = jacrev(logits)(embedded)
    return found.detach()


def test_kronecker_factors_of_an_embedding_are_their_naive_sums() -> None:
    minimum = reader()
    likelihood = likelihood_of(minimum, minimum.inputs, minimum.targets)
    blocks = {each.weight: each for each in kronecker_blocks(minimum, likelihood)}
    assert set(blocks) == {"words.weight", "head.weight"}
    block = blocks["words.weight"]
    A, B, gradients = naive_factors(minimum)
    kfac = torch.kron(B, A)
    e = torch.linalg.eigvalsh(kfac)
    rank = kfac_soft_rank([block], minimum.theta[:0], LAMBDA)
    assert rank == pytest.approx(float((e / (e + LAMBDA)).sum()), rel=EXACT)
    centred = gradients - gradients.mean(dim=0)
    inverse = torch.linalg.inv(kfac + LAMBDA * torch.eye(kfac.shape[0]).double())
    dense = float(torch.einsum("np,pq,nq->", centred, inverse, centred)) / N**2
    assert kfac_tic([block], N, LAMBDA) == pytest.approx(dense, rel=EXACT)


def test_the_jacobian_of_an_embedding_is_that_of_reverse_mode() -> None:
    torch.manual_seed(0)
    text = torch.randint(0, WORDS, (N, LENGTH))
    network = nn.Sequential(
        nn.Embedding(WORDS, WIDTH, padding_idx=2),
        nn.Flatten(),
        nn.Tanh(),
        nn.Linear(LENGTH * WIDTH, CLASSES),
    )
    minimum = prepare(network, text, torch.randint(0, CLASSES, (N,)))
    assert closed_form_applies(minimum, minimum.inputs)
    ours = jacobian(minimum, minimum.inputs)
    assert torch.allclose(ours, jacobian_of(minimum, minimum.inputs, minimum.names), atol=1e-14)


@pytest.mark.parametrize(
    ("norm", "penalty", "optimiser", "reason"),
    [
        ([nn.BatchNorm1d(3)], Penalty(LAMBDA), {}, "biases in front of a BatchNorm are left out"),
        ([nn.BatchNorm1d(3)], Penalty(LAMBDA, "matrices"), {}, "λ is not the same for all"),
        ([], Penalty(LAMBDA, "matrices"), {}, "λ is not the same for all"),
        ([], Penalty(LAMBDA), {"name": "adamw"}, "λ is not the same for all"),
        ([], Penalty(LAMBDA), {}, None),
    ],
)
def test_without_kronecker_factors_the_reason_is_the_one_that_holds(
    norm: list[nn.Module], penalty: Penalty, optimiser: dict[str, Any], reason: str | None
) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 3), *norm, nn.Tanh(), nn.Linear(3, CLASSES))
    told = Optimiser(
        **({"name": "sgd", "lr": 0.1, "steps": 40, "schedule": "constant"} | optimiser)
    )
    minimum = prepare(
        network,
        torch.randn(N, 2),
        torch.randint(0, CLASSES, (N,)),
        loss=Objective(penalty=penalty, optimiser=told),
    )
    found = estimate_gap(minimum).estimates["kfac_soft_rank"]
    assert (found.value is None) == (reason is not None)
    assert found.method.startswith(f"not computed: {reason}") == (reason is not None)


def test_a_table_of_positions_gets_the_diagonal_beside_the_factors() -> None:
    found = estimate_gap(reader().trained(weight_decay=LAMBDA)).estimates
    assert found["kfac_soft_rank"].value is not None
    assert "GGN diagonal for 1 other parameter tensors" in found["kfac_soft_rank"].method
    assert found["kfac_tic"].method == "not computed: no Kronecker factor for places.weight"
