"""The four tools behind one interface: top pairs, quadrature nodes and weights, trace.

Every call includes what the tool does to get going (graph, operator object). Peers get their
best setting found beforehand, outside the clock: eigenthings the smallest number of steps whose
own residuals reach the target, curvlinops the loosest `eigsh` tolerance that guarantees it,
PyHessian the loosest of its tolerances that reaches it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from minimascope.curvature.krylov.block import expand, krylov_space, random_rows
from minimascope.curvature.krylov.block_quadrature import block_quadrature
from minimascope.curvature.krylov.slq import ProbeSize, quadrature
from minimascope.curvature.krylov.trace import deflated_trace
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.precision import quick_hessian
from minimascope.curvature.running.run import Run
from minimascope.curvature.spectrum.spectrum import compute_spectrum
from minimascope.curvature.spectrum.wanted import Wanted

Pairs = tuple[Tensor, Tensor]  # values (k,), vectors (k, p)
Rule = tuple[Tensor, Tensor]  # nodes and weights of all probes, weights summing to 1
LONG = 150  # steps among which the fewest that are enough are looked for
PINNED = [  # installed without dependencies: torch is here already
    "backpack-for-pytorch==1.7.1",
    "curvlinops-for-pytorch==3.0.1",
    "einconv==0.1.0",
    "einops==0.8.2",
    "hessian-eigenthings==1.0.0a5",
    "linear_operator==0.6.1",
    "opt_einsum==3.4.0",
    "pyhessian==0.1",
    "tqdm==4.70.1",
    "unfoldNd==0.2.3",
]


@dataclass(frozen=True)
class Tool:
    """`pairs(k, target)` gives the call to time; None where the tool does not do this."""

    name: str
    pairs: Callable[[int, float], Callable[[], Pairs]] | None
    rule: Callable[[int, int, int], Rule] | None
    trace: Callable[[int, int], float] | None
    few: Callable[[int, int], float] | None = None  # a trace from so many products alone


def tools(minimum: Minimum, ratio: float) -> tuple[list[Tool], list[str]]:
    """Ours and every installed peer; a sentence for each that is missing.

    `ratio` is λ1/λ_k: eigsh measures residuals relative to each eigenvalue.
    """
    found, missing = [ours(minimum), ours_in_chains(minimum), ours_whole(minimum)], []
    makers: dict[str, Callable[[], list[Tool]]] = {
        "kept graph": lambda: [kept_graph(minimum, ratio)],
        "hessian-eigenthings": lambda: [eigenthings(minimum)],
        "curvlinops": lambda: [curvlinops(minimum, ratio, ncv) for ncv in (None, 50)],
        "PyHessian": lambda: [pyhessian(minimum, "default"), pyhessian(minimum, "tuned")],
    }
    for name, make in makers.items():
        try:
            found += make()
        except ImportError as error:
            missing.append(f"{name} is missing ({error}): run with --install-peers first.")
    return found, missing


def ours(minimum: Minimum) -> Tool:
    def pairs(k: int, target: float) -> Callable[[], Pairs]:
        def call() -> Pairs:  # peers wait for no λ_min and give no trace
            found = compute_spectrum(
                minimum,
                Wanted(top_k=k, tolerance=target, lowest=None, trace_probes=0, whole=False),
            )
            return found.eigenvalues, found.eigenvectors

        return call

    def rule(probes: int, steps: int, seed: int) -> Rule:
        quick = quick_hessian(minimum, hessian(minimum), seed=seed).operator
        found = block_quadrature(quick, None, size=ProbeSize(probes, steps), run=Run(seed))
        return found.nodes.reshape(-1), found.weights.reshape(-1) / probes

    def trace(products: int, seed: int) -> float:
        return compute_spectrum(minimum, Wanted(top_k=10, tolerance=1e-3), run=Run(seed=seed)).trace

    def few(products: int, seed: int) -> float:
        """As many as Hutch++ takes, a third each for sketch, its image and what is outside."""
        operator = hessian(minimum)
        steps = 2 * products // 3
        state = krylov_space(random_rows(operator, width=1, seed=seed), capacity=steps)
        while state.size < steps:
            expand(operator, state)
        return deflated_trace(operator, state, probes=products - steps, seed=seed + 1)[0]

    return Tool("minimascope", pairs, rule, trace, few)


def ours_in_chains(minimum: Minimum) -> Tool:
    """Every probe has a chain of its own, of all the steps, as the other tools' have."""

    def rule(probes: int, steps: int, seed: int) -> Rule:
        quick = quick_hessian(minimum, hessian(minimum), seed=seed).operator
        found = quadrature(quick, None, size=ProbeSize(probes, steps), run=Run(seed))
        return found.nodes.reshape(-1), found.weights.reshape(-1) / probes

    return Tool("minimascope, all steps", None, rule, None)


def ours_whole(minimum: Minimum) -> Tool:
    """As an analysis asks: λ_min to 1e-4 and the trace included."""

    def pairs(k: int, target: float) -> Callable[[], Pairs]:
        def call() -> Pairs:
            found = compute_spectrum(minimum, Wanted(top_k=k, tolerance=target))
            return found.eigenvalues, found.eigenvectors

        return call

    return Tool("minimascope with λ_min and trace", pairs, None, None)


def kept_graph(minimum: Minimum, ratio: float) -> Tool:
    """What a few lines of torch and SciPy do: the gradient's graph kept, products through it."""
    import numpy as np
    from scipy.sparse.linalg import LinearOperator, eigsh

    weights = [each for each in minimum.network.parameters() if each.requires_grad]

    def product() -> Callable[[Any], Any]:
        loss = nn.functional.cross_entropy(minimum.network(minimum.inputs), minimum.targets)
        graph = torch.autograd.grad(loss, weights, create_graph=True)
        gradient = torch.cat([each.reshape(-1) for each in graph])

        def times(vector: Any) -> Any:
            row = torch.as_tensor(vector, dtype=gradient.dtype).reshape(-1)
            parts = torch.autograd.grad(gradient, weights, row, retain_graph=True)
            return torch.cat([each.reshape(-1) for each in parts]).numpy()

        return times

    def pairs(k: int, target: float) -> Callable[[], Pairs]:
        def call() -> Pairs:
            dtype = np.dtype(str(minimum.theta.dtype).removeprefix("torch."))
            shape = (minimum.dim, minimum.dim)
            matrix = LinearOperator(shape, matvec=product(), dtype=dtype)
            values, vectors = eigsh(matrix, k=k, which="LA", tol=target * ratio)
            return torch.tensor(values).flip(0), torch.tensor(vectors.T.copy()).flip(0)

        return call

    return Tool("kept graph + eigsh", pairs, None, None)


def eigenthings(minimum: Minimum) -> Tool:
    import hessian_eigenthings as peer

    def operator() -> Any:
        data = [(minimum.inputs, minimum.targets)]
        return peer.HessianOperator(
            minimum.network, data, peer.supervised_loss(nn.CrossEntropyLoss())
        )

    def pairs(k: int, target: float) -> Callable[[], Pairs]:
        steps = steps_needed(minimum, k, target)

        def call() -> Pairs:
            found = peer.lanczos(
                operator(), k=k, max_iter=steps, which="LA", reorthogonalize=True, seed=0
            )
            return found.eigenvalues, found.eigenvectors

        return call

    def rule(probes: int, steps: int, seed: int) -> Rule:
        found = peer.spectral_density(
            operator(), num_runs=probes, lanczos_steps=steps, num_grid_points=16, seed=seed
        )
        return found.raw_eigenvalues.reshape(-1), found.raw_weights.reshape(-1) / probes

    def trace(products: int, seed: int) -> float:
        return float(peer.hutch_plus_plus(operator(), num_matvecs=products, seed=seed).estimate)

    return Tool("hessian-eigenthings", pairs, rule, trace, trace)


def steps_needed(minimum: Minimum, k: int, target: float) -> int:
    """Fewest Lanczos steps from this start whose top-k Ritz residuals are ≤ target·λ1.

    Found with our products: the steps depend on matrix and start, not on who multiplies.
    """
    operator = hessian(minimum)
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(operator.dim, generator=generator, dtype=operator.dtype)
    basis, diagonal, beside = [start / start.norm()], [], []
    while len(diagonal) < LONG:
        image = operator.matvec(basis[-1])
        diagonal.append(float(image @ basis[-1]))
        rows = torch.stack(basis)
        for _ in range(2):
            image -= rows.T @ (rows @ image)
        beside.append(float(image.norm()))
        basis.append(image / image.norm())
        tridiagonal = torch.tensor([diagonal, beside], dtype=torch.float64)
        found = first_settled(tridiagonal[0], tridiagonal[1], k, target)
        if found < len(diagonal):
            return found
    return LONG


def first_settled(diagonal: Tensor, beside: Tensor, k: int, target: float) -> int:
    """As `steps_needed`, of a tridiagonal matrix; all of its rows where none is enough."""
    for steps in range(k + 2, len(diagonal)):
        matrix = torch.diag(diagonal[:steps])
        matrix += torch.diag(beside[: steps - 1], 1) + torch.diag(beside[: steps - 1], -1)
        values, vectors = torch.linalg.eigh(matrix)
        residuals = beside[steps - 1] * vectors[-1, -k:].abs()
        if float(residuals.max()) <= target * float(values[-1]):
            return steps
    return len(diagonal)


def curvlinops(minimum: Minimum, ratio: float, ncv: int | None) -> Tool:
    import curvlinops as peer
    from curvlinops.papyan2020traces.spectrum import fast_lanczos
    from scipy.sparse.linalg import eigsh

    def operator() -> Any:
        return peer.HessianLinearOperator(
            minimum.network,
            nn.CrossEntropyLoss(),
            [q for q in minimum.network.parameters() if q.requires_grad],
            [(minimum.inputs, minimum.targets)],
            check_deterministic=False,
        )

    def pairs(k: int, target: float) -> Callable[[], Pairs]:
        def call() -> Pairs:
            matrix = operator().to_scipy()
            values, vectors = eigsh(matrix, k=k, which="LA", tol=target * ratio, ncv=ncv)
            return torch.tensor(values).flip(0), torch.tensor(vectors.T.copy()).flip(0)

        return call

    def rule(probes: int, steps: int, seed: int) -> Rule:
        torch.manual_seed(seed)
        matrix = operator()
        runs = [fast_lanczos(matrix, steps) for _ in range(probes)]
        nodes = torch.cat([values for values, _ in runs])
        return nodes, torch.cat([vectors[0].square() for _, vectors in runs]) / probes

    def trace(products: int, seed: int) -> float:
        torch.manual_seed(seed)
        return float(peer.hutchpp_trace(operator(), products // 3 * 3))

    if ncv:
        return Tool(f"curvlinops + eigsh(ncv={ncv})", pairs, None, None)
    return Tool("curvlinops + eigsh", pairs, rule, trace, trace)


def pyhessian(minimum: Minimum, setting: str) -> Tool:
    import pyhessian as peer

    def matrix_of(seed: int) -> Any:
        torch.manual_seed(seed)
        data = (minimum.inputs, minimum.targets)
        return peer.hessian(minimum.network, nn.CrossEntropyLoss(), data=data, cuda=False)

    def forgotten() -> None:
        for parameter in minimum.network.parameters():
            parameter.grad = None

    def call_with(k: int, tolerance: float, limit: int) -> Pairs:
        values, vectors = matrix_of(0).eigenvalues(maxIter=limit, tol=tolerance, top_n=k)
        forgotten()
        rows = [torch.cat([part.reshape(-1) for part in vector]) for vector in vectors]
        return torch.tensor(values), torch.stack(rows)

    def pairs(k: int, target: float) -> Callable[[], Pairs]:
        if setting == "default":
            return lambda: call_with(k, 1e-3, 100)
        # Change of the Rayleigh quotient ~ square of the residual, over the rate of convergence.
        return lambda: call_with(k, target**2, 5000)

    def trace(products: int, seed: int) -> float:
        found = matrix_of(seed).trace(maxIter=products, tol=0.0)
        forgotten()
        return float(sum(found) / len(found))

    # Its density calls torch.eig, which torch no longer has; its trace has no setting but products.
    return Tool(f"PyHessian ({setting})", pairs, None, trace if setting == "tuned" else None)
