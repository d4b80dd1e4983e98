"""The relatives of a told loss: itself first, then what differs from it least."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from minimascope.objective.binary import Binary
from minimascope.objective.cross_entropy import CrossEntropy
from minimascope.objective.gaussian import Gaussian, TorchMse
from minimascope.objective.loss import Loss
from minimascope.objective.multilabel import MultiLabel
from minimascope.objective.relatives.of_classes import of_classes
from minimascope.objective.relatives.of_positives import of_positives
from minimascope.objective.relatives.relative import Relative, plain

GAUSSIAN, TORCHS = "½ squared error", "torch's MSELoss"


def kin(loss: Loss, f: Tensor, y: Tensor) -> Iterator[Relative]:
    """At outputs f (n × K) and targets y, one row an example; what they are decides what to try."""
    yield plain(loss.residual, said_of(loss), {})
    if isinstance(loss, CrossEntropy):
        yield from of_classes(loss, f, y)
    elif isinstance(loss, Binary | MultiLabel):
        yield from of_positives(loss, f, y)
    elif isinstance(loss, TorchMse):
        yield plain(Gaussian().residual, f"{GAUSSIAN}, K/2 times {TORCHS},", {"loss": "mse"})
    elif isinstance(loss, Gaussian):
        said = f"{TORCHS}, which is 2/K = {2 / f.shape[1]:g} times {GAUSSIAN},"
        yield plain(TorchMse().residual, said, {"loss": "torch_mse"})


def said_of(loss: Loss) -> str:
    """The told loss in words."""
    names = {
        "cross_entropy": "cross-entropy",
        "binary": "the binary loss",
        "multilabel": "the multi-label loss",
        "mse": GAUSSIAN,
        "torch_mse": TORCHS,
    }
    return names[loss.name]
