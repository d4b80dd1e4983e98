"""A language model in a report: perplexity, dearest sequences, what flips along eigenvectors."""

from __future__ import annotations

from minimascope.contract.report.sections import Section


class ShownSequence(Section):
    """A training sequence whose tokens are shown. `loss` in nats a token; `cost`: by how much its
    loss rises where it is left out, in nats a token of a sequence of mean length."""

    row: int
    loss: float | None
    cost: float | None = None


class Flip(Section):
    """A token whose likeliest next one is another from `epsilon` on, the nearest such to 0."""

    row: int
    position: int
    epsilon: float
    before: int
    after: int


class FlipsAlong(Section):
    """Along one eigenvector: the largest share of tokens that flip within |ε| ≤ `reach`, and the
    first flips among the shown sequences."""

    reach: float
    share: float | None
    first: list[Flip] = []


class Tokens(Section):
    """What the data are where each position has a label.

    `counted`: training labels that count; `words`: labels the network tells apart. Perplexities
    are exp of the mean plain loss a token. `texts`: the words of shown ids, by id, where a
    tokenizer lay beside the weights. `walked`: sequences that walks are of, null where all.
    """

    sequences: int
    length: int
    counted: int
    words: int
    perplexity: float | None
    test_perplexity: float | None = None
    shown: list[ShownSequence] = []
    texts: dict[str, str] = {}
    flips: list[FlipsAlong] = []
    walked: int | None = None
