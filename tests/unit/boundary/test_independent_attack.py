"""Closest crossings against the minimum-norm attacks of foolbox, written by others.

Both are upper bounds on the same distance, so ours being at most theirs is what a better search
means. DDN (Rony et al. 2019) and DeepFool (Moosavi-Dezfooli et al. 2016) for ℓ₂, DeepFool for ℓ∞.
"""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import Tensor

from minimascope.boundary.boundary_search import NormName
from minimascope.boundary.margins import closest_crossings
from minimascope.curvature.minimum.minimum import Minimum
from tests.cases.boundary_networks import small_cnn
from tests.cases.reference_networks import boundary_minimum

with warnings.catch_warnings():
    # foolbox 3.3 imports a deprecated scipy namespace.
    warnings.simplefilter("ignore", DeprecationWarning)
    import foolbox


def attacked(minimum: Minimum, norm: NormName) -> Tensor:
    """Smallest perturbation foolbox finds for every training point, (n,); inf where none."""
    bound = float(minimum.inputs.abs().max()) * 4 + 4
    model = foolbox.PyTorchModel(minimum.network, bounds=(-bound, bound), device="cpu")
    own = minimum.network(minimum.inputs).argmax(dim=1).detach()
    attacks = {
        # DDN scales its steps with the model's bounds; its epsilon is the distance it starts at.
        "l2": [
            foolbox.attacks.L2DeepFoolAttack(steps=100, overshoot=1e-4, candidates=None),
            foolbox.attacks.DDNAttack(init_epsilon=0.5, steps=200, gamma=0.03),
        ],
        "linf": [foolbox.attacks.LinfDeepFoolAttack(steps=100, overshoot=1e-4, candidates=None)],
    }
    best = torch.full((minimum.n,), torch.inf, dtype=torch.float64)
    for attack in attacks[norm]:
        _, found, success = attack(model, minimum.inputs, own, epsilons=None)
        order = 2 if norm == "l2" else torch.inf
        size = torch.linalg.vector_norm((found - minimum.inputs).flatten(1), ord=order, dim=1)
        best = torch.where(success, torch.minimum(best, size.detach()), best)
    return best


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("name", ["gauss-normal", "gauss-random_label", "iris-normal", "images"])
def test_closest_crossings_are_at_most_those_of_foolbox(name: str, norm: NormName) -> None:
    minimum = small_cnn() if name == "images" else boundary_minimum(name).minimum
    theirs, ours = attacked(minimum, norm), closest_crossings(minimum, norm=norm).values
    # It must have something to compare: DeepFool fails on some points of tangled boundaries.
    assert theirs.isfinite().double().mean() > 0.9
    ratio = ours / theirs
    assert float((ratio <= 1.02).double().mean()) >= 0.95
    assert float(ratio.median()) <= 1 + 1e-6
    # And theirs is not another quantity: somewhere both find the same point.
    assert float(ratio.max()) > 0.9
