"""Which trace estimator: equal products, root mean square error over seeds.

    python benchmarks/trace.py    # writes benchmarks/results/trace.json

The spectra are exact ones of trained networks (tests/cases/reference/boundary). Gaussian probes do
not know a basis, so the matrix may be diagonal and a product costs nothing. Compared, after the 38
Lanczos steps that top 10 and λ_min take anyway: Hutchinson outside that basis (what the product
does), XTrace outside that basis, and, without the basis, XTrace and Hutch++ with as many products
in all. XTrace: Epperly, Tropp and Webber, "XTrace: making the most of every sample in stochastic
trace estimation", 2024, section 2.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

SPECTRA = Path(__file__).parents[1] / "tests" / "cases" / "reference" / "boundary"
RESULTS = Path(__file__).parent / "results" / "trace.json"
STEPS, PRODUCTS, SEEDS = 38, 16, 20
Found = tuple[float, float]  # estimate and the standard error it states
Product = Callable[[Tensor], Tensor]


def lanczos_basis(eigenvalues: Tensor, generator: torch.Generator) -> Tensor:
    """Orthonormal columns (p, STEPS)."""
    vector = torch.randn(eigenvalues.numel(), generator=generator, dtype=torch.float64)
    basis = torch.empty(eigenvalues.numel(), 0, dtype=torch.float64)
    for _ in range(STEPS):
        for _ in range(2):
            vector = vector - basis @ (basis.T @ vector)
        basis = torch.cat([basis, (vector / vector.norm())[:, None]], 1)
        vector = eigenvalues * basis[:, -1]
    return basis


def stated(samples: Tensor) -> Found:
    return float(samples.mean()), float(samples.std()) / samples.numel() ** 0.5


def gaussian(p: int, count: int, basis: Tensor, generator: torch.Generator) -> Tensor:
    """Probes (p, count) outside the basis."""
    probes = torch.randn(p, count, generator=generator, dtype=torch.float64)
    return probes - basis @ (basis.T @ probes)


def hutchinson(product: Product, probes: Tensor, rest: int) -> Found:
    """From orthonormal directions within the probes' span; `rest` dimensions are sampled."""
    directions = torch.linalg.qr(probes)[0]
    return stated(rest * (directions * product(directions)).sum(0))


def xtrace(product: Product, probes: Tensor, rest: int) -> Found:
    """2 products a probe; every probe tests the sketch made by all the others."""
    probes = probes / probes.norm(dim=0) * rest**0.5
    images = product(probes)
    Q, R = torch.linalg.qr(images)
    sketched = product(Q)
    apart = torch.linalg.inv(R).T  # column i: the direction of Q that only probe i gave
    apart = apart / apart.norm(dim=0)
    inner = Q.T @ sketched
    estimates = []
    for i in range(probes.shape[1]):
        s, probe = apart[:, i], probes[:, i]
        coordinates = Q.T @ probe
        coordinates = coordinates - s * (s @ coordinates)
        outside = probe - Q @ coordinates
        form = outside @ (images[:, i] - sketched @ coordinates)
        scale = (rest - probes.shape[1] + 1) / outside.square().sum()
        estimates.append(inner.trace() - s @ inner @ s + scale * form)
    return stated(torch.stack(estimates))


def estimates(eigenvalues: Tensor, seed: int) -> dict[str, Found]:
    generator = torch.Generator().manual_seed(seed)
    p, basis = eigenvalues.numel(), lanczos_basis(eigenvalues, generator)
    none = basis[:, :0]

    def whole(columns: Tensor) -> Tensor:
        return eigenvalues[:, None] * columns

    def outside(columns: Tensor) -> Tensor:
        image = whole(columns)
        return image - basis @ (basis.T @ image)

    known = float((basis * whole(basis)).sum())
    total, third = STEPS + PRODUCTS, (STEPS + PRODUCTS) // 3
    sketch = torch.linalg.qr(whole(gaussian(p, third, none, generator)))[0]
    rest = p - STEPS
    found = {
        "Lanczos basis + Hutchinson": hutchinson(
            outside, gaussian(p, PRODUCTS, basis, generator), rest
        ),
        "Lanczos basis + XTrace": xtrace(
            outside, gaussian(p, PRODUCTS // 2, basis, generator), rest
        ),
    }
    found = {name: (value + known, error) for name, (value, error) in found.items()}
    found["XTrace alone"] = xtrace(whole, gaussian(p, total // 2, none, generator), p)
    value, error = hutchinson(whole, gaussian(p, third, sketch, generator), p - third)
    found["Hutch++ alone"] = (value + float((sketch * whole(sketch)).sum()), error)
    return found


def main() -> None:
    torch.set_num_threads(1)
    table = {}
    for path in sorted(SPECTRA.glob("*/eigenvalues64.npy")):
        eigenvalues = torch.tensor(np.load(path))
        truth = float(eigenvalues.sum())
        runs = [estimates(eigenvalues, seed) for seed in range(SEEDS)]
        table[path.parent.name] = {
            name: {
                "rms_error": (sum((run[name][0] / truth - 1) ** 2 for run in runs) / SEEDS) ** 0.5,
                "rms_stated": (sum((run[name][1] / truth) ** 2 for run in runs) / SEEDS) ** 0.5,
            }
            for name in runs[0]
        }
        print(path.parent.name, table[path.parent.name], flush=True)
    about = {"steps": STEPS, "products_more": PRODUCTS, "seeds": SEEDS}
    RESULTS.write_text(json.dumps({**about, "networks": table}, indent=1) + "\n")


if __name__ == "__main__":
    main()
