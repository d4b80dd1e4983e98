"""A reference network in plain torch, and what can be computed of it apart from the workers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import contourpy
import numpy as np
import torch
from torch import Tensor

REFERENCE = Path(__file__).parent / "reference" / "boundary"
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


def slice_of(network: Network, points: np.ndarray, vectors: Tensor, m: int) -> dict[str, Any]:
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


def nearest_on(line: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Nearest vertex of the boundary polyline for each point."""
    vertices = line[np.isfinite(line[:, 0])]
    distance = np.linalg.norm(points[:, None] - vertices[None], axis=-1)
    return vertices[distance.argmin(1)].astype(np.float32)


def bins_of(logits: Tensor, labels: Tensor) -> np.ndarray:
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


def gap_of(network: Network, inputs: Tensor, labels: Tensor, lambdas: np.ndarray) -> dict[str, Any]:
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


def density_of(eigenvalues: np.ndarray) -> dict[str, Any]:
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
