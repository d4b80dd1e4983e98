"""Causal language models are asked for the next token: their labels are shifted once, outside.

Such a model is given each text as input and, again, as labels: the logits at position t are for the
label at t + 1. Read as they stand, its outputs would be asked for the token that they can see.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor, nn
from typing_extensions import override

from minimascope.intake.networks.output_link import followed_by
from minimascope.intake.values.dataset import Dataset
from minimascope.objective.tokens import IGNORED

ENDINGS = ("ForCausalLM", "LMHeadModel")  # transformers' own names for them
SENTENCE = (
    "{name} predicts the next token: the label of each position is the one after it, as the "
    "model's own loss has it."
)
PADDED = "Labels at padding (token {pad} at the end or beginning of a text) count for nothing."
MASKED = "Labels where the attention mask is 0, or was 0 one position before, count for nothing."


class WithoutLast(nn.Module):
    """Logits (n, T, K) of all positions but the last, which has no next token."""

    @override
    def forward(self, logits: Tensor) -> Tensor:
        return logits[:, :-1]


def at_ends(marked: Tensor) -> Tensor:
    """Which marked places (n × T) belong to an unbroken run at the beginning or the end."""
    from_start = marked.long().cumprod(-1)
    from_end = marked.long().flip(-1).cumprod(-1).flip(-1)
    return (from_start + from_end) > 0


def shifts(model: nn.Module) -> bool:
    """Whether this is a model of transformers whose own loss shifts the labels."""
    kinds = [kind for kind in type(model).__mro__ if kind.__module__.startswith("transformers.")]
    return any(kind.__name__.endswith(ENDINGS) for kind in kinds)


def without_last(network: nn.Module) -> nn.Module:
    """The network without the outputs that no label is for."""
    return followed_by(network, WithoutLast())


def of_next(data: Dataset, *, pad: int | None = None) -> Dataset | None:
    """The data with the next token for each label; None where labels are not one a position.

    Where inputs come with their mask (n × 2 × T), what is masked is no label, and has none; nor is
    `pad` at the ends of a text, which a model that knows it masks by itself.
    """
    targets, inputs, said = data.targets, data.inputs, list(data.warnings)
    if targets.ndim != 2 or targets.is_floating_point():
        return None
    labels = targets[:, 1:]
    if inputs.ndim == 3 and inputs.shape[1] > 1 and inputs.shape[2] == targets.shape[1]:
        seen = inputs[:, 1] > 0
        labels = labels.masked_fill(~(seen[:, 1:] & seen[:, :-1]), IGNORED)
        said.append(MASKED)
    elif pad is not None and inputs.shape == targets.shape:
        padding = at_ends(inputs == pad)
        hidden = (padding[:, 1:] | padding[:, :-1]) & (labels != IGNORED)
        labels = labels.masked_fill(hidden, IGNORED)
        said += [PADDED.format(pad=pad)] * bool(hidden.any())
    return replace(data, targets=labels, warnings=said)
