"""Gap estimates against tests/reference/gap: dense float64 values from a separate program."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import pytest
import torch
from torch.nn import functional

from tests.reference_networks import GAP, Reference, gap_minimum
from workers.curvature.calibration import expected_calibration_error
from workers.curvature.gap import estimate_gap
from workers.curvature.gap_result import GapResult
from workers.curvature.minimum import Minimum

torch.set_num_threads(2)

# Exact float64 routes: both programs lose about ε·λ₁/λ ≈ 1e-16·6/1e-6, far inside 1e-8.
EXACT = 1e-8


def hessian_eigenpairs(minimum: Minimum) -> tuple[torch.Tensor, torch.Tensor]:
    """All eigenvalues, descending, with eigenvectors as rows."""

    def loss(theta: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(minimum.logits(theta, minimum.inputs), minimum.targets)

    H = torch.func.hessian(loss)(minimum.theta).detach()
    e, V = torch.linalg.eigh(0.5 * (H + H.mT))
    return e.flip(0), V.mT.flip(0)


@lru_cache
def analysed(name: str) -> tuple[Reference, dict[str, Any], GapResult]:
    loaded = gap_minimum(name)
    reference: dict[str, Any] = loaded.reference
    e, V = hessian_eigenpairs(loaded.minimum)
    result = estimate_gap(
        loaded.minimum,
        test=(loaded.test_inputs, loaded.test_targets),
        weight_decay=reference["lam_train"],
        lambdas=[each["lam"] for each in reference["grid"]],
        hessian_eigenvalues=e,
        hessian_eigenvectors=V,
    )
    return loaded, reference, result


@pytest.mark.parametrize("name", GAP)
def test_curves_equal_the_dense_values_at_every_requested_lambda(name: str) -> None:
    _, reference, result = analysed(name)
    n = reference["n"]
    keys = {
        "soft_rank_ggn": "rank_GGN",
        "soft_rank_hessian_clipped": "rank_Hclip",
        "tic_ggn": "tic_GGN_cen",
        "tic_ggn_uncentred": "tic_GGN_unc",
        "tic_hessian_clipped": "tic_Hclip_cen",
        "tic_hessian_clipped_uncentred": "tic_Hclip_unc",
    }
    assert n > 0
    for point in [*reference["grid"], reference["at_lam_eval"]]:
        row = result.curves["lambda"].index(point["lam"])
        for ours, theirs in keys.items():
            assert result.curves[ours][row] == pytest.approx(point[theirs], rel=EXACT), ours


@pytest.mark.parametrize("name", GAP)
def test_estimates_equal_the_dense_values_at_lambda_eff(name: str) -> None:
    _, reference, result = analysed(name)
    point, n = reference["at_lam_eval"], reference["n"]
    expected = {
        "alo_ggn": point["alo_ggn_gap"],
        "soft_rank_ggn": point["softrank_GGN_over_n"],
        "soft_rank_hessian_clipped": point["softrank_Hclip_over_n"],
        "tic_ggn": point["tic_GGN_cen"],
        "tic_ggn_uncentred": point["tic_GGN_unc"],
        "tic_hessian_clipped": point["tic_Hclip_cen"],
        "tic_hessian_clipped_uncentred": point["tic_Hclip_unc"],
        "kfac_soft_rank": point["rank_kfac"] / n,
        "diagonal_soft_rank": point["rank_diagGGN"] / n,
    }
    for key, value in expected.items():
        assert result.estimates[key].value == pytest.approx(value, rel=EXACT), key
    assert result.alo_loss is not None
    assert float((result.alo_loss - result.train_loss).mean()) == pytest.approx(
        point["alo_ggn_gap"], rel=EXACT
    )


@pytest.mark.parametrize("name", GAP)
def test_sampled_fisher_is_within_four_standard_errors(name: str) -> None:
    _, reference, result = analysed(name)
    point, n = reference["at_lam_eval"], reference["n"]
    ours = result.estimates["sampled_fisher_soft_rank"].value
    # Means of 10 draws here and 50 there.
    error = point["rank_mcfim_sd"] * math.sqrt(1 / 10 + 1 / 50)
    assert ours is not None
    assert abs(ours * n - point["rank_mcfim_mean"]) < 4 * error


@pytest.mark.parametrize("name", GAP)
def test_measured_gap_calibration_and_minimum_equal_the_reference(name: str) -> None:
    _, reference, result = analysed(name)
    assert result.measured is not None
    assert result.measured.value == pytest.approx(reference["gap"], rel=EXACT)
    assert result.measured.standard_error == pytest.approx(reference["gap_se_test"], rel=EXACT)
    ece = reference["calibration_train"]["ece15"]
    assert result.diagnostics["ece_15"] == pytest.approx(ece, rel=EXACT)
    assert result.calibration_alo is not None
    ece = reference["at_lam_eval"]["alo_calibration"]["ece15"]
    assert expected_calibration_error(result.calibration_alo) == pytest.approx(ece, rel=EXACT)
    # On r1 the regularised gradient itself is 1e-9, known to about 1e-7 of its size.
    assert result.newton_decrement == pytest.approx(reference["newton_decrement"], rel=1e-6)
    assert result.gradient_norm == pytest.approx(reference["grad_norm_data"], rel=EXACT)
    # Clipped and unclipped negative mass differ by rounding alone on the convex r1.
    assert result.diagnostics["negative_mass"] == pytest.approx(
        reference["neg_mass_ratio"], rel=EXACT, abs=1e-14
    )


@pytest.mark.parametrize("name", GAP)
def test_baselines_equal_the_reference(name: str) -> None:
    _, reference, result = analysed(name)
    theirs = reference["baselines"]
    keys = {
        "parameters_over_n": "p_over_n",
        "trace_over_n": "trace_H_over_n",
        "lambda_1": "lambda1_H",
        "theta_squared_norm": "theta_sqnorm",
        "effective_dimension_1": "effdim_sumloss_1",
        "effective_dimension_50": "effdim_sumloss_50",
        "fisher_rao": "fisher_rao_model",
        "relative_flatness": "rel_flat",
        "layer_flatness_last": "layer_flat_last",
        "sam_0.05": "sam1_0.05",
        "sam_0.5": "sam1_0.5",
        "asam_0.1": "asam1_0.1",
        "asam_0.5": "asam1_0.5",
        "margin10": "margin10",
    }
    for ours, key in keys.items():
        assert result.baselines[ours] == pytest.approx(theirs[key], rel=EXACT), ours
    half_logdet = reference["at_lam_eval"]["logdet_ratio_half_over_n"]
    assert result.baselines["half_logdet_over_n"] == pytest.approx(half_logdet, rel=EXACT)


def test_healthy_minima_are_reliable_and_r7_is_not_a_minimum() -> None:
    verdicts = {name[:2]: analysed(name)[2] for name in GAP}
    assert verdicts["r1"].verdict == "reliable"
    assert verdicts["r5"].verdict == "reliable"
    assert verdicts["r7"].verdict == "not_a_minimum"
    assert verdicts["r7"].is_minimum is False
    assert "not a minimum at this weight decay" in verdicts["r7"].reason


@pytest.mark.parametrize("name", GAP)
def test_dual_route_equals_the_primal_route(name: str) -> None:
    whole = gap_minimum(name).minimum
    few = Minimum(whole.network, whole.inputs[:60], whole.targets[:60])
    primal, dual = (
        estimate_gap(few, weight_decay=1e-2, route=route) for route in ("primal", "dual")
    )
    for key in ("soft_rank_ggn", "tic_ggn", "tic_ggn_uncentred", "alo_ggn"):
        assert dual.curves[key] == pytest.approx(primal.curves[key], rel=EXACT), key
    assert dual.newton_decrement == pytest.approx(primal.newton_decrement, rel=EXACT)
