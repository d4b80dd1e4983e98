"""The gap of language models whose logits do not stand at once, against that with all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from minimascope.curvature.gap import sequences, sequences_left_out
from minimascope.curvature.gap.estimate import estimate_gap
from minimascope.curvature.gap.result import GapResult
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products import token_head
from minimascope.curvature.products.ggn import GgnSum
from minimascope.curvature.products.gradient import example_gradients, mean_gradient
from minimascope.curvature.products.token_head import token_head as head_of
from minimascope.curvature.running.clock import Clock
from minimascope.curvature.running.run import Run
from minimascope.curvature.sweep import deflated, of_all_examples
from minimascope.curvature.sweep.route import Budget
from minimascope.objective import tokens
from minimascope.objective.cross_entropy import CrossEntropy
from minimascope.objective.objective import Objective
from minimascope.objective.optimiser import Optimiser
from minimascope.objective.penalty import Penalty
from minimascope.objective.tokens import TokenCrossEntropy
from tests.cases.watched_results import LargestLogits

WORDS, WIDTH, LENGTH, SEQUENCES, DECAY = 9, 4, 6, 7, 0.05
MANY = 61  # words, a number that nothing else has
# Of a sequence left out there are 8 to 10 products: enough for two of them, and for one.
ENOUGH, TOO_SHORT = 25.0, 12.0


class Tiny(nn.Module):
    """Embedding, causal attention and a tanh layer, then a logit for every word."""

    def __init__(self, kind: str = "", *, words: int = WORDS) -> None:
        super().__init__()
        self.words = nn.Embedding(words, WIDTH)
        self.mixed = nn.Linear(WIDTH, WIDTH)
        self.head = nn.Linear(WIDTH, words)
        self.capped = kind == "capped"
        if kind == "tied":
            self.head.weight = self.words.weight
        if kind == "frozen head":
            self.head.requires_grad_(False)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.words(ids)
        x = x + nn.functional.scaled_dot_product_attention(x, x, x, is_causal=True)
        z = self.head(torch.tanh(self.mixed(x)))
        return 3 * torch.tanh(z / 3) if self.capped else z


def texts(count: int, seed: int) -> tuple[Tensor, Tensor]:
    whole = torch.randint(0, WORDS, (count, LENGTH + 1), generator=torch.manual_seed(seed))
    after = whole[:, 1:].clone()
    after[0, :2] = -100
    return whole[:, :-1], after


TEST = texts(5, 1)


def trained(objective: Objective, kind: str = "") -> Minimum:
    """To the minimum of the penalised loss, as near as 300 steps of L-BFGS come."""
    torch.manual_seed(0)
    network, data = Tiny(kind).double(), texts(SEQUENCES, 0)
    moving = [q for q in network.parameters() if q.requires_grad]
    found = prepare(network, *data, loss=objective)
    step = torch.optim.LBFGS(moving, max_iter=300, tolerance_grad=1e-9)

    def closure() -> Tensor:
        step.zero_grad()
        value = found.loss.values(network(found.inputs).flatten(1), found.targets).mean()
        norms = sum((q.square().sum() for q in moving), torch.zeros(()))
        value = value + DECAY / 2 * norms
        value.backward()
        return value

    step.step(closure)
    return found


def told(each: CrossEntropy = CrossEntropy(), **optimiser: Any) -> Objective:
    return Objective(TokenCrossEntropy(each), Penalty(DECAY), Optimiser(**optimiser))


@pytest.fixture(scope="module")
def minimum() -> Minimum:
    return trained(told())


def many(
    case: Minimum, monkeypatch: pytest.MonkeyPatch, words: int = WORDS, **more: Any
) -> GapResult:
    """As if its logits were too many; two positions' stand at a time."""
    monkeypatch.setattr(sequences, "MOST_LOGITS", 0)
    monkeypatch.setattr(token_head, "CHUNK_BYTES", 2 * words * 8)
    monkeypatch.setattr(token_head, "LOGITS_AT_ONCE", 2 * LENGTH * words)
    monkeypatch.setattr(tokens, "MASSES_AT_ONCE", 2 * LENGTH * words)
    return estimate_gap(case, test=TEST, **more)


@dataclass(frozen=True)
class Pair:
    """One minimum both ways, and how near to each other its numbers have to be."""

    kind: str
    small: GapResult
    found: GapResult
    close: float

    def near(self, value: Any, rel: float = 1e-3) -> Any:
        return pytest.approx(value, rel=max(rel, self.close), abs=1e-6)


CLASS_WEIGHTS = tuple(0.5 + 0.2 * k for k in range(WORDS))
LOSSES = {"smoothed": CrossEntropy(0.1), "weighted": CrossEntropy(0.0, CLASS_WEIGHTS)}
KINDS = ["minimum", "smoothed", "weighted", "capped", "tied", "frozen head", "float32"]


@pytest.fixture(scope="module", params=KINDS)
def pair(request: pytest.FixtureRequest) -> Pair:
    kind = request.param
    case = trained(told(LOSSES.get(kind, CrossEntropy())), kind)
    assert (head_of(case) is None) == (kind == "capped")
    small = estimate_gap(case, test=TEST)
    if kind == "float32":
        data, loss = (case.inputs, case.targets), case.objective
        case = prepare(case.network, *data, loss=loss, dtype=torch.float32)
    with pytest.MonkeyPatch.context() as monkeypatch:
        found = many(case, monkeypatch)
    return Pair(kind, small, found, 1e-3 if kind == "float32" else 1e-9)


def test_losses_and_the_measured_gap_are_those_with_all_logits(pair: Pair) -> None:
    torch.testing.assert_close(
        pair.found.train_loss, pair.small.train_loss, rtol=pair.close, atol=1e-6
    )
    assert pair.found.measured is not None
    assert pair.small.measured is not None
    for mine, theirs in zip(pair.found.measured[:2], pair.small.measured[:2], strict=True):
        assert mine == pytest.approx(theirs, rel=pair.close, abs=1e-6)


def test_gradient_and_ridge_are_those_with_all_logits(pair: Pair) -> None:
    """A minimum that was rounded to float32 has a gradient that is all rounding."""
    found, small = pair.found, pair.small
    assert found.converged
    assert (found.lambda_, found.lambda_source) == (small.lambda_, small.lambda_source)
    if pair.kind != "float32":
        for name in ("gradient_norm", "gradient_share", "regularized_gradient_norm"):
            assert getattr(found, name) == pair.near(getattr(small, name), 1e-9), name


def test_sequences_left_out_are_those_with_all_logits(pair: Pair) -> None:
    found, small = pair.found, pair.small
    names = ["alo_moved", "alo_ggn"]
    names += ["alo_trained", "measured_trained"] if pair.kind in LOSSES else []
    for name in names:
        mine, theirs = found.estimates[name], small.estimates[name]
        assert mine.value == pair.near(theirs.value), name
        assert mine.standard_error == pair.near(theirs.standard_error), name
    for name in ("alo_loss", "moved_loss"):
        mine, theirs = getattr(found, name), getattr(small, name)
        torch.testing.assert_close(mine, theirs, rtol=max(pair.close, 1e-3), atol=1e-6)


def test_what_is_of_all_sequences_agrees_within_its_error(pair: Pair) -> None:
    found, small = pair.found, pair.small
    for name in ("soft_rank_ggn", "tic_ggn", "tic_ggn_uncentred"):
        mine, theirs = found.estimates[name], small.estimates[name]
        apart = abs(mine.value - theirs.value)
        assert apart <= 4 * mine.standard_error + 1e-3 * theirs.value, name
        drawn = [x for x in found.curves[name] if x is not None]
        assert len(drawn) > len(found.curves["lambda"]) / 2, name
    for name in ("sam_0.05", "asam_0.5", "theta_squared_norm", "fisher_rao", "parameters_over_n"):
        assert found.baselines[name] == pair.near(small.baselines[name]), name


def test_verdict_and_headline_are_those_with_all_logits(pair: Pair) -> None:
    found, small = pair.found, pair.small
    assert found.verdict == small.verdict == "uncertain"
    assert found.reason == small.reason
    assert found.headline is not None
    assert small.headline is not None
    assert found.headline.value == pair.near(small.headline.value)
    assert found.headline.ninety.high == pair.near(small.headline.ninety.high, 0.1)
    assert found.diagnostics["t_alo"] == pair.near(small.diagnostics["t_alo"], 0.02)
    assert found.diagnostics["top5_share"] == pair.near(small.diagnostics["top5_share"])


def test_what_is_not_known_has_its_name_and_a_reason(pair: Pair) -> None:
    for section in ("estimates", "baselines", "diagnostics", "curves"):
        assert set(getattr(pair.found, section)) <= set(getattr(pair.small, section)), section
    nothing = [each for each in pair.found.estimates.values() if each.value is None]
    assert all("all positions" in each.method for each in nothing)


def test_each_sequence_is_left_out_as_dense_matrices_say(
    minimum: Minimum, monkeypatch: pytest.MonkeyPatch
) -> None:
    """θ + (A − H_i)⁻¹ g_i/n with every matrix written out."""
    case = minimum
    J = torch.func.jacrev(lambda q: case.logits(q, case.inputs).flatten(1))(case.theta)
    f = case.logits(case.theta, case.inputs).flatten(1).detach()
    Λ, r = case.loss.curvatures(f, case.targets), case.loss.residual(f, case.targets)
    own = torch.einsum("ikp,ikl,ilq->ipq", J, Λ, J) / case.n
    A = own.sum(0) + DECAY * torch.eye(case.dim, dtype=torch.float64)
    g = torch.einsum("ikp,ik->ip", J, r)
    torch.testing.assert_close(
        example_gradients(case, torch.arange(case.n)), g, rtol=1e-9, atol=1e-13
    )
    torch.testing.assert_close(mean_gradient(case), g.mean(0), rtol=1e-8, atol=1e-13)
    steps = torch.stack([torch.linalg.solve(A - own[i], g[i]) for i in range(case.n)]) / case.n
    moved, linear = [], []
    for i, step in enumerate(steps):
        at = case.logits(case.theta + step, case.inputs[i : i + 1]).flatten(1)
        y = case.targets[i : i + 1]
        moved.append(case.loss.values(at, y))
        linear.append(case.loss.values((f[i] + J[i] @ step)[None], y))
    found = many(case, monkeypatch)
    torch.testing.assert_close(found.moved_loss, torch.cat(moved).detach(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(found.alo_loss, torch.cat(linear), rtol=1e-4, atol=1e-6)


def test_the_logits_of_all_positions_never_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of two sequences do, where a BatchNorm is looked for."""
    torch.manual_seed(0)
    objective = told(name="adamw", lr=1e-2, steps=100)  # second moments from gradients
    case = prepare(Tiny(words=MANY).double(), *texts(SEQUENCES, 0), loss=objective)
    monkeypatch.setattr(of_all_examples, "PROBES", 3)
    monkeypatch.setattr(deflated, "DEFLATED", 0)
    with LargestLogits(MANY, LENGTH * MANY) as largest:
        found = many(case, monkeypatch, MANY)
    assert found.estimates["alo_moved"].value is not None
    assert largest.numbers // MANY <= 2 * LENGTH < SEQUENCES * LENGTH


def test_before_a_minimum_there_are_estimates_and_no_headline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(0)
    objective = told(name="adamw", lr=1e-2, steps=100)
    case = prepare(Tiny().double(), *texts(SEQUENCES, 0), loss=objective)
    small = estimate_gap(case, test=TEST)
    found = many(case, monkeypatch)
    assert found.converged is False
    assert found.lambda_ == pytest.approx(small.lambda_)
    known = small.estimates["alo_moved"].value
    assert found.estimates["alo_moved"].value == pytest.approx(known, rel=1e-3)
    assert found.headline is None
    assert "stopped before the minimum" in found.reason
    assert {each.name for each in found.checks} >= {"convergence", "interpolation"}


def test_without_a_ridge_there_are_losses_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    objective = Objective(TokenCrossEntropy())
    case = prepare(Tiny().double(), *texts(SEQUENCES, 0), loss=objective)
    found = many(case, monkeypatch)
    assert found.lambda_ is None
    assert found.headline is None
    assert found.curves["lambda"] == []
    assert found.measured is not None
    assert "alo_moved" not in found.estimates


def test_too_little_time_is_one_sentence(minimum: Minimum, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"A product with the GGN takes .* Give it more time"):
        many(minimum, monkeypatch, budget=Budget(seconds=1e-6))


@pytest.fixture
def a_second_a_product(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock goes by products of sequences left out alone, one sequence at a time."""
    gone = [0.0]

    def counted(
        self: GgnSum, V: Tensor, own: Tensor, product: Any = GgnSum.without
    ) -> tuple[Tensor]:
        gone[0] += len(V)
        found: tuple[Tensor] = product(self, V, own)
        return found

    monkeypatch.setattr(GgnSum, "without", counted)
    monkeypatch.setattr(Clock, "used", property(lambda _: gone[0]))
    monkeypatch.setattr(sequences_left_out, "AT_ONCE", 1)


@pytest.mark.usefixtures("a_second_a_product")
def test_time_that_is_short_is_kept_with_fewer_sequences(
    minimum: Minimum, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = list[str]()
    run = Run(progress=lambda _done, said: heard.append(said))
    found = many(minimum, monkeypatch, budget=Budget(seconds=ENOUGH), run=run)
    moved = found.estimates["alo_moved"]
    assert "leave-one-out of 2 sequences" in moved.method
    assert moved.value is not None
    assert moved.standard_error is not None
    assert math.isfinite(moved.standard_error)
    assert found.plan.actual_products
    assert any("left out" in said for said in heard)


@pytest.mark.usefixtures("a_second_a_product")
def test_steps_that_time_broke_off_are_no_estimate(
    minimum: Minimum, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = many(minimum, monkeypatch, budget=Budget(seconds=TOO_SHORT))
    assert found.verdict == "no_estimate"
    assert found.headline is None
    assert "Time was over" in found.reason
    for name in ("alo_moved", "alo_ggn"):
        assert found.estimates[name] == (None, None, found.reason)
    assert found.estimates["soft_rank_ggn"].value is not None
    assert found.diagnostics["t_alo"] is None
    assert not any(found.curves["alo_ggn"])


def test_what_was_finished_is_not_done_again(
    minimum: Minimum, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    run = Run(state_path=tmp_path / "state.npz")
    first = many(minimum, monkeypatch, run=run)
    monkeypatch.setattr("minimascope.curvature.gap.sequences_left_out.steps_without", None)
    again = many(minimum, monkeypatch, run=run)
    assert again.estimates["alo_moved"] == first.estimates["alo_moved"]
