"""A real report of a small reference network, in plain torch, for the pages to draw.

The networks, their spectra and their alignments are in tests/cases/reference/boundary (provenance
in tests/cases/reference/README.md). What a page needs beyond those files (the slice, the estimates
of the gap over λ, the calibration) is computed here from the formulas of docs/mathematics.md,
apart from the workers' code.
"""

from __future__ import annotations

import json

import numpy as np
import torch

from minimascope.contract.report import Report
from minimascope.curvature.gap.calibrated import COVERAGE
from minimascope.curvature.gap.interval import HALF, NINETY, interval
from tests.cases.reference_network import (
    LAYERS,
    Network,
    bins_of,
    density_of,
    gap_of,
    nearest_on,
    slice_of,
)

Found = tuple[Report, dict[str, np.ndarray]]


def build(name: str, *, m: int = 120) -> Found:
    """The report and arrays of one reference network; its drawn plane is m × m."""
    network = Network(name)
    train, test = np.load(network.folder / "train.npz"), np.load(network.folder / "test.npz")
    reference = json.loads((network.folder / "reference.json").read_text())
    inputs, labels = torch.from_numpy(train["X"]).double(), torch.from_numpy(train["y"])
    vectors = torch.from_numpy(np.load(network.folder / "top_eigvec5.npy").T.copy()).double()
    k, p = vectors.shape
    eigenvalues = np.load(network.folder / "eigenvalues64.npy")
    lambda_eff = 1e-3
    lambdas = np.append(np.logspace(-5, 0, 26), lambda_eff)
    gap = gap_of(network, inputs, labels, lambdas)
    test_logits = network.activations(torch.from_numpy(test["X"]).double())[-1]
    test_loss = torch.nn.functional.cross_entropy(
        test_logits, torch.from_numpy(test["y"]), reduction="none"
    )
    train_loss = float(gap["loss"].mean())
    two_d = inputs.shape[1] == 2
    points = train["X"]
    if not two_d:
        centred = points - points.mean(0)
        points = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    arrays: dict[str, np.ndarray] = {
        "eigenvalues": eigenvalues[::-1].copy(),
        "alignment": network.alignment(inputs, vectors).numpy(),
        "max_alignment": np.load(network.folder / "max_abs_overlap_desc.npy"),
        "points": points.astype(np.float32),
        "labels": train["y"],
        "predictions": network.activations(inputs)[-1].argmax(1).numpy(),
        "train_loss": gap["loss"].numpy().astype(np.float32),
        "alo_loss": gap["alo_loss"].numpy().astype(np.float32),
        "calibration": bins_of(network.activations(inputs)[-1], labels),
        "calibration_alo": bins_of(gap["alo_logits"], labels),
    }
    margins = None
    if two_d:
        arrays |= slice_of(network, points, vectors, m)
        arrays["margin_ends"] = nearest_on(arrays["slice_boundary"], points)
        arrays["margins"] = np.linalg.norm(arrays["margin_ends"] - points, axis=1)
        per_class = {
            str(c): {"upper": float(arrays["margins"][train["y"] == c].min())}
            for c in range(network.classes)
        }
        margins = {
            "l2": {
                "smallest": {"upper": float(arrays["margins"].min())},
                "median": {"upper": float(np.median(arrays["margins"]))},
                "per_class": per_class,
                "argmin": int(arrays["margins"].argmin()),
            },
            "eigenvector": [
                {
                    "k": 1,
                    "estimate": reference["margin_summary"]["estimate_min"],
                    "cos2": reference["margin_summary"]["best_cos2"],
                    "logit_gap": reference["margin_summary"]["median_abs_logit_gap"],
                    "moved": None,
                    "starts_kept": reference["margin_summary"]["n_starts"],
                }
            ]
            if "margin_summary" in reference
            else [],
            "disagreement": None,
        }
    top = arrays["max_alignment"]
    thresholds = np.logspace(-4, -0.02, 60)
    counts = [(int((top >= t).sum())) for t in thresholds]
    squares = vectors.square()
    sizes = [w.numel() + b.numel() for w, b in zip(network.weights, network.biases, strict=True)]
    estimate = {"method": "exact, one Gram matrix", "standard_error": None}
    at = {"soft_rank_ggn": gap["rank"][-1] / len(inputs), "tic_ggn": gap["tic"][-1]}
    headline, scatter = gap["alo"][-1] * 1.2 / 1.9, gap["alo_error"]
    report = Report.model_validate(
        {
            "versions": {"torch": torch.__version__},
            "seed": 0,
            "dtype": "float64",
            "device": "cpu",
            "wall_seconds": {
                "spectrum": 9.4,
                "density": 0.3,
                "gap": 1.1,
                "boundary": 2.1,
                "margins": 3.0,
            },
            "checkpoint": {
                "sha256": "ab" * 32,
                "format": "state_dict",
                "parameters": p,
                "architecture": {"family": "mlp", "activation": "relu"},
                "layers": list(LAYERS),
            },
            "data": {
                "train": {
                    "n": len(inputs),
                    "loss": train_loss,
                    "accuracy": float(
                        (torch.from_numpy(arrays["predictions"]) == labels).double().mean()
                    ),
                },
                "test": {
                    "n": len(test["y"]),
                    "loss": float(test_loss.mean()),
                    "accuracy": float((test_logits.argmax(1).numpy() == test["y"]).mean()),
                },
                "classes": network.classes,
                "input_shape": [inputs.shape[1]],
            },
            "minimum": {
                "weight_decay": lambda_eff,
                "lambda_eff": lambda_eff,
                "lambda_source": "weight decay",
                "gradient_norm": 1.9e-4,
                "regularized_gradient_norm": 9.8e-3,
                "newton_decrement": 0.021,
                "gradient_share": 0.031,
                "converged": True,
            },
            "objective": {
                "penalty": [{"name": "all", "weight_decay": lambda_eff, "parameters": p}],
                "trained": p,
                "frozen": 0,
                "optimizer": "lbfgs",
                "lambda_reference": lambda_eff,
                "augmentation": False,
            },
            "spectrum": {
                "eigenvalues": arrays["eigenvalues"][:k].tolist(),
                "residuals": [3e-12, 8e-12, 4e-11, 9e-10, 2e-5][:k],
                "converged": [True, True, True, True, False][:k],
                "lambda_min": float(eigenvalues[0]),
                "trace": {
                    "value": float(eigenvalues.sum()),
                    "standard_error": None,
                    "method": "exact",
                },
                "method": "low-rank basis, exact",
                "outliers": {
                    "by_ratio": {
                        "q": 0.1,
                        "count": int((eigenvalues > 0.1 * eigenvalues[-1]).sum()),
                    },
                    "by_gap": {"count": 1},
                },
                "layer_mass": [
                    [float(s) for s in (part.sum() for part in row.split(sizes))] for row in squares
                ],
                "layer_names": list(LAYERS),
                "density": density_of(eigenvalues),
                "products": 1652,
            },
            "gap": {
                "lambda": lambda_eff,
                "headline": {
                    "name": "leave_one_out",
                    "method": "leave-one-out at the minimum, times 0.63 for over-confidence",
                    "value": headline,
                    "half": interval(headline, sigma=0.25, scatter=scatter, level=HALF),
                    "ninety": interval(headline, sigma=0.25, scatter=scatter, level=NINETY),
                    "sigma": 0.25,
                    "scatter": scatter,
                    "coverage": COVERAGE,
                },
                "verdict": "uncertain",
                "reason": f"Usable, but {len(inputs)} training examples are few.",
                "checks": [
                    {
                        "name": "temperature",
                        "value": 1.9,
                        "threshold": 1.2,
                        "passed": False,
                        "sentence": "Left-out examples are predicted too surely.",
                    },
                    {"name": "dropout", "passed": None, "sentence": "Not told: dropout."},
                ],
                "estimates": {
                    "alo_ggn": {
                        "value": gap["alo"][-1],
                        "standard_error": gap["alo_error"],
                        "method": "exact",
                    },
                    **{key: {**estimate, "value": value} for key, value in at.items()},
                },
                "curves": {
                    "lambda": lambdas[:-1].tolist(),
                    "soft_rank_ggn": gap["rank"][:-1],
                    "soft_rank_hessian_clipped": [None] * 26,
                    "tic_ggn": gap["tic"][:-1],
                    "alo_ggn": gap["alo"][:-1],
                },
                "measured": {
                    "value": float(test_loss.mean()) - train_loss,
                    "standard_error": float(test_loss.std() / len(test_loss) ** 0.5),
                    "method": "test set",
                },
                "diagnostics": {
                    "t_alo": 1.9,
                    "tic_over_soft_rank": gap["tic"][-1] * len(inputs) / gap["rank"][-1],
                    "max_leverage": 0.93,
                    "top5_share": 0.81,
                    "dlog_alo_dlog_lambda": -0.4,
                    "ece_15": 0.0006,
                    "negative_mass": 0.02,
                },
                "baselines": {
                    "lambda_max": float(eigenvalues[-1]),
                    "trace": float(eigenvalues.sum()),
                    "parameters_per_example": p / len(inputs),
                },
            },
            "boundary": {
                "epsilon": {"value": 0.0161, "spread": 0.003, "source": "100 random unit vectors"},
                "g_at_epsilon": float((top >= 0.0161).sum() / p),
                "g_curve": {
                    "epsilon": thresholds.tolist(),
                    "count": counts,
                    "g": [c / p for c in counts],
                },
                "n90": reference.get("n_vectors_for_90pct_energy"),
                "vectors_known": k,
                "energy_outside": 0.16,
                "zeroed_points": 0,
                "flips": {
                    "per_vector": [
                        {"cross": 0.98, "inside": 0.005, "strong_cross": 0.99, "strong_inside": 0.0}
                        for _ in range(k)
                    ],
                    "random_control": {
                        "cross": 0.98,
                        "inside": 0.02,
                        "strong_cross": None,
                        "strong_inside": None,
                    },
                },
            },
            "margins": margins,
        }
    )
    return report, arrays
