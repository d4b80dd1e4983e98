"""Cases whose answer is known without curvature: refits, linear-Gaussian, routes, refusals."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from minimascope.curvature.gap.estimate import estimate_gap
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.sweep.route import Budget
from minimascope.objective.loss import LossName


def fitted(X: Tensor, y: Tensor, *, outputs: int, loss: LossName, ridge: float) -> Minimum:
    """Linear model at the minimum of mean loss + ridge/2 ‖θ‖² by Newton's method."""
    network = nn.Linear(X.shape[1], outputs).double()
    minimum = prepare(network, X, y, loss=loss)
    theta = torch.zeros(minimum.dim, dtype=torch.float64)

    def objective(q: Tensor) -> Tensor:
        f = minimum.logits(q, X)
        if loss == "cross_entropy":
            mean = nn.functional.cross_entropy(f, y)
        elif loss == "binary":
            mean = nn.functional.binary_cross_entropy_with_logits(f[:, 0], y.double())
        else:
            mean = 0.5 * (f - y).square().sum(dim=1).mean()
        return mean + ridge / 2 * q.square().sum()

    # One Newton step solves a quadratic (the second takes out its rounding), 8 a convex likelihood.
    for _ in range(2 if loss == "mse" else 8):
        H = torch.func.hessian(objective)(theta)
        theta = theta - torch.linalg.solve(H, torch.func.grad(objective)(theta))
    nn.utils.vector_to_parameters(theta, network.parameters())
    return minimum


def leave_one_out_refits(minimum: Minimum, *, outputs: int, ridge: float) -> Tensor:
    n = minimum.n
    losses = []
    for i in range(n):
        keep = torch.arange(n) != i
        # Leaving one term out of the sum keeps the weight of the ridge: n/(n−1) of the mean's.
        X, y = minimum.inputs[keep], minimum.targets[keep]
        refit = fitted(X, y, outputs=outputs, loss=minimum.loss.name, ridge=ridge * n / (n - 1))
        f = refit.network(minimum.inputs[i : i + 1]).detach()
        target = minimum.targets[i : i + 1]
        if minimum.loss.name == "cross_entropy":
            losses.append(nn.functional.cross_entropy(f, target))
        elif minimum.loss.name == "binary":
            losses.append(nn.functional.binary_cross_entropy_with_logits(f[:, 0], target.double()))
        else:
            losses.append(0.5 * (f - target).square().sum())
    return torch.stack(losses)


@pytest.mark.parametrize(("loss", "outputs"), [("cross_entropy", 3), ("binary", 1)])
def test_alo_equals_exact_leave_one_out_refits(loss: LossName, outputs: int) -> None:
    torch.manual_seed(0)
    X = torch.randn(60, 3).double()
    scores = X + torch.randn(60, 3).double()
    y = scores.argmax(dim=1) if outputs == 3 else (scores[:, 0] > 0).long()
    minimum = fitted(X, y, outputs=outputs, loss=loss, ridge=0.02)
    result = estimate_gap(minimum.trained(weight_decay=0.02))
    exact = leave_one_out_refits(minimum, outputs=outputs, ridge=0.02)
    assert result.alo_loss is not None
    # One Newton step: the error is second order in the displacement, leverage ~ p/n = 0.2.
    gap = float((exact - result.train_loss).mean())
    assert result.estimates["alo_ggn"].value == pytest.approx(gap, rel=0.05)
    assert float((result.alo_loss - exact).abs().max()) < 0.1 * float(exact.max())
    assert result.converged is True


def linear_gaussian(noise: float, n: int = 200) -> Minimum:
    torch.manual_seed(1)
    X = torch.randn(n, 10).double()
    y = X @ torch.randn(10, 1).double() + noise * torch.randn(n, 1).double()
    return fitted(X, y, outputs=1, loss="mse", ridge=1e-3)


def test_leave_one_out_of_ridge_regression_is_exact() -> None:
    minimum = linear_gaussian(1.0, n=50)
    result = estimate_gap(minimum.trained(weight_decay=1e-3))
    exact = leave_one_out_refits(minimum, outputs=1, ridge=1e-3)
    # Quadratic loss: the Newton step is the refit; both solve the same systems to 1e-12.
    assert result.alo_loss is not None
    assert torch.allclose(result.alo_loss, exact, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("noise", [0.1, 3.0])
def test_soft_rank_and_tic_differ_by_the_noise_variance(noise: float) -> None:
    result = estimate_gap(linear_gaussian(noise).trained(weight_decay=1e-3))
    value = {key: each.value or 0.0 for key, each in result.estimates.items()}
    # TIC = σ² × soft rank in expectation; n = 200 residuals give σ² to √(2/200) = 10%, 4 s.d. used.
    assert value["tic_ggn"] / value["soft_rank_ggn"] == pytest.approx(noise**2, rel=0.4)
    assert value["soft_rank_ggn_noise_corrected"] == pytest.approx(value["alo_ggn"], rel=0.4)


def small_classifier() -> Minimum:
    torch.manual_seed(0)
    X = torch.randn(150, 4).double()
    y = (X[:, :3] + torch.randn(150, 3)).argmax(dim=1)
    network = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)).double()
    optimizer = torch.optim.LBFGS(network.parameters(), max_iter=80, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        ridge = sum(q.square().sum() for q in network.parameters())
        loss = nn.functional.cross_entropy(network(X), y) + 0.005 * ridge
        loss.backward()
        return loss

    optimizer.step(closure)  # type: ignore[arg-type]
    return prepare(network, X, y)


def test_unknown_lambda_gives_curves_and_asks_for_what_is_missing() -> None:
    result = estimate_gap(small_classifier(), lambdas=[0.0123])
    assert result.headline is None
    assert result.verdict == "no_estimate"
    assert "weight decay, or the optimizer with lr, schedule and steps" in result.reason
    assert 0.0123 in result.curves["lambda"]
    assert len(result.curves["alo_ggn"]) == 26


def test_schedule_gives_lambda_eff() -> None:
    result = estimate_gap(
        small_classifier().trained(lr=0.1, momentum=0.9, steps=1000, weight_decay=1e-3)
    )
    assert result.lambda_ == pytest.approx(1e-3 + 0.1 / 100, rel=1e-12)


def test_convolution_and_batch_norm_agree_on_both_routes() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 2, 3, stride=2, padding=1, bias=False),  # a bias would be left out of λ
        nn.BatchNorm2d(2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(8, 3),
    )
    minimum = prepare(network, torch.randn(20, 1, 4, 4), torch.randint(0, 3, (20,)))
    primal, dual = (
        estimate_gap(minimum.trained(weight_decay=0.1), budget=Budget(route=route))
        for route in ("primal", "dual")
    )
    assert dual.curves["alo_ggn"] == pytest.approx(primal.curves["alo_ggn"], rel=1e-8)
    assert primal.estimates["kfac_soft_rank"].value is not None
    # BatchNorm has no Kronecker factor: said, not guessed.
    assert primal.estimates["kfac_tic"].value is None


def test_a_label_out_of_range_is_refused_with_its_value() -> None:
    minimum = small_classifier()
    bad = Minimum(minimum.network, minimum.inputs, minimum.targets + 5)
    with pytest.raises(ValueError, match=r"Label 7 is outside 0\.\.2"):
        estimate_gap(bad.trained(weight_decay=0.01))
