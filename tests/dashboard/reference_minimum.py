"""A real report of a small reference network, in plain torch, for the pages to draw.

The networks, their spectra and their alignments are in tests/reference/boundary (provenance in
tests/reference/README.md). What a page needs beyond those files (the slice, the estimates of the
gap over λ, the calibration) is computed here from the formulas of docs/mathematics.md, apart
from the workers' code.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import contourpy
import numpy as np
import torch
from torch import Tensor

from minimascope.report import Report

REFERENCE = Path(__file__).parents[1] / "reference" / "boundary"
LAYERS = ("fc1", "fc2", "fc3")


class Network:
    """ReLU network of two hidden layers read from a reference folder, in float64."""

    def __init__(self, name: str) -> None:
        self.folder = REFERENCE / name
        state = torch.load(self.folder / "model.pt", weights_only=True)
        self.weights = [state[f"{layer}.weight"].double() for layer in LAYERS]
        self.biases = [state[f"{layer}.bias"].double() for layer in LAYERS]
        self.classes = self.weights[-1].shape[0]

    def activations(self, inputs: Tensor) -> list[Tensor]:
        """Inputs of each layer, then the logits."""
        values = [inputs]
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            out = values[-1] @ weight.T + bias
            values.append(out.relu() if index < 2 else out)
        return values

    def deltas(self, values: list[Tensor], residual: Tensor) -> list[Tensor]:
        """Backpropagated residuals at each layer's output."""
        deltas = [residual]
        for index in (2, 1):
            back = deltas[0] @ self.weights[index]
            deltas.insert(0, back * (values[index] > 0))
        return deltas

    def gradients(self, inputs: Tensor, residual: Tensor) -> Tensor:
        """Per-example gradients (n × p) for a residual on the logits."""
        values = self.activations(inputs)
        parts = []
        for value, delta in zip(values, self.deltas(values, residual), strict=False):
            parts += [(delta[:, :, None] * value[:, None, :]).flatten(1), delta]
        return torch.cat(parts, 1)

    def alignment(self, inputs: Tensor, vectors: Tensor) -> Tensor:
        """A_k(x): (k, n), with the cancellation-free residual of the network's own class."""
        values = self.activations(inputs)
        probabilities = values[-1].softmax(1)
        own = values[-1].argmax(1, keepdim=True)
        residual = probabilities.scatter(1, own, 0.0)
        residual = residual.scatter(1, own, -residual.sum(1, keepdim=True))
        deltas = self.deltas(values, residual)
        norm = sum(
            d.square().sum(1) * (1 + v.square().sum(1))
            for v, d in zip(values, deltas, strict=False)
        )
        rows = []
        for vector in vectors:
            dot, at = torch.zeros(len(inputs), dtype=torch.float64), 0
            for weight, value, delta in zip(self.weights, values, deltas, strict=False):
                size, out = weight.numel(), weight.shape[0]
                block = vector[at : at + size].view_as(weight)
                bias = vector[at + size : at + size + out]
                dot += ((value @ block.T + bias) * delta).sum(1)
                at += size + out
            rows.append(dot / norm.sqrt())
        return torch.stack(rows)


def _slice(network: Network, points: np.ndarray, vectors: Tensor, m: int) -> dict[str, Any]:
    points = points.astype(np.float64)
    low, high = points.min(0) - 0.8, points.max(0) + 0.8
    x, y = np.linspace(low[0], high[0], m), np.linspace(low[1], high[1], m)
    plane = torch.from_numpy(np.stack(np.meshgrid(x, y), -1).reshape(-1, 2))
    logits = network.activations(plane)[-1]
    two = logits.topk(2, dim=1).values
    lines = []
    for label in range(network.classes):
        rest = torch.cat([logits[:, :label], logits[:, label + 1 :]], 1).max(1).values
        level = (logits[:, label] - rest).view(m, m).numpy()
        for line in contourpy.contour_generator(x, y, level).lines(0.0):
            lines += [line, np.full((1, 2), np.nan)]
    return {
        "slice_x": x.astype(np.float32),
        "slice_y": y.astype(np.float32),
        "slice_class": logits.argmax(1).view(m, m).numpy().astype(np.int16),
        "slice_logit_gap": (two[:, 0] - two[:, 1]).view(m, m).numpy().astype(np.float32),
        "slice_alignment": network.alignment(plane, vectors)
        .view(-1, m, m)
        .numpy()
        .astype(np.float32),
        "slice_boundary": np.concatenate(lines).astype(np.float32),
    }


def _nearest_on(line: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Nearest vertex of the boundary polyline for each point."""
    vertices = line[np.isfinite(line[:, 0])]
    distance = np.linalg.norm(points[:, None] - vertices[None], axis=-1)
    return vertices[distance.argmin(1)].astype(np.float32)


def _bins(logits: Tensor, labels: Tensor) -> np.ndarray:
    confidence, predicted = logits.softmax(1).max(1)
    index = (confidence * 15).long().clamp(max=14)
    rows = []
    for b in range(15):
        inside = index == b
        n = int(inside.sum())
        hit = (predicted[inside] == labels[inside]).double()
        rows.append(
            [n, float(confidence[inside].mean()) if n else 0.0, float(hit.mean()) if n else 0.0]
        )
    return np.array(rows)


def _gap(network: Network, inputs: Tensor, labels: Tensor, lambdas: np.ndarray) -> dict[str, Any]:
    """Soft rank, centred TIC and ALO from one Gram matrix (docs/mathematics.md, section 3)."""
    n, count = len(inputs), network.classes
    logits = network.activations(inputs)[-1]
    p = logits.softmax(1)
    residual = p - torch.nn.functional.one_hot(labels, count).double()
    one = torch.eye(count, dtype=torch.float64)
    j = torch.stack([network.gradients(inputs, one[c].expand(n, -1)) for c in range(count)], 1)
    flat = j.reshape(n * count, -1)
    lam = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
    e, q = torch.linalg.eigh(lam)
    root = q * e.clamp(min=0).sqrt()[:, None, :] @ q.mT
    b = torch.einsum("nab,nbp->nap", root, j).reshape(n * count, -1) / n**0.5
    values, u = torch.linalg.eigh(b @ b.T)
    values = values.clamp(min=0)
    cross = flat @ b.T @ u  # J Bᵀ U
    theta = flat @ flat.T
    g = torch.einsum("nk,nkp->np", residual, j)
    g = g - g.mean(0)
    gu, gg = g @ b.T @ u, (g * g).sum()
    ce = torch.nn.functional.cross_entropy
    loss = ce(logits, labels, reduction="none")
    found: dict[str, Any] = {"rank": [], "tic": [], "alo": []}
    for lambda_ in lambdas:
        shrink = 1.0 / (lambda_ * (values + lambda_))
        found["rank"].append(float((values / (values + lambda_)).sum()))
        found["tic"].append(float((gg / lambda_ - (gu.square() * shrink).sum()) / n / n))
        inverse = theta / lambda_ - (cross * shrink) @ cross.T
        s = (
            torch.stack(
                [
                    inverse[i * count : (i + 1) * count, i * count : (i + 1) * count]
                    for i in range(n)
                ]
            )
            / n
        )
        leave = torch.linalg.solve(one - lam @ s, residual[:, :, None])
        moved = logits + (s @ leave)[:, :, 0]
        found["alo_logits"] = moved
        found["alo_loss"] = ce(moved, labels, reduction="none")
        found["alo"].append(float((found["alo_loss"] - loss).mean()))
        found["alo_error"] = float((found["alo_loss"] - loss).std() / n**0.5)
    found["loss"] = loss
    return found


def _density(eigenvalues: np.ndarray) -> dict[str, Any]:
    largest = eigenvalues[-1]
    sigma, linear = largest / 300, largest * 1e-4
    ends = np.sign([eigenvalues[0], largest]) * np.log1p(
        np.abs([eigenvalues[0] - 6 * sigma, largest * 1.1]) / linear
    )
    grid = np.linspace(*ends, 400)
    grid = np.sign(grid) * np.expm1(np.abs(grid)) * linear
    z = (grid[:, None] - eigenvalues[None]) / sigma
    mean = np.exp(-0.5 * z**2).mean(1) / (sigma * (2 * np.pi) ** 0.5)
    return {
        "grid": grid.tolist(),
        "mean": mean.tolist(),
        "standard_error": [0.0] * 400,
        "sigma": float(sigma),
        "probes": None,
    }


def build(name: str, *, m: int = 120) -> tuple[Report, dict[str, np.ndarray]]:
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
    gap = _gap(network, inputs, labels, lambdas)
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
        "calibration": _bins(network.activations(inputs)[-1], labels),
        "calibration_alo": _bins(gap["alo_logits"], labels),
    }
    margins = None
    if two_d:
        arrays |= _slice(network, points, vectors, m)
        arrays["margin_ends"] = _nearest_on(arrays["slice_boundary"], points)
        arrays["margins"] = np.linalg.norm(arrays["margin_ends"] - points, axis=1)
        per_class = {
            str(c): float(arrays["margins"][train["y"] == c].min()) for c in range(network.classes)
        }
        margins = {
            "certified": {
                "min": float(arrays["margins"].min()),
                "median": float(np.median(arrays["margins"])),
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
                "is_minimum": True,
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
                "density": _density(eigenvalues),
                "products": 1652,
            },
            "gap": {
                "lambda": lambda_eff,
                "headline": {
                    "name": "alo_ggn",
                    "value": gap["alo"][-1],
                    "standard_error": gap["alo_error"],
                },
                "verdict": "lower_bound",
                "reason": "T_alo is 1.9: the network is over-confident, and true gaps are then "
                "typically 1.2 to 2.4 times the estimate.",
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
