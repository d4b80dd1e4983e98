"""A loop that is tracked trains as one that is not, and measuring keeps to its share of time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

import minimascope as ms
from minimascope.contract.problems import ProblemError
from minimascope.tracking.pacing import Pace


def data(n: int = 400) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(n, 2, generator=generator)
    return X, (X[:, 0] * X[:, 1] > 0).long()


def network() -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return nn.Sequential(
            nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.1), nn.Linear(8, 2)
        )


def train(steps: int, *, tracked: bool) -> tuple[list[Tensor], tuple[object, ...]]:
    """Weights of the end, and the random states there."""
    torch.manual_seed(7)
    np.random.seed(7)
    random.seed(7)
    X, y = data()
    model, criterion = network().train(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loader = DataLoader(TensorDataset(X, y), batch_size=40, shuffle=True)
    tracker = ms.track(model, loader, criterion, optimizer, every=5, budget=None)
    done = 0
    while done < steps:
        for inputs, targets in loader:
            optimizer.zero_grad()
            criterion(model(inputs), targets).backward()
            optimizer.step()
            done += 1
            if tracked:
                tracker()
    grads = [q.grad.clone() for q in model.parameters() if q.grad is not None]
    state = [each.clone() for each in model.state_dict().values()]
    assert all(module.training for module in model.modules())
    assert tracked == (len(tracker.history) == done // 5)
    return [*state, *grads], (torch.rand(3).tolist(), np.random.rand(), random.random())


def test_training_is_the_same_to_the_last_digit() -> None:
    plain, after_plain = train(20, tracked=False)
    followed, after_followed = train(20, tracked=True)
    assert all(torch.equal(a, b) for a, b in zip(plain, followed, strict=True))
    assert after_plain == after_followed


def test_within_with_steps_count_themselves_and_end_is_measured() -> None:
    X, y = data()
    model, criterion = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    logged: list[dict[str, float]] = []
    with ms.track(
        model, (X, y), criterion, optimizer, test=(X, y), every=4, budget=None, log=logged.append
    ) as tracker:
        for _ in range(10):
            optimizer.zero_grad()
            criterion(model(X), y).backward()
            optimizer.step()
    assert [each.step for each in tracker.history] == [4, 8, 10]
    assert not optimizer._optimizer_step_post_hooks
    assert len(logged) == 3
    wanted = {"lambda_max", "trace", "sharpness", "limit", "soft_rank", "gap", "margin", "g"}
    assert {f"minimascope/{name}" for name in wanted} <= set(logged[-1])
    assert logged[-1]["minimascope/gap"] == pytest.approx(0.0, abs=0.3)
    assert tracker.frame().index.tolist() == [4, 8, 10]
    assert "Tracked along training at step 10" in str(tracker.result)


def test_a_run_too_short_for_any_is_measured_at_its_end() -> None:
    X, y = data(40)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with ms.track(model, (X, y), nn.CrossEntropyLoss(), optimizer, budget=1e-9) as tracker:
        optimizer.step()
    assert [each.step for each in tracker.history] == [1]
    assert tracker.overhead > 1e-9


def test_without_with_a_table_is_never_empty() -> None:
    model = network()
    tracker = ms.track(model, data(40), nn.CrossEntropyLoss(), budget=1e-9)
    assert tracker() is None
    assert tracker.frame().index.tolist() == [1]
    assert tracker.result.report.tracked == tracker.history[0]


def test_a_schedule_that_ends_at_0_is_measured_at_the_rate_of_its_last_step() -> None:
    X, y = data(80)
    model, criterion = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=4)
    with ms.track(model, (X, y), criterion, optimizer, every=9) as tracker:
        for _ in range(4):
            optimizer.zero_grad()
            criterion(model(X), y).backward()
            optimizer.step()
            schedule.step()
    assert optimizer.param_groups[0]["lr"] == 0
    (row,) = tracker.history
    assert row.lr == pytest.approx(0.025)
    assert row.limit == pytest.approx(2 / row.lr)
    assert row.sharpness is not None


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("cost", [0.01, 0.5, 3.0])
def test_measuring_stays_within_its_share_once_its_cost_is_known(cost: float) -> None:
    clock = Clock()
    pace = Pace(0.05, 10, clock=clock)
    pace.expected = cost
    with pace.preparing():
        clock.now += 2 * cost
    done: list[int] = []
    for step in range(1, 20_001):
        clock.now += 0.01
        if pace.due(step):
            with pace.measuring(step):
                clock.now += cost
            done.append(step)
            assert pace.overhead <= 0.05 + 1e-9
    assert done
    # And no less is measured than fits.
    assert pace.overhead > 0.03 or all(b - a == 10 for a, b in pairwise(done))


def test_a_measurement_that_took_longer_than_expected_is_made_up_for() -> None:
    clock = Clock()
    pace = Pace(0.05, 1, clock=clock)
    pace.expected = 0.001
    worst, last = 0.0, 0.0
    for step in range(1, 5001):
        clock.now += 0.01
        if pace.due(step):
            with pace.measuring(step):
                clock.now += 0.2
            worst = max(worst, pace.overhead)
        last = pace.overhead
    assert worst > 0.05
    assert last <= 0.05


class Stream(IterableDataset[tuple[Tensor, Tensor]]):
    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        X, y = data(100)
        return iter(zip(X, y, strict=True))


def holders() -> dict[str, object]:
    X, y = data(100)
    pairs = TensorDataset(X, y)
    return {
        "tensors": (X, y),
        "arrays": (X.numpy(), y.numpy()),
        "data set": pairs,
        "loader": DataLoader(pairs, batch_size=16, shuffle=True),
        "batches": [(X[:50], y[:50]), (X[50:], y[50:])],
        "stream": DataLoader(Stream(), batch_size=16),
    }


@pytest.mark.parametrize("kind", holders())
def test_any_data_of_a_script_give_the_sample(kind: str) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    tracker = ms.track(
        model, holders()[kind], nn.CrossEntropyLoss(), optimizer, examples=32, budget=None
    )
    found = tracker.measure()
    assert found.examples == 32
    # A stream is read no further than for the sample and what stands beside it.
    assert found.total == (64 if kind == "stream" else 100)
    assert found.sharpness_least is not None


WRONG = {
    "no data": ({"data": None}, "No training data came"),
    "used up": ({"data": iter([])}, "gone over once"),
    "every": ({"every": 0}, "every is 0"),
    "budget": ({"budget": 0}, "no time to measure in"),
    "run": ({"run": "a"}, "publish= and run= go together"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_use_is_one_sentence(name: str) -> None:
    more, sentence = WRONG[name]
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    given = {"data": data(), "optimizer": optimizer, **more}
    with pytest.raises(ProblemError, match=sentence):
        ms.track(model, criterion=nn.CrossEntropyLoss(), **given)  # type: ignore[arg-type]


def test_a_server_that_is_away_stops_no_training() -> None:
    X, y = data(60)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    tracker = ms.track(
        model,
        (X, y),
        nn.CrossEntropyLoss(),
        optimizer,
        budget=None,
        publish="http://127.0.0.1:9",
        run="away",
    )
    with pytest.warns(UserWarning, match="step 1 was not published"):
        tracker(1)
    tracker(2)
    assert len(tracker.history) == 2
