"""Curvature products on a GPU: right, how many gradients they cost, and what they hold.

    python benchmarks/gpu.py             # under eight minutes on one GPU; results/gpu.json

torch, numpy and scipy are enough. Without CUDA it says so, runs small networks of the same kinds
on the CPU, and writes nothing: nothing about GPUs is claimed from there.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import torch
from devices.networks import ON_A_CPU, ON_A_GPU, Workload
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products.ggn import ggn
from minimascope.curvature.products.gradient import mean_gradient
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.running.memory import PeakMemory
from minimascope.curvature.running.run import Run
from minimascope.curvature.spectrum.spectrum import compute_spectrum
from minimascope.curvature.spectrum.wanted import Wanted

RESULTS = Path(__file__).parent / "results" / "gpu.json"
REPEATS = 3
Row = dict[str, Any]


def waited(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def seconds(device: torch.device, work: Callable[[], object]) -> float:
    """The least of some runs after one that warms up."""
    work()
    taken = []
    for _ in range(REPEATS):
        waited(device)
        began = time.perf_counter()
        work()
        waited(device)
        taken.append(time.perf_counter() - began)
    return min(taken)


def flops(work: Callable[[], object]) -> int:
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def off_by(minimum: Minimum, v: Tensor) -> float:
    """‖Hv − double backward‖/‖Hv‖ on the first two examples: float32 leaves 1e-5 or so."""
    few = minimum.subset(torch.arange(2, device=minimum.inputs.device))
    q = [each for each in few.network.parameters() if each.requires_grad]
    with sdpa_kernel(SDPBackend.MATH):
        logits = few.network(few.inputs).flatten(1)
        first = torch.autograd.grad(
            few.loss.values(logits, few.targets).mean(), q, create_graph=True
        )
        parts = list(few.unflatten(v).values())
        plain = torch.autograd.grad(first, q, parts, materialize_grads=True)
    found = hessian(few).matvec(v)
    return float((found - torch.cat([each.flatten() for each in plain])).norm() / found.norm())


def measured(load: Workload, device: torch.device) -> Row:
    like = {"dtype": torch.float32, "device": device}
    minimum = prepare(load.network, load.inputs, load.targets, loss=load.loss, **like)
    v = torch.randn(minimum.dim, generator=torch.Generator().manual_seed(0)).to(device)
    v /= v.norm()
    row: Row = {"parameters": minimum.dim, "examples": minimum.n}
    with PeakMemory(device) as memory:
        gradient = seconds(device, lambda: mean_gradient(minimum))
    row |= {"gradient_seconds": gradient, "gradient_bytes": memory.peak_bytes}
    rate = flops(lambda: mean_gradient(minimum)) / gradient
    row["gradient_teraflops"] = rate / 1e12
    for name, make in (("Hessian", hessian), ("GGN", ggn)):
        with PeakMemory(device) as memory:
            operator = make(minimum)
            taken = seconds(device, lambda op=operator: op.matvec(v))
        each = flops(lambda op=operator: op.matvec(v)) / taken
        row[name] = {
            "gradients": taken / gradient,
            "of_the_gradients_rate": each / rate,
            "peak_bytes": memory.peak_bytes,
            "peak_over_plan": (memory.peak_bytes or 0) / max(1, operator.graph_bytes),
        }
        if name == "Hessian":
            row["off_by"] = off_by(minimum, v)
        del operator
    began = time.perf_counter()
    pairs = compute_spectrum(minimum, Wanted(3, 1e-3), run=Run(0))
    row["top 3 at 1e-3"] = {"seconds": time.perf_counter() - began, "products": pairs.products}
    row["eigenvalues"] = pairs.eigenvalues.tolist()
    return row


def line(name: str, row: Row) -> str:
    products = [
        f"{kind} {row[kind]['gradients']:.2f} gradients at {row[kind]['of_the_gradients_rate']:.0%}"
        f" of their FLOP/s, {row[kind]['peak_over_plan']:.2f} × plan"
        for kind in ("Hessian", "GGN")
    ]
    return f"{name:28}" + "; ".join(products) + f"; off by {row['off_by']:.1e}"


def main() -> None:
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda" if on_gpu else "cpu")
    if not on_gpu:
        print("No CUDA device here: small networks of the same kinds on the CPU. No claim is made.")
    found: dict[str, Row] = {}
    for name, make in (ON_A_GPU if on_gpu else ON_A_CPU).items():
        torch.manual_seed(0)
        try:
            found[name] = measured(make(), device)
            print(line(name, found[name]), flush=True)
        except (RuntimeError, ValueError) as error:
            found[name] = {"error": str(error).splitlines()[0]}
            print(f"{name:28}{found[name]['error']}", flush=True)
        gc.collect()
        if on_gpu:
            torch.cuda.empty_cache()
    if on_gpu:
        device_name = torch.cuda.get_device_name()
        answer = {"device": device_name, "torch": torch.__version__, "networks": found}
        RESULTS.write_text(json.dumps(answer, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
