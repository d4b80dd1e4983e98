"""A spectrum of some of the examples: that of those alone, and how far it holds for all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from minimascope.analysis.planning import advice, predicted
from minimascope.analysis.session.opening import Files, open_files
from minimascope.contract.parameters import Parameters
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.spectrum.plan import plan_spectrum
from minimascope.curvature.spectrum.sample import curvature_on_all, drawn
from minimascope.curvature.spectrum.wanted import Wanted
from tests.cases.analyses import analysed, save

N = 240
ARCHITECTURE = {"family": "mlp", "activation": "relu"}


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))


@pytest.fixture(scope="module")
def trained() -> tuple[nn.Sequential, Tensor, Tensor]:
    """p = 51 on three blobs, trained with a weight decay."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        labels = torch.arange(N) % 3
        inputs = torch.randn(N, 4) + 1.2 * nn.functional.one_hot(labels, 4)
        made = network()
    optimiser = torch.optim.LBFGS(made.parameters(), max_iter=200)

    def loss() -> Tensor:
        optimiser.zero_grad()
        decay = 0.005 * sum(q.square().sum() for q in made.parameters())
        value = nn.functional.cross_entropy(made(inputs), labels) + decay
        value.backward()
        return value

    optimiser.step(loss)
    return made, inputs, labels


@pytest.fixture
def folder(tmp_path: Path, trained: tuple[nn.Sequential, Tensor, Tensor]) -> Path:
    save(tmp_path, trained[0], trained[1:])
    return tmp_path


@pytest.fixture
def minimum(trained: tuple[nn.Sequential, Tensor, Tensor]) -> Minimum:
    return prepare(network_like(trained[0]), *trained[1:])


def network_like(made: nn.Sequential) -> nn.Sequential:
    copy = network()
    copy.load_state_dict(made.state_dict())
    return copy


def dense(minimum: Minimum, rows: Tensor) -> Tensor:
    """∇²L over these rows by autograd's own Hessian: nothing of the project's."""
    named = {name: q.detach() for name, q in minimum.network.named_parameters()}
    shapes = [(name, q.shape, q.numel()) for name, q in named.items()]

    def loss(theta: Tensor) -> Tensor:
        parts = theta.split([size for _, _, size in shapes])
        given = {
            name: part.view(shape) for (name, shape, _), part in zip(shapes, parts, strict=True)
        }
        logits = functional_call(minimum.network, given, (minimum.inputs[rows],))
        return nn.functional.cross_entropy(logits, minimum.targets[rows])

    theta = torch.cat([q.reshape(-1) for q in named.values()])
    return torch.autograd.functional.hessian(loss, theta)


def asked(**more: Any) -> Parameters:
    given = {"architecture": ARCHITECTURE, "stages": ["spectrum", "density"], "top_k": 4} | more
    return Parameters(**given)


def test_the_spectrum_is_that_of_the_drawn_examples_alone(folder: Path, minimum: Minimum) -> None:
    report, arrays = analysed(folder, asked(spectrum_examples=60, seed=5))
    rows = drawn(N, 60, seed=5).sampled
    exact = torch.linalg.eigvalsh(dense(minimum, rows)).flip(0)
    spectrum = report.spectrum
    assert spectrum is not None
    assert np.allclose(spectrum.eigenvalues, exact[:4], rtol=1e-8, atol=0)
    assert spectrum.trace.value == pytest.approx(float(exact.sum()), rel=1e-8)
    assert spectrum.sample is not None
    assert (spectrum.sample.examples, spectrum.sample.total) == (60, N)
    assert spectrum.sample.held_out == 60
    assert report.data.train.n == N
    assert len(arrays.arrays["eigenvectors"]) == 4


def test_with_every_other_example_held_out_nothing_is_left_to_chance(
    folder: Path, minimum: Minimum
) -> None:
    report, arrays = analysed(folder, asked(spectrum_examples=150))
    whole = dense(minimum, torch.arange(N))
    spectrum = report.spectrum
    assert spectrum is not None
    assert spectrum.sample is not None
    assert spectrum.sample.held_out == 90
    vectors = torch.tensor(arrays.arrays["eigenvectors"])
    exact = [float(v @ whole @ v) for v in vectors]
    found = [each.value for each in spectrum.sample.on_all]
    assert np.allclose(found, exact, rtol=1e-7, atol=1e-9)
    assert [each.standard_error for each in spectrum.sample.on_all] == [None] * 4


def test_the_standard_error_covers_and_the_largest_lies_between(minimum: Minimum) -> None:
    """Over seeds: z-scores as of a normal, λ₁ of all between vᵀHv and the mean of the samples'."""
    whole = dense(minimum, torch.arange(N))
    largest = float(torch.linalg.eigvalsh(whole)[-1])
    scores, tops = [], []
    for seed in range(60):
        rows = drawn(N, 40, seed=seed)
        values, vectors = torch.linalg.eigh(dense(minimum, rows.sampled))
        top, v = values[-2:].flip(0), vectors[:, -2:].T.flip(0).contiguous()
        found = curvature_on_all(minimum, rows, top, v)
        assert found.standard_error is not None
        exact = torch.einsum("kp,pq,kq->k", v, whole, v)
        assert float(exact[0]) <= largest + 1e-12
        scores += ((found.value - exact) / found.standard_error).tolist()
        tops.append(float(top[0]))
    assert sum(tops) / len(tops) > largest
    assert abs(float(np.mean(scores))) < 0.4
    assert 0.75 < float(np.std(scores)) < 1.4


def test_a_sample_of_all_or_more_is_no_sample(folder: Path) -> None:
    plain, _ = analysed(folder, asked())
    for many in (N, 10 * N):
        same, _ = analysed(folder, asked(spectrum_examples=many))
        assert same.spectrum is not None
        assert plain.spectrum is not None
        assert same.spectrum.sample is None
        assert same.spectrum.eigenvalues == plain.spectrum.eigenvalues


@pytest.mark.parametrize("count", [1, 2, N - 1])
def test_any_number_can_be_drawn(folder: Path, count: int) -> None:
    report, _ = analysed(folder, asked(spectrum_examples=count))
    assert not report.failures
    assert report.spectrum is not None
    assert report.spectrum.sample is not None
    assert all(each.value is not None for each in report.spectrum.sample.on_all)


def test_what_takes_long_is_said_to_be_shorter_on_a_sample(minimum: Minimum) -> None:
    plan = replace(plan_spectrum(minimum, Wanted(top_k=2)), route="lanczos", seconds=36_000.0)
    many = replace(minimum, inputs=torch.zeros(64_000, 4, dtype=torch.float64))
    said = advice(plan, many, asked())
    assert "5,000 of the 64,000 examples" in said[-1]
    assert "47 min" in said[-1]
    assert not any("spectrum_examples" in each for each in advice(plan, minimum, asked()))
    drawn_already = advice(plan, many, asked(spectrum_examples=100))
    assert not any("spectrum_examples" in each for each in drawn_already)


def test_a_plan_is_one_of_the_sample(folder: Path) -> None:
    opened = open_files(Files(folder / "model.pt", folder / "train.npz"), asked(), workdir=folder)
    plan, costs = predicted(opened, asked(spectrum_examples=30))
    assert plan.operator.dim == opened.minimum.dim
    whole, _ = predicted(opened, asked())
    assert plan.peak_bytes <= whole.peak_bytes
    assert costs["spectrum"] > plan.seconds


def test_every_other_stage_sees_all_examples(folder: Path) -> None:
    """The gap is not computed from the sample's eigenvalues, nor are rescaled measures."""
    more = {"weight_decay": 0.01, "stages": ["spectrum", "gap", "boundary", "margins"]}
    plain, _ = analysed(folder, asked(**more))
    sampled, arrays = analysed(folder, asked(**more, spectrum_examples=60))
    assert not sampled.failures
    assert plain.gap is not None
    assert sampled.gap is not None
    for name, estimate in plain.gap.estimates.items():
        of_hessian = name.startswith(("soft_rank_hessian", "tic_hessian"))
        expected = None if of_hessian else pytest.approx(estimate.value, rel=1e-6)
        assert sampled.gap.estimates[name].value == expected, name
    assert sampled.boundary is not None
    assert plain.boundary is not None
    assert plain.boundary.rescaled
    assert sampled.boundary.rescaled == []
    assert arrays.arrays["alignment"].shape == (4, N)
