"""The link that a network may end in, taken off once: every number is of logits.

Losses here take logits. People also train sigmoid + BCELoss, softmax + its logarithm, log_softmax +
NLLLoss: there the network's last operation is the link, and read as logits its outputs are another
loss, that of the link applied twice. Where the last operation is seen (layers of a spec, steps of
a program) the logits are what it is given; elsewhere they are the logarithm or the log-odds of
the outputs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from typing_extensions import override

from minimascope.contract.objective import Link
from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.around import Around, plainly
from minimascope.intake.networks.chain import Chain
from minimascope.intake.networks.program import Program
from minimascope.objective.loss import Loss, OutputLinkName

ONE_OFF = 1e-3  # of the sum of a row of probabilities from one: outputs are float32, and rounded
CUT_OFF = 1e-4  # of a program's outputs from the link of what it gives without its last step
GIVES: dict[OutputLinkName, Link] = {
    "Sigmoid": "probabilities",
    "Softmax": "probabilities",
    "LogSoftmax": "log_probabilities",
}
# Layers that leave each number, or each row of them, what it is.
_PASSING = (nn.Identity, nn.Dropout, nn.Flatten)


class LogOf(nn.Module):
    """Logits log P of probabilities P; below the smallest number log and slope stay finite."""

    @override
    def forward(self, P: Tensor) -> Tensor:
        return P.clamp_min(torch.finfo(P.dtype).tiny).log()


class LogOddsOf(nn.Module):
    """Logits log P − log(1 − P) of probabilities P, as far from 0 and 1 as rounding lets them be.

    A probability that rounds to 1 has lost its logit: it gets the largest there is, and slope 0.
    """

    @override
    def forward(self, P: Tensor) -> Tensor:
        kind = torch.finfo(P.dtype)
        P = P.clamp(kind.tiny, 1 - kind.eps / 2)
        return P.log() - torch.log1p(-P)


@dataclass(frozen=True)
class Unlinked:
    """A network that gives logits, what its outputs were before, and what was done to it."""

    network: nn.Module
    link: Link = "logits"
    said: list[str] = field(default_factory=list)


def as_logits(
    network: nn.Module, probe: Tensor, outputs: Tensor, told: Link | None, loss: Loss
) -> Unlinked:
    """The network with logits for outputs; `outputs` are those of `probe`.

    Without `told` the network's last operation says what its outputs are. Raises ProblemError
    link_mismatch where outputs cannot be what was told.
    """
    if not loss.links:
        return Unlinked(network)
    last, cut = _without_link(network, probe, outputs)
    if last not in loss.links:
        last = None
    if told == "logits":
        return Unlinked(network, "logits", _twice(last))
    if last is not None and told in (None, GIVES[last]):
        return Unlinked(cut, GIVES[last], [_taken(last)])
    if told is None:
        return Unlinked(network, "logits", _given_away(outputs, loss))
    _refuse_others(last, outputs, told, loss)
    if told == "log_probabilities":
        return Unlinked(network, told)  # the softmax of log-probabilities is the probabilities
    logits = followed_by(network, LogOf() if "Softmax" in loss.links else LogOddsOf())
    return Unlinked(logits, told)


def _twice(last: OutputLinkName | None) -> list[str]:
    if last in (None, "LogSoftmax"):  # the softmax of log-probabilities is the softmax
        return []
    return [
        f"The network ends in {last} and its outputs were told to be logits, so the link is "
        "applied twice. Where training did not, say --link probabilities."
    ]


def _taken(last: OutputLinkName) -> str:
    meant = {"Sigmoid": "BCELoss does", "LogSoftmax": "NLLLoss does"}
    said = f"as {meant[last]}" if last in meant else "and the loss is of its probabilities"
    return (
        f"The network ends in {last}, which was taken for the link of the loss, {said}: numbers "
        "are of the logits before it. Where training put another on top, say --link logits."
    )


def _given_away(outputs: Tensor, loss: Loss) -> list[str]:
    """A warning where outputs read as logits look like probabilities."""
    rows = outputs.reshape(len(outputs), -1)
    if not bool(((rows >= 0) & (rows <= 1)).all()):
        return []
    seen = "All outputs lie within [0, 1]"
    if "Softmax" in loss.links and _sum_to_one(rows):
        seen = "All rows of outputs sum to one"
    return [
        f"{seen}: are they probabilities already? They were read as logits; where they are "
        "probabilities, say --link probabilities."
    ]


def _sum_to_one(rows: Tensor) -> bool:
    return bool((rows.double().sum(1) - 1).abs().max() < ONE_OFF)


def _refuse_others(last: OutputLinkName | None, outputs: Tensor, told: Link, loss: Loss) -> None:
    rows = outputs.reshape(len(outputs), -1)
    if last is not None:
        found = f"the network ends in {last}, which gives {GIVES[last].replace('_', '-')}"
        raise _mismatch(told, found, f"Say --link {GIVES[last]}.")
    low, high = float(rows.min()), float(rows.max())
    if told == "probabilities" and (low < 0 or high > 1):
        raise _mismatch(told, f"they go from {low:.3g} to {high:.3g}")
    odds = rows if told == "probabilities" else rows.double().exp()
    if "Softmax" in loss.links and not _sum_to_one(odds):
        off = float(odds.sum(1)[(odds.double().sum(1) - 1).abs().argmax()])
        raise _mismatch(told, f"the probabilities of an example sum to {off:.3g}")


def _mismatch(told: Link, found: str, advice: str = "") -> ProblemError:
    return ProblemError(
        "link_mismatch",
        f"The outputs were told to be {told.replace('_', '-')}, but {found}.",
        advice
        or "Does the architecture lack the network's last layer? Give it with its sigmoid or "
        "softmax, or say --link logits.",
    )


def _without_link(
    network: nn.Module, probe: Tensor, outputs: Tensor
) -> tuple[OutputLinkName | None, nn.Module]:
    """The link that a network ends in, and the network without it; None where it is not seen."""
    if isinstance(network, Chain):
        return _of_chain(network)
    if not isinstance(network, Program):
        return None, network
    found = network.last_link()
    if found is None:
        return None, network
    name, cut = found
    with torch.no_grad():
        again = _LINKS[name](cut(probe)).reshape(outputs.shape)
    # A program may use what it overwrites: what is left must say the same.
    same = torch.allclose(again, outputs, rtol=CUT_OFF, atol=CUT_OFF)
    return (name, cut) if same else (None, network)


_LINKS: dict[OutputLinkName, nn.Module] = {
    "Sigmoid": nn.Sigmoid(),
    "Softmax": nn.Softmax(dim=1),
    "LogSoftmax": nn.LogSoftmax(dim=1),
}


def _of_chain(network: Chain) -> tuple[OutputLinkName | None, nn.Module]:
    place = len(network.layers) - 1
    while place > 0 and isinstance(network.layers[place], _PASSING):
        place -= 1
    layer = network.layers[place]
    if isinstance(layer, (nn.Softmax, nn.LogSoftmax)) and layer.dim not in (None, 1, -1):
        return None, network
    for name, kind in _LINKS.items():
        if type(layer) is type(kind):
            return name, network.with_layer(place, nn.Identity())
    return None, network


def followed_by(network: nn.Module, last: nn.Module) -> nn.Module:
    """The network with one more layer, its parameters under their own names."""
    if isinstance(network, (Chain, Program, Around)):
        return network.followed_by(last)
    return Around(network, plainly).followed_by(last)
