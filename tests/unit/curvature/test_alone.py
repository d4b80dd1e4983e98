"""The mathematics needs torch, numpy and scipy, with what torch itself brings, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]

REFUSE = """
import importlib, pkgutil, sys

# torch, numpy, scipy; torch's own requirements.
ALLOWED = {"torch", "torchgen", "numpy", "scipy", "minimascope", "filelock", "fsspec", "jinja2"}
ALLOWED |= {"markupsafe", "mpmath", "networkx", "setuptools", "sympy", "typing_extensions"}

class Without:
    # A finder that finds nothing else: torch asks for some modules to see whether they are there.

    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        built_in = top in sys.stdlib_module_names or top.startswith("_")
        found = top in ALLOWED or built_in
        return self.finder.find_spec(name, path, target) if found else None

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
"""

SCRIPT = f"""{REFUSE}
count = 0
for room in ("minimascope.objective", "minimascope.curvature", "minimascope.boundary"):
    for module in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{{room}}."):
        importlib.import_module(module.name)
        count += 1

import torch
from minimascope.curvature.minimum.minimum import prepare
from minimascope.curvature.spectrum.spectrum import compute_spectrum
network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
minimum = prepare(network, torch.randn(9, 3), torch.randint(0, 2, (9,)))
print(count, bool(compute_spectrum(minimum).converged.all()))
"""


def test_curvature_and_boundary_run_with_torch_numpy_and_scipy_alone() -> None:
    out = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert out.returncode == 0, out.stderr[-1000:]
    count, converged = out.stdout.split()
    rooms = ("objective", "curvature", "boundary")
    files = [file for room in rooms for file in ROOT.glob(f"minimascope/{room}/**/*.py")]
    assert int(count) == len(files) - len(rooms)  # every module but the rooms themselves
    assert converged == "True"
