"""What is tracked equals dense linear algebra on the same sample."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

import minimascope as ms
from minimascope.contract.report.edge import stability_limit
from minimascope.curvature.products.operator import from_matrix
from minimascope.curvature.spectrum.warm_pairs import top_pairs
from tests.cases.script import Trained, trained

DENSE = {"budget": None, "dtype": "float64"}


def dense(script: Trained) -> Tensor:
    """H of the mean loss over all training examples, float64."""
    names = [name for name, _ in script.model.named_parameters()]
    shapes = [q.shape for q in script.model.parameters()]
    flat = torch.cat([q.detach().double().reshape(-1) for q in script.model.parameters()])

    def loss(theta: Tensor) -> Tensor:
        parts = theta.split([shape.numel() for shape in shapes])
        named = {n: p.view(s) for n, p, s in zip(names, parts, shapes, strict=True)}
        outputs = torch.func.functional_call(script.model, named, (script.X.double(),))
        return nn.functional.cross_entropy(outputs, script.y)

    return torch.autograd.functional.hessian(loss, flat)


def followed(script: Trained, **more: object) -> ms.Report:
    tracker = ms.track(
        script.model, script.loader, script.criterion, script.optimizer, **{**DENSE, **more}
    )
    tracker.measure()
    return tracker.result.report


def test_pairs_and_trace_are_those_of_h() -> None:
    script = trained()
    values = torch.linalg.eigvalsh(dense(script)).flip(0)
    found = followed(script).spectrum
    assert found
    # A Ritz value is off by at most residual², and residuals are asked to be 1% of λ₁.
    assert found.eigenvalues == pytest.approx(values[:2].tolist(), abs=1e-3 * float(values[0]))
    assert found.trace.value is not None
    error = found.trace.standard_error
    assert error is not None
    assert abs(found.trace.value - float(values.sum())) < 4 * error


def test_sgd_is_measured_against_2_over_lr_with_its_decay() -> None:
    script = trained()
    found = followed(script).tracked
    assert found
    largest = float(torch.linalg.eigvalsh(dense(script))[-1])
    assert found.sharpness == pytest.approx(largest + 0.02, rel=1e-3)
    assert found.limit == pytest.approx(2 / 0.05)
    assert found.limit_words == "2/lr"


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW])
def test_adam_is_measured_in_its_own_metric(kind: type[torch.optim.Optimizer]) -> None:
    script = trained(kind)
    found = followed(script).tracked
    assert found
    roots, steps = [], 0.0
    for q in script.model.parameters():
        state = script.optimizer.state[q]
        steps = float(state["step"])
        roots.append((state["exp_avg_sq"].double() / (1 - 0.999**steps)).sqrt().reshape(-1) + 1e-8)
    D = torch.cat(roots)
    H = dense(script)
    if kind is torch.optim.Adam:  # weight decay goes through the metric
        H = H + 0.02 * torch.eye(len(H), dtype=H.dtype)
    largest = float(torch.linalg.eigvalsh(H / (D[:, None] * D[None]).sqrt())[-1])
    decay = 0.02 if kind is torch.optim.AdamW else 0.0
    assert found.sharpness == pytest.approx(largest + decay, rel=2e-3)
    assert found.limit == pytest.approx(38 / 0.05 * (1 - 0.9**steps))


def test_groups_with_rates_of_their_own_are_one_metric() -> None:
    script = trained()
    first, last = script.model[0], script.model[2]
    groups = [
        {"params": list(first.parameters()), "lr": 0.2, "weight_decay": 0.0},
        {"params": list(last.parameters()), "lr": 0.05, "weight_decay": 0.1},
    ]
    optimizer = torch.optim.SGD(groups, lr=1.0, momentum=0.5)
    other = Trained(script.model, script.X, script.y, script.test, script.criterion, optimizer)
    found = followed(other).tracked
    assert found
    small = sum(q.numel() for q in first.parameters())
    H = dense(script)
    scale = torch.full((len(H),), 0.25, dtype=H.dtype)
    scale[:small] = 1.0
    decay = torch.full((len(H),), 0.1, dtype=H.dtype)
    decay[:small] = 0.0
    seen = scale.sqrt()[:, None] * (H + torch.diag(decay)) * scale.sqrt()[None]
    largest = float(torch.linalg.eigvalsh(seen)[-1])
    assert found.sharpness == pytest.approx(largest, rel=2e-3)
    assert found.limit == pytest.approx(2 * 1.5 / 0.2)


def test_a_sum_over_the_batch_is_a_mean_with_larger_steps() -> None:
    script = trained()
    summed = Trained(
        script.model,
        script.X,
        script.y,
        script.test,
        nn.CrossEntropyLoss(reduction="sum"),
        torch.optim.SGD(script.model.parameters(), lr=0.05 / 12, weight_decay=0.02 * 12),
    )
    mean, total = followed(script).tracked, followed(summed).tracked
    assert mean
    assert total
    for name in ("lr", "limit", "sharpness"):
        assert getattr(total, name) == pytest.approx(getattr(mean, name), rel=1e-6), name


def test_soft_rank_is_that_of_the_ggn() -> None:
    script = trained()
    tracker = ms.track(
        script.model,
        script.loader,
        script.criterion,
        script.optimizer,
        **DENSE,  # type: ignore[arg-type]
    )
    for _ in range(3):
        script.optimizer.step()
        tracker()
    found = tracker.history[-1]
    model, X = copy.deepcopy(script.model).double(), script.X.double()
    J = torch.func.jacrev(lambda p: torch.func.functional_call(model, p, (X,)))(
        {n: q.detach() for n, q in model.named_parameters()}
    )
    rows = torch.cat([each.flatten(2) for each in J.values()], dim=2)
    probabilities = model(X).softmax(dim=1).detach()
    middle = torch.diag_embed(probabilities) - probabilities[:, :, None] * probabilities[:, None]
    ggn = torch.einsum("nkp,nkl,nlq->pq", rows, middle, rows) / len(rows)
    e = torch.linalg.eigvalsh(ggn).clamp_min(0)
    ridge = 0.02 + 1 / (3 * 0.05)
    assert found.soft_rank_at == pytest.approx(ridge)
    assert found.soft_rank == pytest.approx(float((e / (e + ridge)).sum()), rel=1e-4)


@pytest.mark.parametrize(
    ("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.5, False), (0.9, True), (0.5, True)]
)
def test_sgd_leaves_a_parabola_above_its_limit_alone(momentum: float, nesterov: bool) -> None:
    lr = 0.1
    limit = stability_limit(lr, momentum=momentum, nesterov=nesterov)

    def ends(curvature: float) -> float:
        x = torch.ones(1, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.SGD([x], lr=lr, momentum=momentum, nesterov=nesterov)
        for _ in range(2000):
            optimizer.zero_grad()
            (0.5 * curvature * x.square()).sum().backward()
            optimizer.step()
        return abs(float(x.detach()))

    assert ends(0.99 * limit) < 1
    assert ends(1.01 * limit) > 1e3


def test_adam_with_a_metric_that_stands_has_38_over_lr() -> None:
    lr, beta1 = 0.1, 0.9
    limit = stability_limit(lr, beta1=beta1)
    assert limit == pytest.approx(38 / lr)

    def ends(curvature: float) -> float:
        x, mean = 1.0, 0.0
        for _ in range(4000):
            mean = beta1 * mean + (1 - beta1) * curvature * x
            x -= lr * mean
        return abs(x)

    assert ends(0.99 * limit) < 1
    assert ends(1.01 * limit) > 1e3


def test_a_direction_that_grew_meanwhile_is_found() -> None:
    torch.manual_seed(0)
    basis = torch.linalg.qr(torch.randn(300, 300, dtype=torch.float64)).Q
    values = torch.logspace(0, -3, 300, dtype=torch.float64)
    before = basis[:, :2].T
    values[200] = 3.0  # orthogonal to all that was known
    operator = from_matrix(basis @ torch.diag(values) @ basis.T)
    found = top_pairs(operator, before, count=2, seed=1)
    assert found.values.tolist() == pytest.approx([3.0, 1.0], rel=1e-3)
    assert abs(float(found.vectors[0] @ basis[:, 200])) > 0.99


def test_pairs_that_hardly_moved_cost_a_few_products() -> None:
    torch.manual_seed(0)
    basis = torch.linalg.qr(torch.randn(300, 300, dtype=torch.float64)).Q
    values = torch.logspace(0, -3, 300, dtype=torch.float64)
    operator = from_matrix(basis @ torch.diag(values) @ basis.T)
    cold = top_pairs(operator, None, count=2, seed=1)
    warm = top_pairs(operator, cold.vectors, count=2, seed=2)
    assert warm.products <= 6
    assert warm.products < cold.products


def test_full_batch_descent_ends_at_the_edge_of_stability() -> None:
    """Cohen et al. 2021: λ₁ rises to 2/lr and stays about there."""
    torch.manual_seed(0)
    X = torch.randn(300, 2)
    y = (X[:, 0] * X[:, 1] > 0).long()
    model = nn.Sequential(
        nn.Linear(2, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 2)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    criterion = nn.CrossEntropyLoss()
    tracker = ms.track(model, (X, y), criterion, optimizer, every=100, budget=None, examples=300)
    for _ in range(600):
        optimizer.zero_grad()
        criterion(model(X), y).backward()
        optimizer.step()
        tracker()
    found = [t.sharpness / t.limit for t in tracker.history if t.sharpness and t.limit]
    # Late in training with cross-entropy it falls again; here it stands.
    assert found[-3:] == pytest.approx([1.0] * 3, abs=0.1)
