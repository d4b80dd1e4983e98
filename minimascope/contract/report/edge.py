"""The edge of stability: how large a curvature an optimiser's steps can bear.

Gradient descent with learning rate η leaves a direction of curvature λ once λ > 2/η; training
tends to go up to this limit and to stay there. Sources: Cohen, Kaur, Li, Kolter and Talwalkar,
"Gradient descent on neural networks typically occurs at the edge of stability", 2021 (momentum:
appendix B); Cohen et al., "Adaptive gradient methods at the edge of stability", 2022 (Adam: (2 +
2β₁)/((1 − β₁)η), 38/η at β₁ = 0.9, for λ of H in the metric of its steps).
"""

from __future__ import annotations


def stability_limit(
    lr: float, *, momentum: float = 0.0, nesterov: bool = False, beta1: float | None = None
) -> float:
    """The largest stable curvature, in units of 1/lr; `beta1`: of Adam and AdamW.

    For these the curvature is that of H divided by √v̂ + ε.
    """
    if beta1 is not None:
        return (2 + 2 * beta1) / ((1 - beta1) * lr)
    ahead = 1 + 2 * momentum if nesterov else 1.0
    return 2 * (1 + momentum) / (ahead * lr)


def limit_words(
    *, momentum: float = 0.0, nesterov: bool = False, beta1: float | None = None
) -> str:
    """The same as a formula."""
    if beta1 is not None:
        return f"{(2 + 2 * beta1) / (1 - beta1):.3g}/lr (Adam, β₁ = {beta1:g})"
    if momentum and nesterov:
        return "2(1 + β)/((1 + 2β) lr)"
    return "2(1 + β)/lr" if momentum else "2/lr"
