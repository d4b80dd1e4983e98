"""What a decision boundary needs: one logit for every class, at the network's own parameters.

Networks trained with `binary` loss have one logit f per example; softmax over (0, f) is the
logistic model itself, so every formula for K classes applies with K = 2.
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimascope.curvature.minimum.batches import outputs_at
from minimascope.curvature.minimum.minimum import Minimum


def require_classification(minimum: Minimum) -> None:
    """Raises ValueError for regression and several labels, where there is no argmax."""
    if not minimum.loss.classifies:
        if minimum.loss.reads == "labels_of_positions":
            raise ValueError(
                "Each position of a sequence has a label of its own, so there is no one decision "
                "boundary: alignment, slices, complexity and margins are not defined for it."
            )
        why = "several labels an example have" if minimum.loss.judges else "regression has"
        raise ValueError(
            f"This minimum was trained with loss '{minimum.loss.name}': {why} no "
            f"{'one ' if minimum.loss.judges else ''}decision boundary, so alignment, slices, "
            "complexity and margins are not defined for it. Ask for them with loss "
            "'cross_entropy' or 'binary'."
        )


def class_logits(outputs: Tensor) -> Tensor:
    """Network outputs (m, K) or (m,) as logits of at least two classes; f becomes (0, f)."""
    if outputs.ndim == 1:
        outputs = outputs[:, None]
    if outputs.ndim != 2:
        raise ValueError(
            f"The network returns outputs of shape {tuple(outputs.shape)}; "
            "a decision boundary needs one row of class logits for each example."
        )
    if outputs.shape[1] == 1:
        return torch.cat([torch.zeros_like(outputs), outputs], dim=1)
    return outputs


def class_of(outputs: Tensor) -> Tensor:
    """The class (m,) of each row of network outputs (m, K) or (m,)."""
    return class_logits(outputs).argmax(dim=1)


def logits_at(minimum: Minimum, inputs: Tensor) -> Tensor:
    """Class logits (m, K) of the trained network, without a graph, some inputs at a time."""
    return class_logits(outputs_at(minimum, inputs))


def parameter_vectors(minimum: Minimum, vectors: Tensor) -> Tensor:
    """Checks that `vectors` is (k, p) in θ order and puts it on the network's dtype and device."""
    if vectors.ndim == 1:
        vectors = vectors[None]
    if vectors.ndim != 2 or vectors.shape[1] != minimum.dim:
        raise ValueError(
            f"Vectors of shape {tuple(vectors.shape)} do not fit: "
            f"each row must hold the p = {minimum.dim} trainable parameters of the network."
        )
    theta = next(q for q in minimum.network.parameters() if q.requires_grad)
    return vectors.to(device=theta.device, dtype=theta.dtype)
