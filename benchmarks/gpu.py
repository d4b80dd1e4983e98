"""Curvature products on a GPU: right, how many gradients they cost, and what they hold.

    python benchmarks/gpu.py             # under eight minutes on one GPU; results/gpu.json
    python benchmarks/gpu.py --tiny --device cpu --out FILE   # the same on small networks

torch, numpy and scipy are enough. Products of other tools stand beside ours where they have been
brought along (`devices/peers.py`). Top pairs, a density and a trace are asked for while their
products fit what is left of `--seconds`; what does not is left out, and said to be. Without CUDA
it runs small networks of the same kinds on the CPU and writes only where `--out` says: nothing
about GPUs is claimed from there.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import torch
from devices import peers
from devices.networks import ON_A_CPU, ON_A_GPU, Workload
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from minimascope.curvature.krylov.slq import ProbeSize, quadrature
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products.ggn import ggn
from minimascope.curvature.products.gradient import mean_gradient
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.operator import Operator
from minimascope.curvature.running.memory import PeakMemory
from minimascope.curvature.running.run import Run
from minimascope.curvature.spectrum.spectrum import compute_spectrum
from minimascope.curvature.spectrum.wanted import Wanted

RESULTS = Path(__file__).parent / "results" / "gpu.json"
REPEATS = 3
TOP, PROBES, STEPS = 10, 4, 40
TOP_PRODUCTS = 60  # about what ten pairs at 1e-3 take
SIGNS = 16  # of the trace
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


def measured(load: Workload, device: torch.device, until: float) -> Row:
    """One network; `until` is when its questions have to be answered."""
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
    for name, make in (("GGN", ggn), ("Hessian", hessian)):
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
            row["questions"] = answered(minimum, operator, taken, until)
            row["peers"] = beside(load, device, v, hessian=operator.matvec(v), gradient=gradient)
        del operator
    return row


def beside(
    load: Workload, device: torch.device, v: Tensor, *, hessian: Tensor, gradient: float
) -> Row:
    """Of other tools' Hessian products: how many gradients they take, and how far they are off."""
    found: Row = {}
    for name, product in peers.products(load, device).items():
        if isinstance(product, str):
            found[name] = product
            continue
        try:
            with sdpa_kernel(SDPBackend.MATH):
                taken = seconds(device, lambda p=product: p(v))
                off = float((product(v) - hessian).norm() / hessian.norm())
            found[name] = {"gradients": taken / gradient, "off_by": off}
        except (RuntimeError, ValueError, TypeError, AttributeError) as error:
            found[name] = str(error).splitlines()[0]
    return found


def answered(minimum: Minimum, operator: Operator, each: float, until: float) -> Row:
    """Seconds of what is asked of a Hessian, `each` a product, where there is time for it."""

    def pairs() -> Row:
        found = compute_spectrum(minimum, Wanted(TOP, 1e-3), run=Run(0), operator=operator)
        return {"products": found.products, "eigenvalues": found.eigenvalues.tolist()}

    def density() -> Row:
        rules = quadrature(operator, None, size=ProbeSize(PROBES, STEPS), run=Run(0))
        return {"products": PROBES * rules.steps}

    def trace() -> Row:
        signs = (2 * torch.randint(0, 2, (SIGNS, minimum.dim)) - 1).to(minimum.theta)
        forms = torch.stack([z @ operator.matvec(z) for z in signs])
        error = float(forms.std()) / SIGNS**0.5
        return {"products": SIGNS, "trace": float(forms.mean()), "standard_error": error}

    asked = {
        "trace": (trace, SIGNS),
        f"top {TOP} at 1e-3": (pairs, TOP_PRODUCTS),
        f"SLQ {PROBES} × {STEPS}": (density, PROBES * STEPS),
    }
    found: Row = {}
    for name, (work, products) in asked.items():
        left = until - time.perf_counter()
        if products * each > left:
            found[name] = {"left_out": f"{products} products of {each:.3g} s, {left:.0f} s left"}
            continue
        began = time.perf_counter()
        answer = work()
        found[name] = {"seconds": time.perf_counter() - began} | answer
    return found


def line(name: str, row: Row) -> str:
    products = [
        f"{kind} {row[kind]['gradients']:.2f} gradients at {row[kind]['of_the_gradients_rate']:.0%}"
        f" of their FLOP/s, {row[kind]['peak_over_plan']:.2f} × plan"
        for kind in ("Hessian", "GGN")
    ]
    others = [
        f"{name} {peer['gradients']:.2f}"
        for name, peer in row["peers"].items()
        if isinstance(peer, dict)
    ]
    said = "; ".join([*products, f"off by {row['off_by']:.1e}", *others])
    return f"{name:28}{said}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--tiny", action="store_true", help="small networks of the same kinds")
    parser.add_argument("--seconds", type=float, default=420.0, help="after which none is begun")
    parser.add_argument("--out", type=Path, help="results/gpu.json for a GPU's own networks")
    return parser.parse_args()


def main() -> None:
    args, began = arguments(), time.perf_counter()
    device = torch.device(args.device)
    small = args.tiny or device.type != "cuda"
    if device.type != "cuda":
        print("Not a CUDA device: small networks of the same kinds. No claim is made.")
    found: dict[str, Row] = {}
    loads = ON_A_CPU if small else ON_A_GPU
    for place, (name, make) in enumerate(loads.items(), start=1):
        torch.manual_seed(0)
        until = began + args.seconds * place / len(loads)
        try:
            if time.perf_counter() > began + args.seconds:
                raise ValueError(f"left out: {args.seconds:.0f} s were over")
            found[name] = measured(make(), device, until)
            print(line(name, found[name]), flush=True)
        except (RuntimeError, ValueError) as error:
            found[name] = {"error": str(error).splitlines()[0]}
            print(f"{name:28}{found[name]['error']}", flush=True)
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()
    out = args.out or (None if small else RESULTS)
    if out is not None:
        of = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
        answer = {"device": of, "torch": torch.__version__, "networks": found}
        answer["seconds"] = time.perf_counter() - began
        out.write_text(json.dumps(answer, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
