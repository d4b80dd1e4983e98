"""Reference vectors, exact eigenvectors and small networks for the boundary tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import grad, vjp, vmap

from minimascope.curvature.minimum.minimum import Minimum, prepare
from tests.cases.reference_networks import boundary_minimum

FOLDER = Path(__file__).parent / "reference" / "boundary"


def reference_array(name: str, file: str) -> Tensor:
    """One .npy file of a reference network."""
    return torch.tensor(np.load(FOLDER / name / file))


def top_vectors(name: str) -> Tensor:
    """v₁..v₅ of a reference network as rows (5, p)."""
    return reference_array(name, "top_eigvec5.npy").T


@cache
def all_eigenvectors(name: str, rank: int) -> Tensor:
    """Eigenvectors (rank, p) of H by a randomized range finder: exact to rounding.

    `rank` exceeds the numerical rank of H in reference.json (n_abs_gt_1em12_rel).
    """
    minimum = boundary_minimum(name).minimum

    def loss(theta: Tensor) -> Tensor:
        logits = minimum.logits(theta, minimum.inputs)
        return nn.functional.cross_entropy(logits, minimum.targets)

    # H is symmetric: the pullback of the gradient is the Hessian product.
    _, pullback = vjp(grad(loss), minimum.theta)
    products = vmap(lambda v: pullback(v)[0], chunk_size=100)
    generator = torch.Generator().manual_seed(0)
    probes = torch.randn(rank, minimum.dim, generator=generator, dtype=torch.float64)
    basis = torch.linalg.qr(products(probes).T)[0]
    projected = products(basis.T.contiguous()) @ basis
    _, rotation = torch.linalg.eigh((projected + projected.T) / 2)
    return (basis @ rotation).T.flip(0)


def small_cnn(*, classes: int = 4, n: int = 24) -> Minimum:
    """An untrained convolutional network on 28×28 images of blurred noise."""
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Conv2d(1, 4, 5, stride=2),
            nn.ReLU(inplace=True),
            nn.Conv2d(4, 6, 3, stride=2),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(6 * 5 * 5, classes),
        )
    images = torch.randn(n, 1, 28, 28, generator=generator)
    targets = torch.randint(classes, (n,), generator=generator)
    return prepare(network, nn.functional.avg_pool2d(images, 3, 1, 1), targets)


def unit_rows(count: int, dim: int, *, seed: int = 0) -> Tensor:
    """Random unit vectors (count, dim)."""
    draws = torch.randn(
        count, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    return nn.functional.normalize(draws, dim=1)


def linear_minimum(weight: Tensor, bias: Tensor, inputs: Tensor) -> Minimum:
    """Softmax regression with the given weights, labelled by its own predictions."""
    network = nn.Linear(weight.shape[1], weight.shape[0]).double()
    with torch.no_grad():
        network.weight.copy_(weight)
        network.bias.copy_(bias)
        targets = network(inputs.double()).argmax(dim=1)
    return prepare(network, inputs.double(), targets)


def regression_minimum() -> Minimum:
    """A network trained by squared error, for which nothing here is defined."""
    return prepare(nn.Linear(2, 1), torch.zeros(3, 2), torch.zeros(3, 1), loss="mse")
