"""Hessian spectra side by side: minimascope, hessian-eigenthings, curvlinops, PyHessian.

    python benchmarks/spectrum.py                    # digits MLP and CNN
    python benchmarks/spectrum.py --large            # ResNet-18 and a vision transformer too
    python benchmarks/spectrum.py vit --questions top1 --limit 60     # a piece; merged by day
    python benchmarks/spectrum.py --float32 --questions top1 slq trace5   # five kinds, all in it
    python benchmarks/spectrum.py --install-peers    # once, into --peers, without deps

One process, tools interleaved, everything warmed up, one thread unless --threads says otherwise.
Times are medians of CPU seconds (wall beside them); residuals ‖Hv − λv‖/λ1 are recomputed in
float64 with an operator of their own for every tool. A peer that is not there is named in one
line and left out. Results go to benchmarks/results/spectrum-<date>.json and .md.
"""

from __future__ import annotations

import argparse
import copy
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # SciPy's, which torch's number does not reach

import torch
from scipy.stats import wasserstein_distance
from spectra.clock import Timed, timed
from spectra.kinds import KINDS
from spectra.tables import Row, earlier, machine, row, table, write
from spectra.tools import PINNED, Pairs, Tool, tools
from spectra.workloads import LARGE, WORKLOADS, Workload
from torch.nn.attention import SDPBackend, sdpa_kernel

from minimascope.curvature.krylov.slq import ProbeSize, quadrature, spectral_sum
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.precision import quick_hessian
from minimascope.curvature.running.run import Run
from minimascope.curvature.spectrum.density import spectral_density
from minimascope.curvature.spectrum.plan import plan_spectrum
from minimascope.curvature.spectrum.spectrum import compute_spectrum
from minimascope.curvature.spectrum.wanted import Wanted
from minimascope.machine.heap import keep_pages

TARGETS = (1e-3, 1e-6)
QUESTIONS = ("top1", "top2", "slq", "trace", "together", "plan")  # top 10 at either residual
OTHERS = ("trace5",)  # asked by name alone
PROBES, STEPS, SEEDS = 4, 40, 5
TOGETHER_PRODUCTS = 60  # of curvlinops' trace: about our error on the MLP
TRACE_PRODUCTS = (15, 30, 45, 60, 90)  # of peers: multiples of three for Hutch++
FEW_PRODUCTS = (6, 9, 12, 15, 18, 24, 30, 45, 60, 90, 120)  # for a trace to
GOOD = 0.05  # root mean square error
LUCK = 8  # seeds: of fewer the first that is good may be so by chance
LONG = ProbeSize(16, 40)  # chains of a quadrature that others are held against
SURE = 0.015  # of the trace that these are held against
DAMPINGS = [10.0**power for power in range(-6, 1)]


def main() -> int:
    args = arguments()
    if args.install_peers:
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target"]
        return subprocess.call([*command, str(args.peers), *PINNED])
    sys.path.append(str(args.peers))
    warnings.filterwarnings("ignore")
    torch.set_num_threads(args.threads)
    keep_pages()  # whichever tool it is that asks for them
    started = time.strftime("%Y-%m-%d")
    names = args.workloads or [*WORKLOADS, *(LARGE if args.large else ())]
    if args.float32:
        names = args.workloads or [*KINDS]
    results = earlier(args.results, started) or {"date": started, "workloads": {}}
    results["machine"] = machine(args.threads)
    for name in names:
        workload = (WORKLOADS | LARGE | KINDS)[name]()
        if args.float32:
            name, workload = f"{name}, float32", in_float32(workload)
        print(f"\n## {workload.sentence}\n", flush=True)
        asked = args.questions or QUESTIONS
        with sdpa_kernel(SDPBackend.MATH):  # fused attention has no second derivative
            found = run(workload, asked, args.tools, limit=args.limit)
        results["workloads"][name] = results["workloads"].get(name, {}) | found
        write(args.results, started, results, (*QUESTIONS[:-1], *OTHERS))
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("workloads", nargs="*", choices=[*WORKLOADS, *LARGE, *KINDS, []])
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--float32", action="store_true", help="all tools, and the five kinds")
    parser.add_argument("--questions", nargs="+", choices=(*QUESTIONS, *OTHERS), help="only these")
    parser.add_argument("--tools", nargs="+", help="only these, by name")
    parser.add_argument("--install-peers", action="store_true")
    peers = Path(tempfile.gettempdir()) / "minimascope-peers"
    parser.add_argument("--peers", type=Path, default=peers)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--limit", type=float, default=300, help="CPU seconds a call may take")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
    return parser.parse_args()


def run(
    workload: Workload, questions: Sequence[str], names: Sequence[str] | None, *, limit: float
) -> Row:
    """Questions asked of all tools, or of those named, on one workload."""
    torch.set_default_dtype(workload.minimum.theta.dtype)  # PyHessian draws its vectors in it
    count = 20 if "together" in questions else 10
    known = compute_spectrum(
        workload.minimum, Wanted(top_k=count, tolerance=1e-3, lowest=None, trace_probes=0)
    ).eigenvalues
    found, missing = tools(workload.minimum, float(known[0] / known[9]))
    found = [tool for tool in found if names is None or tool.name in names]
    for sentence in missing:
        print(sentence, flush=True)
    result: Row = {"workload": workload.sentence, "missing": missing}
    for number, target in enumerate(TARGETS, start=1):
        if f"top{number}" in questions:
            result[f"top{number}"] = top(workload, found, target, limit)
    if "slq" in questions:
        result["slq"] = densities(workload, found, limit)
    if "trace" in questions and workload.exact:
        result["trace"] = traces(workload, found, limit)
    if "trace5" in questions:
        result["trace5"] = rough_traces(workload, found, limit)
    if "together" in questions:
        result["together"] = together(workload, found, float(known[9] / known[19]), limit)
    if "plan" in questions:
        result["plan"] = planned(workload)
    torch.set_default_dtype(torch.float32)
    return result


def in_precision(minimum: Minimum, dtype: torch.dtype) -> Minimum:
    """A copy; the same where it has it."""
    if minimum.theta.dtype == dtype:
        return minimum
    network = copy.deepcopy(minimum.network)
    return prepare(network, minimum.inputs, minimum.targets, loss=minimum.loss, dtype=dtype)


def in_float32(workload: Workload) -> Workload:
    return replace(workload, minimum=in_precision(workload.minimum, torch.float32), long=True)


def residual(workload: Workload, pairs: Pairs) -> float:
    """Largest ‖Hv − λv‖/|λ1| in float64."""
    minimum = in_precision(workload.minimum, torch.float64)
    vectors = pairs[1].double()
    vectors = vectors / vectors.norm(dim=1, keepdim=True)
    values = pairs[0].double()
    errors = hessian(minimum).matmat(vectors) - values[:, None] * vectors
    return float(errors.norm(dim=1).max() / values.abs().max())


def top(workload: Workload, found: list[Tool], target: float, limit: float) -> list[Row]:
    """Top 10 at one residual: rounds over all tools in turn, after one warm-up round of ours."""
    calls = {tool.name: tool.pairs(10, target) for tool in found if tool.pairs}
    if target < TARGETS[0]:
        calls.pop("PyHessian (default)", None)  # the same run again
    calls["minimascope"]()
    runs: dict[str, list[Timed[Pairs]]] = {name: [] for name in calls}
    for _ in range(workload.rounds):
        for name, call in calls.items():
            if not runs[name] or runs[name][-1].value is not None:
                runs[name].append(timed(call, limit=limit))
    rows = []
    for name, each in runs.items():
        last = each[-1].value
        error = None if last is None else residual(workload, last)
        rows.append(row(name, each, question=f"top 10 at {target:.0e}", error=error))
    return table(rows, "residual")


def densities(workload: Workload, found: list[Tool], limit: float) -> list[Row]:
    """SLQ, 4 probes as finely as by 40 steps; distance = Wasserstein-1 to the spectrum over λ1."""
    values, weights = true_density(workload)
    able = [tool for tool in found if tool.rule is not None]
    runs: dict[str, list[Timed[Any]]] = {tool.name: [] for tool in able}
    errors: dict[str, list[float]] = {tool.name: [] for tool in able}
    for seed in range(workload.rounds):
        for tool in able:
            assert tool.rule is not None
            rule = tool.rule
            runs[tool.name].append(timed(lambda r=rule, s=seed: r(PROBES, STEPS, s), limit=limit))
            value = runs[tool.name][-1].value
            if values is not None and value is not None:
                nodes, own = value[0], value[1].clamp(min=0)
                distance = wasserstein_distance(values, nodes, weights, own)
                errors[tool.name].append(float(distance / values.max()))
    question = f"SLQ {PROBES} × {STEPS}"
    rows = [
        row(name, each, question=question, error=median(errors[name]) if errors[name] else None)
        for name, each in runs.items()
    ]
    return table(rows, "W1/λ1")


def true_density(workload: Workload) -> tuple[Any, Any]:
    """Eigenvalues and their weights (None: equal), or of `LONG` other chains where p is large."""
    if workload.exact or not workload.long:
        return exact_values(workload), None
    found = quadrature(hessian(workload.minimum), None, size=LONG, run=Run(1000))
    return found.nodes.reshape(-1).numpy(), found.weights.reshape(-1).clamp(min=0).numpy()


def exact_values(workload: Workload) -> Any:
    """All p eigenvalues in float64, kept in the temporary folder; None where p is too large."""
    if not workload.exact:
        return None
    kept = Path(tempfile.gettempdir()) / f"minimascope-exact-{workload.minimum.dim}.pt"
    theta = workload.minimum.theta
    if kept.exists():
        stored = torch.load(kept, weights_only=True)
        if torch.equal(stored["theta"], theta):
            return stored["values"].numpy()
    operator = hessian(in_precision(workload.minimum, torch.float64))
    identity = torch.eye(operator.dim, dtype=torch.float64)
    matrix = torch.cat([operator.matmat(block) for block in identity.split(64)])
    values = torch.linalg.eigvalsh((matrix + matrix.T) / 2)
    torch.save({"theta": theta, "values": values}, kept)
    return values.numpy()


def traces(workload: Workload, found: list[Tool], limit: float) -> list[Row]:
    """Root mean square error over seeds; ours comes with top 10 at 1e-3 and λ_min.

    Peers get the fewest of `TRACE_PRODUCTS` that reach our error, and the most where none does.
    """
    truth = float(exact_values(workload).sum())
    rows: list[Row] = []
    for tool in found:
        if tool.trace is None:
            continue
        ours = not rows
        for products in (0,) if ours else TRACE_PRODUCTS:
            runs = [
                timed(lambda t=tool.trace, s=seed, m=products: t(m, s), limit=limit)
                for seed in range(SEEDS)
            ]
            squares = [(run.value / truth - 1) ** 2 for run in runs if run.value is not None]
            error = (sum(squares) / len(squares)) ** 0.5 if squares else None
            entry = row(tool.name, runs, question="trace", error=error)
            if ours or error is None or error <= rows[0]["error"]:
                break
        rows.append(entry if ours else {**entry, "tool": f"{tool.name}, {products} products"})
    return table(rows, "r.m.s. relative error")


def rough_traces(workload: Workload, found: list[Tool], limit: float) -> list[Row]:
    """CPU seconds of the fewest products from which a tool's trace is within 5% (r.m.s. of seeds).

    How many are enough is found beforehand, outside the clock, for every tool alike.
    """
    truth = known_trace(workload)
    rows: list[Row] = []
    for tool in (each for each in found if each.few is not None):
        for products in FEW_PRODUCTS:
            runs = [
                timed(lambda t=tool.few, s=seed, m=products: t(m, s), limit=limit)
                for seed in range(LUCK)
            ]
            squares = [(run.value / truth - 1) ** 2 for run in runs if run.value is not None]
            error = (sum(squares) / len(squares)) ** 0.5 if squares else None
            if error is None or error <= GOOD:
                break
        entry = row(f"{tool.name}, {products} products", runs, question="trace to 5%", error=error)
        rows.append(entry)
    return table(rows, "r.m.s. relative error")


def known_trace(workload: Workload) -> float:
    """All eigenvalues', or nearly from as many products as that takes."""
    if workload.exact:
        return float(exact_values(workload).sum())
    wanted = Wanted(top_k=10, tolerance=1e-3, trace_probes=600, whole=False)
    found = compute_spectrum(workload.minimum, wanted)
    print(f"tr H {found.trace:.5g} ± {found.trace_standard_error:.2g}\n", flush=True)
    assert found.trace_standard_error is not None
    if found.trace_standard_error > SURE * abs(found.trace):
        raise RuntimeError("The trace is not known well enough to hold tools against it.")
    return found.trace


def together(workload: Workload, found: list[Tool], ratio: float, limit: float) -> list[Row]:
    """Top 20 at 1e-3, density, trace and the soft-rank curve (read off chains' nodes: the density's
    own rules end where its bells lie still, too soon for small λ).

    `ratio` is λ10/λ20, by which the tolerance of eigsh may be looser than for ten pairs.
    """

    def ours() -> Pairs:
        spectrum = compute_spectrum(workload.minimum, Wanted(top_k=20, tolerance=1e-3))
        size, known = ProbeSize(probes=PROBES, steps=STEPS), spectrum.known_eigenvectors
        spectral_density(workload.minimum, spectrum, size)
        operator = spectrum.operator or hessian(workload.minimum)
        quick = quick_hessian(workload.minimum, operator, known).operator
        rules = quadrature(quick, known, size=size, run=Run())
        for damping in DAMPINGS:
            spectral_sum(spectrum.known_eigenvalues, rules, lambda e, z=damping: clipped_rank(e, z))
        return spectrum.eigenvalues, spectrum.eigenvectors

    calls = {"minimascope": ours}
    by_name = {tool.name: tool for tool in found}
    if "curvlinops + eigsh" in by_name:
        peer = by_name["curvlinops + eigsh"]
        pairs = by_name["curvlinops + eigsh(ncv=50)"].pairs
        assert pairs is not None
        assert peer.rule is not None
        assert peer.trace is not None
        rule, trace = peer.rule, peer.trace

        def theirs() -> Pairs:
            top20 = pairs(20, 1e-3 * ratio)()
            nodes, weights = rule(PROBES, STEPS, 0)
            for damping in DAMPINGS:
                float((weights * clipped_rank(nodes, damping)).sum() * workload.minimum.dim)
            trace(TOGETHER_PRODUCTS, 0)
            return top20

        calls["curvlinops + eigsh"] = theirs
    runs: dict[str, list[Timed[Pairs]]] = {name: [] for name in calls}
    for _ in range(workload.rounds):
        for name, call in calls.items():
            runs[name].append(timed(call, limit=2 * limit))
    rows = []
    for name, each in runs.items():
        error = None if each[-1].value is None else residual(workload, each[-1].value)
        rows.append(row(name, each, question="top 20, density, trace, soft rank", error=error))
    return table(rows, "residual")


def clipped_rank(eigenvalues: torch.Tensor, damping: float) -> torch.Tensor:
    """Σ e₊/(e₊ + λ), term by term."""
    positive = eigenvalues.clamp(min=0)
    return positive / (positive + damping)


def planned(workload: Workload) -> Row:
    """The plan for top 10 at 1e-3 against what happened."""
    plan = plan_spectrum(workload.minimum, Wanted(top_k=10, tolerance=1e-3))
    run = timed(
        lambda: compute_spectrum(workload.minimum, Wanted(top_k=10, tolerance=1e-3)), limit=1e6
    )
    assert run.value is not None
    print(f"Plan: {plan.sentence} Actual: {run.value.products} products, {run.wall:.2f} s.\n")
    return {
        "route": plan.route,
        "products": [plan.products, run.value.products],
        "seconds": [plan.seconds, run.wall],
        "cpu_seconds": run.cpu,
    }


if __name__ == "__main__":
    raise SystemExit(main())
