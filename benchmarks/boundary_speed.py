"""CPU seconds of a full boundary analysis of a reference network, beside the published pipeline.

Usage: python benchmarks/boundary_speed.py. One thread, CPU seconds of this process, on
tests/cases/reference/boundary/gauss-normal (p = 10,703, n = 150). Imports are done before the
clock starts. The published pipeline's figures were measured once with its own code on such a
network (tests/cases/reference/README.md); it is not run here. Writes
benchmarks/results/boundary_speed.json.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from minimascope.boundary.alignment import align
from minimascope.boundary.complexity import alignment_matrix, complexity, random_max_alignment
from minimascope.boundary.eigenvector_margins import eigenvector_margins
from minimascope.boundary.flips import sign_flips
from minimascope.boundary.gradients import reinforcing_gradients
from minimascope.boundary.margins import closest_crossings
from minimascope.boundary.rescaling import find_rescaling, rescaled_measures
from minimascope.boundary.slices import input_plane
from minimascope.curvature.spectrum.spectrum import compute_spectrum
from minimascope.curvature.spectrum.wanted import Wanted
from tests.cases.reference_networks import boundary_minimum

T = TypeVar("T")
RESULT = Path(__file__).parent / "results" / "boundary_speed.json"
THEIRS = {"spectrum": 386.0, "overlaps": 550.0, "margin start": 50.0}
MATCHED = ("spectrum", "alignments and G", "eigenvector margin, 1 start", "plane", "flips")


class Clock:
    """CPU seconds by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def time(self, name: str, work: Callable[[], T]) -> T:
        started = time.process_time()
        result = work()
        self.seconds[name] = round(time.process_time() - started, 2)
        print(f"{name:32s}{self.seconds[name]:8.2f}", flush=True)
        return result


def warm() -> None:
    """torch imports a computer algebra system at the first gradient of a vector."""
    one = torch.ones(1, requires_grad=True)
    torch.autograd.grad(one.square(), one, torch.ones(1))


def main() -> None:
    torch.set_num_threads(1)
    warm()
    minimum, clock = boundary_minimum("gauss-normal").minimum, Clock()
    spectrum = clock.time("spectrum", lambda: compute_spectrum(minimum, Wanted(top_k=10)))
    known = spectrum.known_eigenvectors
    assert known is not None

    def overlaps() -> float:
        matrix = alignment_matrix(minimum, known)
        random = random_max_alignment(minimum)
        return complexity(matrix, dim=minimum.dim, random=random).epsilon.value

    epsilon = clock.time("alignments and G", overlaps)
    plane = clock.time("plane", lambda: input_plane(minimum, spectrum.eigenvectors))
    clock.time("flips", lambda: sign_flips(minimum, plane, seed=0))
    for vectors, starts in ((1, 1), (1, 16), (5, 16)):
        chosen = spectrum.eigenvectors[:vectors]
        alignment = align(minimum, chosen, minimum.inputs).values
        many = f"eigenvector margin, {vectors * starts} start" + "s" * (vectors * starts > 1)
        clock.time(
            many,
            lambda v=chosen, a=alignment, s=starts: eigenvector_margins(minimum, v, a, starts=s),
        )
    clock.time("closest crossings, l2", lambda: closest_crossings(minimum))
    clock.time("closest crossings, linf", lambda: closest_crossings(minimum, norm="linf"))
    rescaling = find_rescaling(minimum)
    assert rescaling is not None
    clock.time(
        "three rescalings",
        lambda: rescaled_measures(
            minimum,
            rescaling,
            spectrum.known_eigenvalues,
            known,
            reinforcing_gradients(minimum, minimum.inputs).units,
            factors=(0.5, 1.0, 2.0),
            epsilon=epsilon,
        ),
    )
    matched = sum(clock.seconds[name] for name in MATCHED)
    theirs = THEIRS["spectrum"] + THEIRS["overlaps"]
    sixteen = clock.seconds["eigenvector margin, 16 starts"] - clock.seconds[MATCHED[2]]
    result = {
        "cpu_seconds": clock.seconds,
        "published_cpu_seconds": THEIRS,
        "matched": round(matched, 2),
        "times_faster_one_start": round((theirs + THEIRS["margin start"]) / matched, 1),
        "times_faster_16_starts": round(
            (theirs + 16 * THEIRS["margin start"]) / (matched + sixteen), 1
        ),
        "load_average": os.getloadavg()[0],
        "torch": torch.__version__,
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
