"""Per-example Jacobians J (n × K × p) of the logits.

Linear, Conv2d and Embedding layers use K backward passes over the whole batch and outer products
(`traces`); a network with any other parameter falls back to vmap(jacrev).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.func import functional_call, jacrev, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from minimascope.curvature.layers.traces import LayerTrace, trace_layers
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.running.memory import out_of_memory

CHUNK = 64
BYTES_AT_ONCE = 256 * 2**20
# Errors that a way without vmap would not mend, or should not: want of memory, branches on values.
BRANCHES = "data-dependent"


def jacobian(minimum: Minimum, inputs: Tensor, *, closed_form: bool | None = None) -> Tensor:
    """J (n × K × p) on `inputs`; the caller chooses n so that it fits.

    `closed_form` says whether that of `traces` gives all of it; None finds out.
    """
    if closed_form_applies(minimum, inputs) if closed_form is None else closed_form:
        traces = trace_layers(minimum, inputs)
        return _assemble(minimum, _trace_blocks(traces))
    return _assemble(minimum, _reverse_mode(minimum, inputs, minimum.names))


def jacobian_of(minimum: Minimum, inputs: Tensor, names: list[str]) -> Tensor:
    """J (n × K × q) of some parameter tensors alone, in θ order, by reverse mode."""
    ordered = [name for name in minimum.names if name in names]
    blocks = _reverse_mode(minimum, inputs, ordered)
    return torch.cat([blocks[name] for name in ordered], dim=2)


def closed_form_applies(minimum: Minimum, inputs: Tensor) -> bool:
    """Whether the layer traces give all of J."""
    return closed_form_names(minimum, inputs) == set(minimum.names)


def closed_form_names(minimum: Minimum, inputs: Tensor) -> set[str]:
    """Parameter tensors whose part of J the layer traces give: checked on one example."""
    probe = inputs[:1]
    blocks = _trace_blocks(trace_layers(minimum, probe))
    exact = _reverse_mode(minimum, probe, [name for name in minimum.names if name in blocks])
    # A tied weight, or one used outside its layer, shows up here as a difference.
    return {
        name
        for name, block in exact.items()
        if torch.allclose(blocks[name], block, rtol=1e-6, atol=1e-9)
    }


def _trace_blocks(traces: list[LayerTrace]) -> dict[str, Tensor]:
    blocks: dict[str, Tensor] = {}
    for trace in traces:
        width = trace.inputs.shape[2] - (trace.bias is not None)
        a, s = trace.inputs[:, :, :width], trace.sensitivities
        order = "nkto,ntd->nkdo" if trace.transposed else "nkto,ntd->nkod"
        blocks[trace.weight] = torch.einsum(order, s, a).flatten(2)
        if trace.bias is not None:
            blocks[trace.bias] = s.sum(dim=2)
    return blocks


def _assemble(minimum: Minimum, blocks: dict[str, Tensor]) -> Tensor:
    return torch.cat([blocks[name] for name in minimum.names], dim=2)


def _reverse_mode(minimum: Minimum, inputs: Tensor, names: list[str]) -> dict[str, Tensor]:
    if not names:  # of an exported program, say, whose layers nobody sees
        return {}
    frozen = {name: q.detach() for name, q in minimum.network.named_parameters()}
    chosen = {name: frozen.pop(name) for name in names}

    def one(parameters: dict[str, Tensor], x: Tensor) -> Tensor:
        output = functional_call(minimum.network, {**frozen, **parameters}, (x[None],))
        return output.reshape(-1)

    with sdpa_kernel(SDPBackend.MATH):  # fused attention has no vmap
        try:
            if len(inputs) == 1:  # jacrev imports a compiler, which takes seconds
                row = _example_by_example(one, chosen, inputs[0])
                return {name: each.flatten(1)[None] for name, each in row.items()}
            rows = vmap(jacrev(one), in_dims=(None, 0), chunk_size=CHUNK)(chosen, inputs)
        except RuntimeError as error:
            if out_of_memory(error) or BRANCHES in str(error):
                raise
            each = [_example_by_example(one, chosen, x) for x in inputs]
            rows = {name: torch.stack([row[name] for row in each]) for name in names}
    return {
        name: block.reshape(*block.shape[:2], -1) for name, block in rows.items()
    }  # scalars too


def _example_by_example(
    one: Callable[[dict[str, Tensor], Tensor], Tensor], chosen: dict[str, Tensor], x: Tensor
) -> dict[str, Tensor]:
    """The same for one example, an output at a time: torch has no right rule for several at once

    of some operators (PReLU with a single slope).
    """
    own = {name: q.detach().requires_grad_() for name, q in chosen.items()}
    with torch.enable_grad():
        outputs = one(own, x)
        rows = [
            torch.autograd.grad(z, list(own.values()), retain_graph=True, materialize_grads=True)
            for z in outputs
        ]
    stacked = [torch.stack(parts) for parts in zip(*rows, strict=True)]
    return dict(zip(own, stacked, strict=True))


def examples_at_once(numbers: int) -> int:
    """Examples of so many numbers each that together stay near 256 MiB."""
    return max(1, BYTES_AT_ONCE // (8 * numbers))


def jacobian_chunks(
    minimum: Minimum, inputs: Tensor, *, outputs: int
) -> Iterator[tuple[slice, Tensor]]:
    """J in chunks of examples near 256 MiB, with the slice each covers; `outputs` is K."""
    closed_form = closed_form_applies(minimum, inputs)
    chunk = examples_at_once(outputs * minimum.dim)
    for start in range(0, inputs.shape[0], chunk):
        at = slice(start, min(start + chunk, inputs.shape[0]))
        yield at, jacobian(minimum, inputs[at], closed_form=closed_form)
