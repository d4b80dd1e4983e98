"""What eigenvectors outside the known ones can add to G, in every basis of their space."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from minimascope.boundary.complexity import complexity, most_outside


def rotation(dim: int, seed: int) -> Tensor:
    """A random orthonormal basis (dim, dim), uniform up to signs."""
    generator = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(dim, dim, generator=generator, dtype=torch.float64))[0]


def count(basis: Tensor, gradients: Tensor, epsilon: float) -> int:
    """Basis rows with max_i |w·u_i| ≥ ε for gradients (n, dim), naively."""
    return sum(bool((gradients @ row).abs().max() >= epsilon) for row in basis)


@pytest.mark.parametrize("epsilon", [0.02, 0.1, 0.2, 0.5])
def test_no_basis_of_the_unseen_space_exceeds_the_bound(epsilon: float) -> None:
    generator = torch.Generator().manual_seed(1)
    directions = torch.randn(6, 30, generator=generator, dtype=torch.float64)
    gradients = (
        directions / directions.norm(dim=1, keepdim=True) * torch.linspace(0.01, 0.9, 6)[:, None]
    )
    energy = gradients.square().sum(dim=1)
    bound = most_outside(energy, epsilon, room=30)
    counts = [count(rotation(30, seed), gradients, epsilon) for seed in range(40)]
    # A basis along the gradients themselves concentrates the energy instead.
    counts.append(count(torch.linalg.svd(gradients).Vh, gradients, epsilon))
    assert max(counts) <= bound
    assert min(counts) >= 0


def test_one_point_attains_the_bound() -> None:
    # ‖u⊥‖ = 0.8 spread evenly over four basis vectors: |A| = 0.4 on each, ⌊0.64/0.16⌋ = 4.
    energy = torch.tensor([0.64], dtype=torch.float64)
    assert most_outside(energy, 0.4 - 1e-12, room=30) == 4
    gradient = torch.zeros(1, 30, dtype=torch.float64)
    gradient[0, :4] = 0.4
    assert count(torch.eye(30, dtype=torch.float64), gradient, 0.4) == 4
    assert most_outside(energy, 0.41, room=30) == 3
    assert most_outside(energy, 0.1, room=30) == 30  # never more than the space has dimensions
    assert most_outside(energy, 0.81, room=30) == 0  # nothing that large is left


def test_complexity_states_both_ends() -> None:
    # One point: 0.9 on the known vector, energy 0.19 outside.
    alignment = torch.tensor([[0.9]], dtype=torch.float64)
    found = complexity(alignment, dim=10, epsilon=0.2, curve=[0.1, 0.3, 0.5])
    assert (found.count_at_epsilon, found.count_outside) == (1, 4)
    assert found.g_curve.count_outside == [9, 2, 0]
    # 81% known and 19% outside: one unseen vector could complete 90%.
    assert (found.n90, found.n90_at_least) == (None, 2)


def test_a_complete_basis_leaves_nothing_open() -> None:
    found = complexity(rotation(12, 0)[:, :5], dim=12, epsilon=1e-6)
    assert found.count_outside == 0
    assert found.g_curve.count_outside == [0] * len(found.g_curve.epsilon)
    assert found.n90 == found.n90_at_least
