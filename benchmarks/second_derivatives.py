"""What own second derivatives and kept pages save of a Hessian and a GGN product.

    python benchmarks/second_derivatives.py     # 5 minutes; results/second_derivatives.json

One thread, the five kinds of networks of `spectrum.py` in float32, and two of them in float64.
Rounds in turn, the least CPU milliseconds of each: torch's own derivatives, ours, and ours with
pages kept (`minimascope.machine.heap`, in a process of its own each). Beside them the two-line
product that anybody writes (kept graph) and the one without a graph.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import torch
from spectra.kinds import KINDS
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products import quick_layers
from minimascope.curvature.products.ggn import ggn
from minimascope.curvature.products.hessian import hessian
from minimascope.machine.heap import keep_pages

RESULTS = Path(__file__).parent / "results" / "second_derivatives.json"
ROUNDS = 7
CASES = [*((kind, "float32") for kind in KINDS), ("lenet", "float64"), ("wrn", "float64")]
Row = dict[str, float]


def minimum_of(kind: str, dtype: str) -> Minimum:
    found = KINDS[kind]().minimum
    given = found.network, found.inputs, found.targets
    return prepare(*given, loss=found.loss, dtype=getattr(torch, dtype))


def by_hand(minimum: Minimum) -> dict[str, Callable[[torch.Tensor], object]]:
    """A product from a kept graph, and one that starts anew."""
    weights = [each for each in minimum.network.parameters() if each.requires_grad]

    def gradient() -> torch.Tensor:
        loss = nn.functional.cross_entropy(minimum.network(minimum.inputs), minimum.targets)
        parts = torch.autograd.grad(loss, weights, create_graph=True)
        return torch.cat([each.reshape(-1) for each in parts])

    kept = gradient()
    return {
        "kept graph": lambda v: torch.autograd.grad(kept, weights, v, retain_graph=True),
        "anew": lambda v: torch.autograd.grad(gradient(), weights, v),
    }


def measured(kind: str, dtype: str, *, pages: bool) -> Row:
    """CPU milliseconds of each way."""
    if pages:
        keep_pages()
    torch.set_num_threads(1)
    minimum = minimum_of(kind, dtype)
    makers = {"Hessian": hessian, "GGN": ggn}
    ours = {name: make(minimum) for name, make in makers.items()}
    forms = dict(quick_layers.FORMS)
    quick_layers.FORMS.clear()
    torchs = {f"{name}, torch's": make(minimum) for name, make in makers.items()}
    quick_layers.FORMS.update(forms)
    ways = {name: made.matvec for name, made in (ours | torchs).items()}
    v = torch.randn(minimum.dim, generator=torch.Generator().manual_seed(0)).to(minimum.theta)
    least: Row = {}
    with sdpa_kernel(SDPBackend.MATH):
        ways |= by_hand(minimum)
        for _ in range(ROUNDS):
            for name, way in ways.items():
                began = time.process_time()
                way(v)
                taken = 1e3 * (time.process_time() - began)
                least[name] = round(min(least.get(name, taken), taken), 2)
    return least


def apart(kind: str, dtype: str, *, pages: bool) -> Row:
    """In a process of its own: what an allocator keeps depends on what was before."""
    command = [sys.executable, __file__, kind, dtype, str(int(pages))]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    found: Row = json.loads(answer.stdout.splitlines()[-1])
    return found


def main() -> None:
    if len(sys.argv) > 1:
        kind, dtype, pages = sys.argv[1:]
        print(json.dumps(measured(kind, dtype, pages=pages == "1")))
        return
    rows: dict[str, Any] = {}
    for kind, dtype in CASES:
        plain, kept = (apart(kind, dtype, pages=pages) for pages in (False, True))
        rows[f"{kind}, {dtype}"] = {"as the system has it": plain, "pages kept": kept}
        for name in ("Hessian", "GGN"):
            torchs, ours, best = plain[f"{name}, torch's"], plain[name], kept[name]
            said = f"torch's {torchs:.1f} ms, ours {ours:.1f} ({torchs / ours:.2f} ×)"
            said += f", pages kept {best:.1f} ({torchs / best:.2f} ×)"
            print(f"{kind}, {dtype}, {name}: {said}", flush=True)
    about = {
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "torch": torch.__version__,
    }
    RESULTS.write_text(json.dumps(about | {"CPU ms": rows}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
