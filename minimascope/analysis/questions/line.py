"""The loss on the straight line between two networks of one architecture.

Goodfellow, Vinyals and Saxe 2015 (arXiv 1412.6544); barriers as in Frankle et al. 2020 (arXiv
1912.05671), above the chord between the ends as in Entezari et al. 2022 (arXiv 2110.06296).
BatchNorm's running statistics between the ends follow Jordan et al. 2022 (arXiv 2211.08403).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from minimascope.analysis.questions.line_film import filming
from minimascope.contract.problems import ProblemError
from minimascope.contract.questions.interpolations import (
    Barrier,
    Curve,
    InterpolationCurve,
    SplitCurve,
    Statistics,
)
from minimascope.curvature.minimum.batches import as_matrix, outputs_at
from minimascope.curvature.minimum.minimum import Minimum

Split = tuple[Tensor, Tensor]
State = dict[str, Tensor]
CHUNK = 1024  # examples in one pass that renews statistics
ROUNDING = 1e-12  # of a loss along a line between equal ends
PROBED = 64  # examples on which both networks have to be the same function of their weights


def interpolate(
    minimum: Minimum,
    other: nn.Module,
    test: Split | None,
    *,
    steps: int = 20,
    progress: Callable[[float], None] | None = None,
) -> InterpolationCurve:
    """Loss and accuracy at θ(α) = (1 − α) θ_a + α θ_b, α = −1/4, −1/4 + 1/steps, …, 5/4.

    `other` has the architecture, dtype and device of `minimum.network`, whose weights are changed
    on the way and put back. Raises ProblemError `architectures_differ` where the two are not the
    same function of their weights.
    """
    network, ends = minimum.network, _ends(minimum, other)
    layers = [m for m in network.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    alphas = [step / steps for step in range(-steps // 4, steps + steps // 4 + 1)]
    splits = {"train": (minimum.inputs, minimum.targets)} | ({"test": test} if test else {})
    film = filming(minimum, pictures=len(alphas))
    found: dict[str, list[tuple[Tensor, Tensor | None]]] = {name: [] for name in splits}
    try:
        for index, alpha in enumerate(alphas):
            network.load_state_dict(_between(*ends, alpha))
            _renew(network, layers, minimum.inputs)
            for name, split in splits.items():
                found[name].append(_measured(minimum, split))
            if film:
                film.take(minimum)
            if progress:
                progress((index + 1) / len(alphas))
    finally:
        network.load_state_dict(ends[0])
    curves = {name: _curve(values, alphas) for name, values in found.items()}
    trained = [name for name, value in network.named_parameters() if value.requires_grad]
    apart = torch.cat([(ends[1][name] - ends[0][name]).flatten() for name in trained])
    statistics: Statistics = "recomputed" if layers else _statistics(network, ends)
    return InterpolationCurve(
        alpha=alphas,
        train=curves["train"],
        test=curves.get("test"),
        statistics=statistics,
        distance=float(torch.linalg.vector_norm(apart)),
        film=film and film.document(),
    )


def _ends(minimum: Minimum, other: nn.Module) -> tuple[State, State]:
    """The states of both networks, if they are of one architecture."""
    ends = _state(minimum.network), _state(other)
    _check_shapes(*ends)
    _check_function(minimum.network, other, ends, minimum.inputs[:PROBED])
    return ends


def _state(network: nn.Module) -> State:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def _differ(sentence: str) -> ProblemError:
    return ProblemError(
        "architectures_differ",
        f"The two networks are not of one architecture: {sentence}.",
        "A straight line runs only between weights of the same network.",
    )


def _check_shapes(first: State, second: State) -> None:
    for name in {**first, **second}:
        if name not in first or name not in second:
            raise _differ(f"only one of them has {name[:100]!r}")
        a, b = list(first[name].shape), list(second[name].shape)
        if a != b:
            raise _differ(f"{name[:100]!r} has shape {a} in one and {b} in the other")


def _check_function(
    network: nn.Module, other: nn.Module, ends: tuple[State, State], inputs: Tensor
) -> None:
    """The other's weights in this network have to give the other's outputs: activations agree."""
    with torch.no_grad():
        wanted = other(inputs)
        network.load_state_dict(ends[1])
        try:
            given = network(inputs)
        finally:
            network.load_state_dict(ends[0])
    # Two programs of one function differ by rounding only.
    tolerance = torch.finfo(wanted.dtype).eps ** 0.5 * (1 + float(wanted.abs().max()))
    if given.shape != wanted.shape or not torch.allclose(given, wanted, rtol=0, atol=tolerance):
        raise _differ(
            "their weights have the same shapes but compute different outputs (another activation?)"
        )


def _between(first: State, second: State, alpha: float) -> State:
    """(1 − α) a + α b; whole numbers (counters, positions) stay those of a."""
    return {
        name: value + alpha * (second[name] - value) if value.is_floating_point() else value
        for name, value in first.items()
    }


def _renew(network: nn.Module, layers: list[_BatchNorm], inputs: Tensor) -> None:
    """BatchNorm's running statistics as those of the training data; dropout stays off."""
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the average over all chunks, not an exponential one
        layer.train()
    with torch.no_grad():
        for part in _chunks(inputs):
            network(part)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
        layer.eval()


def _chunks(inputs: Tensor) -> tuple[Tensor, ...]:
    """Of nearly equal size, so that the average of their statistics is nearly that of all."""
    return torch.tensor_split(inputs, -(-len(inputs) // CHUNK))


def _measured(minimum: Minimum, split: Split) -> tuple[Tensor, Tensor | None]:
    """ℓ_i (n,) and, for classifiers, whether each example is right (n,), both float64."""
    inputs, targets = split
    logits = as_matrix(outputs_at(minimum, inputs))
    losses = minimum.loss.values(logits, targets).double().cpu()
    if not minimum.loss.judges:
        return losses, None
    return losses, minimum.loss.correct(logits, targets).double().cpu()


def _curve(found: list[tuple[Tensor, Tensor | None]], alphas: list[float]) -> SplitCurve:
    losses = torch.stack([values for values, _ in found])
    loss, error = _mean_and_error(losses)
    curve = SplitCurve(
        n=losses.shape[1],
        loss=loss,
        loss_standard_error=error,
        barrier=_barrier(losses, alphas),
    )
    hits = [right for _, right in found if right is not None]
    if hits:
        curve.accuracy, curve.accuracy_standard_error = _mean_and_error(torch.stack(hits))
    return curve


def _mean_and_error(values: Tensor) -> tuple[Curve, Curve]:
    """Mean over examples and its standard error sd/√n, for each row of (s, n)."""
    n = values.shape[1]
    spread = values.std(1) if n > 1 else torch.zeros(len(values))
    return _finite(values.mean(1)), _finite(spread / n**0.5)


def _finite(values: Tensor) -> Curve:
    return [value if math.isfinite(value) else None for value in values.tolist()]


def _barrier(losses: Tensor, alphas: list[float]) -> Barrier:
    """The highest rise of the mean above the chord; each example against its own chord."""
    inside = [i for i, alpha in enumerate(alphas) if 0 <= alpha <= 1]
    at = torch.tensor([alphas[i] for i in inside], dtype=losses.dtype)[:, None]
    first, last = losses[inside[0]], losses[inside[-1]]
    chord = (1 - at) * first + at * last
    above = losses[inside] - chord
    above[above.abs() <= ROUNDING * chord] = 0
    means, errors = _mean_and_error(above)
    known = [
        (mean, error or 0.0, i)
        for mean, error, i in zip(means, errors, inside, strict=True)
        if mean is not None
    ]
    if not known:
        raise ProblemError("loss_not_finite", "The loss of one of the two networks is not finite.")
    value, error, place = max(known)
    return Barrier(value=value, standard_error=error, alpha=alphas[place])


def _statistics(network: nn.Module, ends: tuple[State, State]) -> Statistics:
    """Whether buffers of floats, which no layer here can renew, were interpolated."""
    trained = {name for name, _ in network.named_parameters(remove_duplicate=False)}
    moved = (
        name
        for name, value in ends[0].items()
        if name not in trained and value.is_floating_point() and not value.equal(ends[1][name])
    )
    return "interpolated" if next(moved, None) else "none"
