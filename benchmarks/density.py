"""What the density costs beside the spectrum it follows, before and now, and how far it is off.

    python benchmarks/density.py             # all; writes results/density.json
    python benchmarks/density.py mlp lenet   # these

One thread, CPU seconds, medians of ROUNDS in one process, each round one spectrum as an analysis
asks for it and the two densities after it. Before: a chain of 40 steps for each of eight
probes. Errors are integrals over the eigenvalue, of a density whose integral is 1: the stated
standard error, and on the digits MLP what either is from the exact spectrum under the same bells.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import torch
from spectra.kinds import KINDS
from spectra.workloads import WORKLOADS, Workload
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from minimascope.curvature.krylov.slq import ProbeSize, quadrature
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.precision import quick_hessian
from minimascope.curvature.running.run import Run
from minimascope.curvature.spectrum.density import Density, _density, spectral_density
from minimascope.curvature.spectrum.spectrum import Spectrum, compute_spectrum

RESULTS = Path(__file__).parent / "results" / "density.json"
ROUNDS = 3
NETWORKS = KINDS | WORKLOADS
ASKED = ("logistic", "mlp", "lenet", "mixer", "gpt")
Row = dict[str, Any]


def clocked(call: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.process_time()
    value = call()
    return time.process_time() - begun, value


def chains(workload: Workload, spectrum: Spectrum, size: ProbeSize) -> Density:
    """As it was: a chain of its own for each probe, all of the same steps."""
    minimum = workload.minimum
    if spectrum.complete:
        return spectral_density(minimum, spectrum)
    operator = spectrum.operator or hessian(minimum)
    quick = quick_hessian(minimum, operator, spectrum.known_eigenvectors).operator
    rules = quadrature(quick, spectrum.known_eigenvectors, size=size, run=Run())
    return _density(spectrum, minimum.dim, rules, grid_size=1024)


def compared(workload: Workload) -> Row:
    spectra, before, now, ratios = [], [], [], []
    for _ in range(ROUNDS):
        taken, spectrum = clocked(lambda: compute_spectrum(workload.minimum))
        old, plain = clocked(lambda s=spectrum: chains(workload, s, ProbeSize()))
        counter = spectrum.operator.counter if spectrum.operator else None
        products = counter.products if counter else 0
        new, density = clocked(lambda s=spectrum: spectral_density(workload.minimum, s))
        spectra, before, now = [*spectra, taken], [*before, old], [*now, new]
        ratios.append((old / taken, new / taken))
    row: Row = {
        "network": workload.sentence,
        "spectrum_cpu_s": round(median(spectra), 3),
        "before_cpu_s": round(median(before), 3),
        "now_cpu_s": round(median(now), 3),
        "before_over_spectrum": round(median(each[0] for each in ratios), 2),
        "now_over_spectrum": round(median(each[1] for each in ratios), 2),
        "products": {"spectrum": spectrum.products, "before": 320 if counter else 0},
    }
    row["products"]["now"] = counter.products - products if counter else 0
    return row | errors(workload, spectrum, plain, density)


def errors(workload: Workload, spectrum: Spectrum, plain: Density, density: Density) -> Row:
    """Stated standard errors of either, integrated, and where the exact spectrum is at hand what
    either is from it, integrated too."""
    found: Row = {"stated_before": stated(plain), "stated_now": stated(density)}
    if spectrum.complete or not workload.exact:
        return found
    from spectrum import exact_values

    exact = torch.as_tensor(exact_values(workload))
    for name, each in (("before", plain), ("now", density)):
        found[f"actual_{name}"] = round(distance(each, exact), 5)
    return found


def stated(density: Density) -> float:
    return round(float(torch.trapezoid(density.standard_error, density.grid)), 5)


def distance(density: Density, exact: Tensor) -> float:
    """∫|density − that of the exact eigenvalues under the same bells|."""
    places = torch.asinh(density.grid / density.linear)
    shift = (places[:, None] - torch.asinh(exact / density.linear)) / density.width
    bells = torch.exp(-0.5 * shift.square()).sum(1) / (2 * torch.pi) ** 0.5
    truth = bells / density.width / (density.grid**2 + density.linear**2).sqrt() / len(exact)
    return float(torch.trapezoid((density.mean - truth).abs(), density.grid))


def main() -> None:
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    rows = json.loads(RESULTS.read_text())["networks"] if RESULTS.exists() else {}
    for name in sys.argv[1:] or ASKED:
        workload = NETWORKS[name]()
        with sdpa_kernel(SDPBackend.MATH):
            rows[name] = compared(workload)
        print(json.dumps(rows[name]), flush=True)
        about = {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1), "rounds": ROUNDS}
        RESULTS.write_text(json.dumps(about | {"networks": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
