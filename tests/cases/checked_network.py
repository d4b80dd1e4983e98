"""One random network from its file through intake to products, compared with autograd."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from minimascope.analysis.run import run_analysis
from minimascope.analysis.session.opening import Files, open_files
from minimascope.contract.parameters import Parameters
from minimascope.curvature.products.ggn import ggn
from minimascope.curvature.products.hessian import hessian
from tests.cases import random_networks
from tests.cases.analyses import Kept

# float64 sums in another order; second derivatives of steep activations are large.
TOLERANCE = 1e-9


@dataclass
class DifferenceError(Exception):
    """What differs, by how much, and the case."""

    what: str
    off: float
    words: str


def _same(what: str, ours: Tensor, theirs: Tensor, words: str) -> None:
    ours, theirs = ours.double().reshape(-1), theirs.reshape(-1)
    if ours.shape != theirs.shape:
        raise DifferenceError(f"{what}: {len(ours)} numbers for {len(theirs)}", 0.0, words)
    off = float((ours - theirs).abs().max())
    if not off <= TOLERANCE * max(1.0, float(theirs.abs().max())):
        raise DifferenceError(what, off, words)


def check(seed: int, folder: Path, *, whole: bool = False) -> bool:
    """Raises what goes wrong; False where nothing of the network is trained, or it overflows.

    `whole`: every stage of an analysis too, none of which may fail.
    """
    case = random_networks.of(seed)
    words = f"seed {seed}: {case.words} {case.loss} {case.architecture}"
    if not any(q.requires_grad for q in case.network.parameters()):
        return False
    wanted = random_networks.expected(case, seed=seed)
    if not torch.isfinite(wanted.outputs).all():
        return False
    case.save(folder)
    files = Files(folder / "model.pt", folder / "train.npz", None)
    asked = Parameters(architecture=case.architecture, loss=case.loss, top_k=2)
    minimum = open_files(files, asked, workdir=folder).minimum
    _same("outputs", minimum.logits(minimum.theta, minimum.inputs), wanted.outputs, words)
    _same("H v", hessian(minimum).matvec(wanted.vector), wanted.hessian, words)
    _same("GGN v", ggn(minimum).matvec(wanted.vector), wanted.ggn, words)
    if whole:
        report = run_analysis(files, asked, workdir=folder, publisher=Kept())
        faults = [each for each in report.failures if each.code == "fault"]
        if faults:
            raise DifferenceError(f"{faults[0].stage}: {faults[0].sentence}", 0.0, words)
    return True
