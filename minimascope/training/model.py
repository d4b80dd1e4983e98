"""The model of a script as a network that may be changed: a copy, unwrapped, on the CPU."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from minimascope.contract.problems import ProblemError
from minimascope.curvature.products.fully_sharded import is_sharded
from minimascope.intake.networks.chain import Chain
from minimascope.intake.values.checkpoint import Checkpoint
from minimascope.training.refusals import first_line, model_unusable, named
from minimascope.training.written_out import copies_of_results, written_out

# Wrappers by class name: torch.distributed need not be there, and is not imported for this.
WRAPPERS = {"DistributedDataParallel": "module", "DataParallel": "module"}
HALVES = (torch.float16, torch.bfloat16)
HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
)


@dataclass(frozen=True)
class Copied:
    """A copy of the user's network, float32 or wider, in evaluation mode on the CPU.

    `own` is the user's network itself without its wrappers, only ever read.
    """

    network: nn.Module
    own: nn.Module
    said: list[str] = field(default_factory=list)

    @property
    def names(self) -> dict[int, str]:
        """Names of the user's parameters by their identity, as an optimiser holds them."""
        return {id(q): name for name, q in self.own.named_parameters()}

    @property
    def device(self) -> str:
        """Where the user's network is, as far as it can be computed there in float64."""
        first = next(self.own.parameters(), None)
        return "cuda" if first is not None and first.device.type == "cuda" else "cpu"

    def checkpoint(self) -> Checkpoint:
        """What the report says of the weights."""
        return Checkpoint({}, "memory", _sha256(self.own), warnings=self.said)


def copied(model: Any) -> Copied:
    """A deep copy that shares nothing with the model. Raises ProblemError model_unusable."""
    own, said = _unwrapped(model)
    _check(own)
    try:
        network = copy.deepcopy(own, {**copies_of_results(own)})
    except (RuntimeError, TypeError, AttributeError) as error:
        raise model_unusable(
            f"The model cannot be copied ({first_line(error)}), and only a copy is ever changed.",
            "Does it keep outputs of a pass in lists or dicts? Delete those.",
        ) from error
    said += _without_hooks(network)
    written_out(network)
    half = {q.dtype for q in network.parameters()} & set(HALVES)
    if half:
        kind = str(half.pop()).removeprefix("torch.")
        said.append(f"The model is in {kind}; its weights were taken as they are, and more digits")
        said[-1] += " computed with."
    network = _floating(network.cpu())
    return Copied(_as_chain(network).eval(), own, said)


def _unwrapped(model: Any) -> tuple[nn.Module, list[str]]:
    said: list[str] = []
    while True:
        wrapper = type(model).__name__
        inside = WRAPPERS.get(wrapper, "_orig_mod" if hasattr(model, "_orig_mod") else "")
        if not inside or not isinstance(getattr(model, inside, None), nn.Module):
            break
        model = getattr(model, inside)
        said.append(
            f"The model was compiled; what was compiled is analysed, {named(model)}."
            if inside == "_orig_mod"
            else f"The model was wrapped in {wrapper}; what is within is analysed, {named(model)}."
        )
    return model, said


def _check(own: Any) -> None:
    if not isinstance(own, nn.Module):
        raise model_unusable(f"The model is a {named(own)}; a torch.nn.Module is needed.")
    if isinstance(own, torch.jit.ScriptModule):
        raise model_unusable(
            "The model is TorchScript, which has no derivatives by vmap.",
            "Give the module that it was made of.",
        )
    if any(nn.parameter.is_lazy(q) for q in (*own.parameters(), *own.buffers())):
        raise model_unusable(
            "The model has layers that wait for their first batch.", "Run it on one batch first."
        )
    if not any(q.requires_grad for q in own.parameters()):
        raise model_unusable(
            "No parameter of the model has requires_grad, so nothing of it was trained.",
            "Set requires_grad where training changed it.",
        )
    if any(is_sharded(q) for q in own.parameters()):
        raise model_unusable(
            "The model's weights are sharded over processes (fully_shard).",
            "Give a copy with whole weights, or see docs/howto/several_devices.md.",
        )
    if any(q.device.type == "meta" for q in own.parameters()):
        raise model_unusable("Parameters of the model are on device meta: they have no numbers.")
    _check_finite(own)


def _check_finite(own: nn.Module) -> None:
    for name, q in own.named_parameters():
        bad = int((~torch.isfinite(q.detach())).sum())
        if bad:
            raise ProblemError("nan_weights", f"{name!r} holds {bad} values that are not finite.")


def _without_hooks(network: nn.Module) -> list[str]:
    """Hooks of the script would see passes that are none of its own; torch's own stay."""
    left: set[str] = set()
    for name, module in network.named_modules():
        for kind in HOOKS:
            hooks = getattr(module, kind)
            for key in [k for k, hook in hooks.items() if not _is_torchs(hook)]:
                del hooks[key]
                left.add(name or "the model itself")
    if not left:
        return []
    where = ", ".join(sorted(left)[:3])
    return [f"Hooks of yours ({where}) were not run: where they change outputs, make them layers."]


def _is_torchs(hook: Any) -> bool:
    return str(getattr(hook, "__module__", "") or type(hook).__module__).startswith("torch.")


def _floating(network: nn.Module) -> nn.Module:
    """Half precision widened, everything in the widest kind that is there."""
    kinds = [t.dtype for t in network.parameters() if t.is_floating_point()]
    widest = torch.float32
    for kind in kinds:
        widest = torch.promote_types(widest, kind)
    return network.to(widest)


def _as_chain(network: nn.Module) -> nn.Module:
    """A plain nn.Sequential as files of it are opened: the same steps, the same names."""
    if type(network) is not nn.Sequential or not len(network):
        return network
    names, layers = zip(*network.named_children(), strict=True)
    if len(layers) != len(network):  # a layer that comes twice
        return network
    return Chain(layers, names)


def _sha256(network: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, tensor in _state(network):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _state(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from network.named_parameters()
    yield from network.named_buffers()
