"""A language model's own pictures: loss by position, its dearest sequences, flips along v_k.

What needs no curvature is there from the beginning; which sequences are dear follows from the gap
stage, pulls and flips stand where classifiers have their decision boundary.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from minimascope.analysis.costs.boundary import POINTS
from minimascope.analysis.costs.tokens import SHOWN, sequences_walked, vectors_walked
from minimascope.analysis.session.opening import output_count
from minimascope.analysis.session.sampling import some_rows
from minimascope.analysis.session.session import Session
from minimascope.boundary.token_walk import TokenWalk, token_pulls, token_walk
from minimascope.contract.report import Flip, FlipsAlong, ShownSequence, Tokens
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.minimum.positions import positions_of
from minimascope.curvature.minimum.single import single
from minimascope.objective.tokens import TokenCrossEntropy

FIRST_FLIPS = 8  # that are told of each eigenvector
UNKNOWN = -1
NO_PULLS = (
    "How fast each token's loss rises along an eigenvector is left out: an operation of this "
    "network has no forward derivative."
)


def has_positions(minimum: Minimum) -> bool:
    """Whether each position of an example has a label of its own."""
    return isinstance(minimum.loss, TokenCrossEntropy)


def begin(session: Session) -> None:
    """Fills `report.tokens` with what one pass over the data says."""
    opened, found = session.opened, session.opened.positions
    counted, losses = found.counted, found.losses.double()
    session.report.tokens = Tokens(
        sequences=opened.minimum.n,
        length=losses.shape[1],
        counted=int(counted.sum()),
        words=output_count(opened.minimum) // losses.shape[1],
        perplexity=math.exp(min(float(losses[counted].mean()), 700.0)),
        test_perplexity=_test_perplexity(session),
    )
    session.array("position_loss", by_position(losses))
    session.array("sequence_loss", losses.nanmean(dim=1).float())
    show(session, losses.nanmean(dim=1).nan_to_num(-math.inf), costs=None)


def _test_perplexity(session: Session) -> float | None:
    held = session.opened.held_positions
    if held is None or not bool(held.counted.any()):
        return None
    return math.exp(min(float(held.losses.double()[held.counted].mean()), 700.0))


def by_position(losses: Tensor) -> Tensor:
    """Mean, standard error and count (T × 3) of losses (n × T), NaN where nothing counts."""
    counts = (~losses.isnan()).sum(dim=0).double()
    means = losses.nanmean(dim=0)
    squares = (losses - means).square().nansum(dim=0)
    errors = (squares / (counts - 1).clamp_min(1) / counts).sqrt()
    errors = errors.masked_fill(counts < 2, torch.nan)
    return torch.stack([means, errors, counts], dim=1)


def show(session: Session, dear: Tensor, costs: Tensor | None) -> None:
    """Publishes the tokens of the sequences for which `dear` (n,) is largest."""
    rows = dear.argsort(descending=True, stable=True)[:SHOWN]
    opened, found, section = session.opened, session.opened.positions, session.report.tokens
    assert section is not None
    ids = tokens_of(opened.minimum, found.counted)[rows]
    session.array("token_rows", rows)
    session.array("token_ids", ids)
    session.array("token_loss", found.losses[rows])
    session.array("token_likeliest", found.likeliest[rows].long())
    means = found.losses.double().nanmean(dim=1)
    section.shown = [
        ShownSequence(row=i, loss=float(means[i]), cost=None if costs is None else float(costs[i]))
        for i in rows.tolist()
    ]
    section.texts = texts(session, torch.cat([ids, found.likeliest[rows].long()]))


def texts(session: Session, ids: Tensor) -> dict[str, str]:
    """The words of these ids, where the checkpoint came with its tokenizer's."""
    known = session.opened.checkpoint.words
    return {str(i): known[i] for i in ids.unique().tolist() if 0 <= i < len(known)}


def tokens_of(minimum: Minimum, counted: Tensor) -> Tensor:
    """The token (n × T) that each output is for: its label, or the input there, −1 if unknown.

    Labels that were shifted stand one before their input.
    """
    labels = minimum.targets.masked_fill(~counted, UNKNOWN)
    inputs = minimum.inputs[:, 0] if minimum.inputs.ndim == 3 else minimum.inputs
    if inputs.is_floating_point() or inputs.ndim != 2:
        return labels
    if inputs.shape[1] == labels.shape[1] + 1:
        inputs = inputs[:, 1:]
    elif inputs.shape != labels.shape:
        return labels
    elif _shifted(inputs, labels, counted):
        inputs = torch.cat([inputs[:, 1:], labels[:, -1:]], dim=1)
    return torch.where(counted, labels, inputs)


def _shifted(inputs: Tensor, labels: Tensor, counted: Tensor) -> bool:
    """Whether labels are the next inputs, rather than their own."""
    both = counted[:, :-1]
    following = (labels[:, :-1] == inputs[:, 1:])[both].double().mean()
    return bool(following > (labels == inputs)[counted].double().mean())


def show_dearest(session: Session, found: Mapping[str, np.ndarray]) -> None:
    """The sequences that cost most to leave out, once the gap stage knows."""
    if session.report.tokens is None or "alo_loss" not in found or "train_loss" not in found:
        return
    left_out = torch.from_numpy(found["alo_loss"].astype(np.float64))
    moved = found.get("alo_loss_moved")
    if moved is not None:
        by_network = torch.from_numpy(moved.astype(np.float64))
        left_out = torch.where(by_network.isfinite(), by_network, left_out)
    costs = left_out - torch.from_numpy(found["train_loss"].astype(np.float64))
    if bool(costs.isfinite().all()):
        show(session, costs.to(session.opened.minimum.inputs.device), costs)


def run(session: Session) -> None:
    """Fills flips along the leading eigenvectors, and who pulls on them."""
    minimum, spectrum, section = session.opened.minimum, session.spectrum, session.report.tokens
    assert spectrum is not None
    if section is None:
        begin(session)
        section = session.report.tokens
    assert section is not None
    count = vectors_walked(len(spectrum.eigenvectors))
    pairs = list(zip(spectrum.eigenvectors, spectrum.eigenvalues.tolist(), strict=True))[:count]
    quick = single(minimum)
    rows = torch.tensor([each.row for each in section.shown], device=minimum.inputs.device)
    pulls = token_pulls(quick.subset(rows), spectrum.eigenvectors[:count])
    if pulls is None:
        session.report.warnings.append(NO_PULLS)
    else:
        session.array("token_pull", pulls.float())
    walked = _walked(session, quick)
    taken = quick if walked is None else quick.subset(walked)
    walks = list[TokenWalk]()
    for k, (v, value) in enumerate(pairs):
        session.progress(0.2 + 0.8 * k / len(pairs), f"Walk {k + 1} of {len(pairs)}")
        walks.append(token_walk(taken, v, eigenvalue=value, points=POINTS))
        shown = likeliest_along(quick.subset(rows), v, walks[-1].epsilon)
        section.flips.append(flips_along(walks[-1], shown, rows.tolist(), quick))
    section.walked = None if walked is None else len(walked)
    _publish(session, walks, taken.n)


def _walked(session: Session, minimum: Minimum) -> Tensor | None:
    """Rows that walks are of; None for all."""
    count = sequences_walked(minimum)
    if count >= minimum.n:
        return None
    return some_rows(minimum, count, seed=session.parameters.seed)


def likeliest_along(minimum: Minimum, v: Tensor, epsilon: Tensor) -> Tensor:
    """What the network takes to be at every position, (s × m × T), at each step."""
    loss, theta = minimum.loss, minimum.theta
    assert isinstance(loss, TokenCrossEntropy)
    data = (minimum.inputs, minimum.targets)
    steps = [theta + step * v.to(theta) for step in epsilon.tolist()]
    return torch.stack([positions_of(minimum, loss, *data, at).likeliest for at in steps])


def flips_along(walk: TokenWalk, shown: Tensor, rows: list[int], minimum: Minimum) -> FlipsAlong:
    """The first flips among shown sequences (s × m × T), nearest to ε = 0 first."""
    middle = len(walk.epsilon) // 2
    loss = minimum.loss
    assert isinstance(loss, TokenCrossEntropy)
    counted = loss.counts(minimum.targets[rows]).to(shown.device)
    order = walk.epsilon.abs().argsort(stable=True).to(shown.device)
    moved = (shown[order] != shown[middle]) & counted
    first = moved.int().argmax(dim=0)  # of the steps in this order, where there is any
    places = moved.any(dim=0).nonzero().tolist()
    places.sort(key=lambda place: int(first[place[0], place[1]]))
    told = [
        Flip(
            row=rows[i],
            position=t,
            epsilon=float(walk.epsilon[order[first[i, t]]]),
            before=int(shown[middle, i, t]),
            after=int(shown[order[first[i, t]], i, t]),
        )
        for i, t in places[:FIRST_FLIPS]
    ]
    reach, share = float(walk.epsilon[-1]), float(walk.flipped.nan_to_num(0.0).max())
    return FlipsAlong(reach=reach, share=share, first=told)


def _publish(session: Session, walks: list[TokenWalk], count: int) -> None:
    for name in ("epsilon", "loss", "accuracy"):
        rows = torch.stack([getattr(each, name) for each in walks])
        session.array(f"walk_{name}", rows.double())
    session.array("token_flipped", torch.stack([each.flipped for each in walks]).double())
    n, section = session.opened.minimum.n, session.report.tokens
    assert section is not None
    if count < n:
        left_out = (1 - count / n) ** 0.5  # of a sample without replacement
        spread = torch.stack([each.loss_spread for each in walks])
        session.array("walk_loss_error", (spread * left_out / count**0.5).double())
    known = [i for each in section.flips for flip in each.first for i in (flip.before, flip.after)]
    section.texts |= texts(session, torch.tensor(known, dtype=torch.int64))
