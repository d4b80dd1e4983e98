"""Flatness and complexity measures offered beside the estimates, for comparison.

None where a measure needs something that is not known (the Hessian spectrum, a linear last
layer, classes). Definitions: docs/mathematics.md, section 3.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from minimascope.curvature.layers.traces import supported_layers, trace_layers
from minimascope.curvature.minimum.batches import as_matrix, outputs_at
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.gradient import directional_logits, mean_gradient
from minimascope.objective.likelihood import Likelihood

SAM_RADII = (0.05, 0.5)
ASAM_RADII = (0.1, 0.5)
EFFECTIVE_SCALES = (1.0, 50.0)


def baselines(
    minimum: Minimum,
    likelihood: Likelihood,
    *,
    hessian_eigenvalues: Tensor | None,
    ggn_eigenvalues: Tensor | None,
    half_logdet: float | None,
) -> dict[str, float | None]:
    """Every baseline by name; sharpness in nats, margins in logits."""
    n = likelihood.n
    theta = minimum.theta
    values: dict[str, float | None] = {
        "parameters_over_n": minimum.dim / n,
        "theta_squared_norm": float(theta.square().sum()),
        "half_logdet_over_n": None if half_logdet is None else half_logdet / n,
        "fisher_rao": _fisher_rao(minimum, likelihood),
        "margin10": _margin10(likelihood),
    }
    values.update(spectral_baselines(hessian_eigenvalues, ggn_eigenvalues, n))
    values.update(_last_layer(minimum, likelihood))
    values.update(sharpness(minimum, lambda theta: _loss_at(minimum, likelihood, theta)))
    return values


def spectral_baselines(
    hessian: Tensor | None, ggn: Tensor | None, n: int
) -> dict[str, float | None]:
    """What follows from all eigenvalues of H, and of the GGN, where they are known."""
    known = hessian is not None
    values: dict[str, float | None] = {
        "lambda_1": _largest(hessian),
        "trace": float(hessian.sum()) if known else None,
        "trace_over_n": float(hessian.sum()) / n if known else None,
        "lambda_1_ggn": _largest(ggn),
        "trace_ggn": float(ggn.sum()) if ggn is not None else None,
    }
    for z in EFFECTIVE_SCALES:
        values[f"effective_dimension_{z:g}"] = _effective_dimension(hessian, n, z)
        values[f"effective_dimension_ggn_{z:g}"] = _effective_dimension(ggn, n, z)
    return values


def _largest(eigenvalues: Tensor | None) -> float | None:
    """Of nonzero eigenvalues: where there are none the matrix is zero."""
    if eigenvalues is None:
        return None
    return float(eigenvalues.max()) if len(eigenvalues) else 0.0


def _effective_dimension(eigenvalues: Tensor | None, n: int, z: float) -> float | None:
    """Σ e/(e+z) with e the eigenvalues of the summed loss."""
    if eigenvalues is None:
        return None
    e = eigenvalues.clamp_min(0) * n
    return float((e / (e + z)).sum())


def _fisher_rao(minimum: Minimum, likelihood: Likelihood) -> float:
    """θᵀ GGN θ."""
    Jtheta = directional_logits(minimum, minimum.theta)[:, :, None]
    return float((likelihood.half_curvature.mT @ Jtheta).square().sum()) / likelihood.n


def _margin10(likelihood: Likelihood) -> float | None:
    """The k-th smallest logit margin of the label, k = max(1, n // 10)."""
    if not likelihood.loss.classifies:
        return None
    margins = likelihood.loss.margins(likelihood.logits, likelihood.targets)
    return float(margins.kthvalue(max(1, likelihood.n // 10)).values)


def _last_layer(minimum: Minimum, likelihood: Likelihood) -> dict[str, float | None]:
    """Relative flatness Σ_ss' ⟨w_s, w_s'⟩ tr(H^{s,s'}) and ‖W‖² tr(H_W) of a linear last layer.

    The logits are linear in it, so its Hessian block is mean_i Λ_i ⊗ h_i h_iᵀ exactly.
    """
    unknown: dict[str, float | None] = {
        "relative_flatness": None,
        "layer_flatness_last": None,
    }
    linear = [(k, m) for k, m in supported_layers(minimum).items() if isinstance(m, nn.Linear)]
    if not linear:
        return unknown
    name, layer = linear[-1]
    total = minimum.theta.new_zeros(likelihood.outputs, likelihood.outputs)
    Lambda = likelihood.curvature
    for at in torch.arange(likelihood.n, device=total.device).split(1024):
        found = trace_layers(minimum, minimum.inputs[at], only=[name])
        if not found or not _is_identity(found[0].sensitivities):
            return unknown
        h = found[0].inputs[:, 0, : layer.in_features]
        total += torch.einsum("nkl,n->kl", Lambda[at], h.square().sum(dim=1)) / likelihood.n
    W = layer.weight.detach()
    return {
        "relative_flatness": float(((W @ W.mT) * total).sum()),
        "layer_flatness_last": float(W.square().sum() * total.trace()),
    }


def _is_identity(sensitivities: Tensor) -> bool:
    if sensitivities.shape[2] != 1 or sensitivities.shape[1] != sensitivities.shape[3]:
        return False
    eye = torch.eye(sensitivities.shape[1], dtype=sensitivities.dtype, device=sensitivities.device)
    return bool((sensitivities[:, :, 0] == eye).all())


def sharpness(minimum: Minimum, loss_at: Callable[[Tensor], float]) -> dict[str, float | None]:
    """One-step SAM and ASAM: L(θ + ε) − L(θ) at ρ g/‖g‖ and ρ |θ|²g/‖|θ| g‖, L the loss trained."""
    g, theta = mean_gradient(minimum), minimum.theta
    here = loss_at(theta)
    scaled = theta.abs() * g
    steps = {f"sam_{rho:g}": (rho, g, g) for rho in SAM_RADII}
    steps |= {f"asam_{rho:g}": (rho, theta.abs() * scaled, scaled) for rho in ASAM_RADII}
    values: dict[str, float | None] = {}
    for name, (rho, direction, measure) in steps.items():
        size = float(measure.norm())
        moved = theta + rho * direction / size if size > 0 else theta
        values[name] = loss_at(moved) - here
    return values


def _loss_at(minimum: Minimum, likelihood: Likelihood, theta: Tensor) -> float:
    logits = outputs_at(minimum, minimum.inputs, theta)
    return float(likelihood.nll(as_matrix(logits)).mean())
