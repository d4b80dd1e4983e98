"""Causal language models of Hugging Face shift labels within; here they are shifted once, outside.

Such a model is given each text as input and, again, as labels: the logits at position t are for the
label at t + 1. Read as they stand, its outputs would be asked for the token that they can see.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor, nn
from typing_extensions import override

from minimascope.intake.networks.output_link import followed_by
from minimascope.intake.values.dataset import Dataset
from minimascope.training.joining import Joined

ENDINGS = ("ForCausalLM", "LMHeadModel")  # transformers' own names for them


class WithoutLast(nn.Module):
    """Logits (n, T, K) of all positions but the last, which has no next token."""

    @override
    def forward(self, logits: Tensor) -> Tensor:
        return logits[:, :-1]


def next_tokens(joined: Joined, model: nn.Module) -> Joined:
    """The same with each position's label the next one, where the model is one that shifts."""
    targets = joined.train.targets
    if not _shifts(model) or targets.ndim != 2 or targets.is_floating_point():
        return joined
    said = (
        f"{type(model).__name__} predicts the next token: the label of each position is the one "
        "after it, as the model's own loss has it."
    )
    return Joined(
        followed_by(joined.network, WithoutLast()),
        _shifted(joined.train),
        joined.test and _shifted(joined.test),
        [*joined.said, said],
    )


def _shifts(model: nn.Module) -> bool:
    kinds = [kind for kind in type(model).__mro__ if kind.__module__.startswith("transformers.")]
    return any(kind.__name__.endswith(ENDINGS) for kind in kinds)


def _shifted(data: Dataset) -> Dataset:
    return replace(data, targets=data.targets[:, 1:])
