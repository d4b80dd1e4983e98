"""What a training script holds of a causal language model, with its labels shifted once."""

from __future__ import annotations

from torch import nn

from minimascope.intake.networks.next_tokens import SENTENCE, of_next, shifts, without_last
from minimascope.training.joining import Joined


def next_tokens(joined: Joined, model: nn.Module) -> Joined:
    """The same with each position's label the next one, where the model is one that shifts."""
    train = of_next(joined.train) if shifts(model) else None
    if train is None:
        return joined
    said = SENTENCE.format(name=type(model).__name__)
    test = joined.test and of_next(joined.test)
    return Joined(without_last(joined.network), train, test, [*joined.said, said])
