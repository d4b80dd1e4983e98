"""How the data are cut into chunks, whose products come from a layer chain or from autograd."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from minimascope.curvature.minimum.minimum import Minimum, check_minimum
from minimascope.curvature.products.chain.arena import Arena
from minimascope.curvature.products.chain.graph import ChainGraph, chain_graph
from minimascope.curvature.products.chain.recognition import Chain, recognise
from minimascope.curvature.products.graphs import (
    ChunkGraph,
    available_bytes,
    fresh_leaves,
    gradient_graph,
    jacobian_graph,
)
from minimascope.curvature.products.token_graph import TokenGraph
from minimascope.curvature.products.token_head import TokenHead, token_head

Retain = Literal["auto", "always", "never"]
Purpose = Literal["hessian", "jacobian"]
PILOT = 32  # examples whose graph is weighed before anything is planned, and make a chunk
CACHE_BYTES = 32 * 2**20  # batched rows beyond a few caches gained nothing on CPU
CHAIN_BATCH_BYTES = 8 * 2**20  # the same for layer chains
PULLBACK_BYTES = 64 * 2**20  # of language models: what GGN products keep beyond one pass
CHAIN_BYTES = (
    32 * 2**20
)  # of a chunk of a layer chain: smaller ones cost calls, larger ones page faults


class Graph(Protocol):
    """What every chunk can do, whoever differentiates it."""

    @property
    def logits(self) -> Tensor: ...

    def hessian_rows(self, rows: Tensor, moved: range | None = None) -> Tensor:
        """The chunk's share of H applied to (b, p) rows.

        With `moved`, a range that `Source.is_block` and outside of which `rows` are 0, only the
        result's part within it is right.
        """

    def push_rows(self, rows: Tensor) -> Tensor:
        """J v of every example of the chunk for (b, p) rows: (b, m, K)."""

    def pull_rows(self, cotangents: Tensor) -> Tensor:
        """Σ_i J_iᵀ u_i over the chunk for (b, m, K) cotangents: (b, p)."""


class Source(Protocol):
    """Makes the graph of a chunk, and says what it weighs.

    `least` examples make a chunk, where there are as many: smaller ones cost calls.
    """

    least: int

    def build(self, examples: slice) -> Graph: ...

    def weigh(self, examples: slice) -> int:
        """Bytes kept alive beyond parameters and data."""

    def is_block(self, moved: range) -> bool:
        """Whether graphs can multiply this range of θ alone."""


@dataclass(frozen=True)
class Layout:
    """How the data are cut: `chunk` examples a graph, `rows` vectors a batched product."""

    chunk: int
    rows: int
    retained: bool
    bytes_per_example: int


class ByChain:
    """Hand-written derivatives of a chain of layers."""

    least = PILOT

    def __init__(self, minimum: Minimum, chain: Chain) -> None:
        self._minimum, self._chain, self._arena = minimum, chain, Arena()

    def build(self, examples: slice) -> ChainGraph:
        return chain_graph(self._chain, self._minimum, examples, self._arena)

    def weigh(self, examples: slice) -> int:
        return self.build(examples).nbytes

    def is_block(self, moved: range) -> bool:
        return self._chain.is_block(moved)


class ByAutograd:
    """Any network; the leaves are shared by all chunks."""

    least = PILOT

    def __init__(self, minimum: Minimum, purpose: Purpose) -> None:
        self._minimum = minimum
        self._make = gradient_graph if purpose == "hessian" else jacobian_graph
        self._parameters = fresh_leaves(minimum)

    def build(self, examples: slice) -> ChunkGraph:
        return self._make(self._minimum, self._parameters, examples)

    def weigh(self, examples: slice) -> int:
        return _weight_of(self._minimum, self._parameters, lambda: self.build(examples))

    def is_block(self, moved: range) -> bool:
        places = self._minimum.places.values()
        ends = {place.start for place in places} | {place.stop for place in places}
        return {moved.start, moved.stop} <= ends


class ByTokens:
    """Sequences with a logit for each word at each position, some positions at a time."""

    least = 1

    def __init__(self, minimum: Minimum, head: TokenHead, purpose: Purpose) -> None:
        self._minimum, self._head, self._purpose = minimum, head, purpose
        self._parameters = fresh_leaves(minimum)
        self._reused = purpose == "jacobian" and self._is_small()

    def build(self, examples: slice) -> TokenGraph:
        return self._built(examples, reused=self._reused)

    def _built(self, examples: slice, *, reused: bool) -> TokenGraph:
        made_of = (self._head, self._minimum, self._parameters, examples)
        twice = self._purpose == "hessian"
        return TokenGraph(*made_of, differentiable=twice, reused=reused)

    def _is_small(self) -> bool:
        """Whether graphs of pullbacks are soon kept, for vectors that then cost no pass."""

        def build() -> TokenGraph:
            return self._built(slice(0, 1), reused=True)

        weight = _weight_of(self._minimum, self._parameters, build)
        return weight * self._minimum.n <= PULLBACK_BYTES

    def weigh(self, examples: slice) -> int:
        return _weight_of(self._minimum, self._parameters, lambda: self.build(examples))

    def is_block(self, moved: range) -> bool:
        return False


def _weight_of(minimum: Minimum, parameters: dict[str, Tensor], build: Callable[[], object]) -> int:
    """Bytes that autograd keeps for a graph, beside parameters and data."""
    kept = [*parameters.values(), *minimum.network.parameters(), minimum.inputs]
    known = {tensor.untyped_storage().data_ptr() for tensor in kept}
    seen: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(note, lambda tensor: tensor):
        build()
    return sum(seen.values())


def source(minimum: Minimum, purpose: Purpose) -> Source:
    """A layer chain where the network is one, a token head where it has one, else autograd."""
    if (head := token_head(minimum)) is not None:
        return ByTokens(minimum, head, purpose)
    chain = recognise(minimum)
    return ByAutograd(minimum, purpose) if chain is None else ByChain(minimum, chain)


def chunks_of(
    minimum: Minimum, purpose: Purpose, *, chunk: int | None, retain: Retain
) -> tuple[Chunks, Source]:
    """The chunk graphs of a minimum that can be analysed, and who makes them.

    ValueError where θ or the inputs are not finite.
    """
    check_minimum(minimum)
    made_by = source(minimum, purpose)
    layout = plan_layout(minimum, made_by, chunk=chunk, retain=retain)
    return Chunks(minimum, made_by, layout), made_by


def plan_layout(minimum: Minimum, made_by: Source, *, chunk: int | None, retain: Retain) -> Layout:
    """Weighs the graph of a few examples and cuts the data so that the graphs fit."""
    pilot = min(made_by.least, minimum.n, chunk or minimum.n)
    weight = max(1, made_by.weigh(slice(0, pilot)) // pilot)
    # A quarter: bases, batched rows and everybody else's arrays need the rest.
    budget = available_bytes(minimum.inputs.device) // 4
    on_gpu = minimum.inputs.device.type == "cuda"
    aim = CHAIN_BYTES if isinstance(made_by, ByChain) and not on_gpu else budget
    size = chunk or max(1, min(minimum.n, max(made_by.least, aim // weight), budget // weight))
    fits = weight * minimum.n <= budget
    cached = CHAIN_BATCH_BYTES if isinstance(made_by, ByChain) else CACHE_BYTES
    room = budget if on_gpu else cached
    rows = max(1, min(64, room // (weight * size)))
    return Layout(size, rows, retain == "always" or (retain == "auto" and fits), weight)


class Chunks:
    """The chunk graphs of one minimum: kept, or rebuilt at every visit."""

    def __init__(self, minimum: Minimum, made_by: Source, layout: Layout) -> None:
        self.layout = layout
        starts = range(0, minimum.n, layout.chunk)
        self._slices = [slice(start, start + layout.chunk) for start in starts]
        self._n, self._source = minimum.n, made_by
        self._kept = [made_by.build(s) for s in self._slices] if layout.retained else None

    @property
    def bytes(self) -> int:
        """Bytes that one product passes over: a measure of its time, alike on every machine."""
        return self.layout.bytes_per_example * self._n

    def rows_of(self, V: Tensor) -> Iterator[slice]:
        """Slices of the rows of (c, p) that go through a graph at a time."""
        size = self.layout.rows
        return (slice(start, start + size) for start in range(0, V.shape[0], size))

    def __iter__(self) -> Iterator[tuple[slice, Graph]]:
        """Pairs of example slice and graph."""
        for k, examples in enumerate(self._slices):
            yield (
                examples,
                self._kept[k] if self._kept is not None else self._source.build(examples),
            )
