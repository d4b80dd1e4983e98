"""From weights and an architecture to a network with those weights in it, strictly.

The network is made on the meta device (shapes without memory), its tensors are then taken from
the checkpoint: nothing larger than the checkpoint is ever allocated, and every tensor of the
network and of the checkpoint is used exactly once. Specs: docs/network_architectures.md.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.chain import Chain
from minimascope.intake.networks.groups import Group, groups
from minimascope.intake.networks.layers import LAYERS_MOST, architecture_invalid, layer
from minimascope.intake.networks.mlp import build_mlp, mismatch
from minimascope.intake.networks.order import open_order, orders
from minimascope.intake.networks.program import build_program
from minimascope.intake.networks.pruned import mask
from minimascope.intake.values.checkpoint import Checkpoint

WHOLE = ("pt2", "huggingface")  # formats that hold their network
FAMILIES = ("mlp", "sequential", "huggingface")
# Names of models in other libraries: built where those are installed, in the user's own process.
_LIBRARIES = {
    "timm": """`minimascope export timm:create_model --arguments '{"model_name": "resnet18", """
    """"num_classes": 10}' --checkpoint FILE --example batch.npz --output model.pt2`""",
    "torchvision": """`minimascope export torchvision.models:resnet18 --arguments """
    """'{"num_classes": 10}' --checkpoint FILE --example batch.npz --output model.pt2`""",
}
TORCHSCRIPT = "A TorchScript archive gives its weights, torch.jit.load(path).state_dict(), alone"
SCRIPT_ADVICE = "Give the architecture, or export the eager network with minimascope.export. "
_COUNTER = "num_batches_tracked"  # absent from checkpoints before torch 0.4; never affects outputs


def _build_sequential(spec: dict[str, Any]) -> Chain:
    unknown = set(spec) - {"family", "layers"}
    if unknown:
        raise architecture_invalid(f"A sequential spec has no {str(min(unknown))[:40]!r}.")
    entries = spec.get("layers")
    if not isinstance(entries, list) or not 1 <= len(entries) <= LAYERS_MOST:
        raise architecture_invalid(
            f"A sequential spec needs a list of 1 to {LAYERS_MOST} layers under 'layers'."
        )
    layers = [layer(entry, place) for place, entry in enumerate(entries)]
    return Chain(layers, [str(place) for place in range(len(layers))])


def _shape(tensor: Tensor) -> list[int]:
    return list(tensor.shape)


def _by_order(checkpoint: Checkpoint, wanted: dict[str, Tensor]) -> dict[str, str]:
    """Checkpoint key → own key, module by module in order, leaf names equal."""
    owners: dict[str, list[str]] = {}
    for key in wanted:
        owner, _, leaf = key.rpartition(".")
        owners.setdefault(owner, []).append(leaf)
    given = _in_order(checkpoint, wanted, owners)
    keys: dict[str, str] = {}
    for group, (owner, leaves) in zip(given, owners.items(), strict=False):
        for leaf in leaves:
            if leaf in group.tensors:
                keys[group.key(leaf)] = f"{owner}.{leaf}"
            elif leaf != _COUNTER:
                raise mismatch(
                    f"The architecture needs {owner}.{leaf} of shape "
                    f"{_shape(wanted[f'{owner}.{leaf}'])}, but {group.name[:100]!r} of the "
                    f"checkpoint has only {', '.join(map(repr, group.tensors))}."
                )
    return keys


def _in_order(
    checkpoint: Checkpoint, wanted: dict[str, Tensor], owners: dict[str, list[str]]
) -> list[Group]:
    """Groups of the checkpoint as the architecture's modules come. ProblemError order_open."""
    given = groups(checkpoint)
    if checkpoint.ordered or len(given) != len(owners):
        return given
    needed = [{x: _shape(wanted[f"{o}.{x}"]) for x in each} for o, each in owners.items()]

    def fits(chain: list[Group], group: Group) -> bool:
        need = {k: v for k, v in needed[len(chain)].items() if k != _COUNTER}
        return need == {k: _shape(t) for k, t in group.tensors.items() if k != _COUNTER}

    possible = orders(checkpoint, fits)
    if len(possible) > 1:
        raise open_order(*possible)
    return possible[0] if possible else given


def _match(checkpoint: Checkpoint, wanted: dict[str, Tensor]) -> dict[str, str]:
    """By name where names agree, else by order; shapes are checked after."""
    counters = {key for key in wanted if key.endswith(_COUNTER)}
    if set(checkpoint.tensors) | counters == set(wanted):
        return {key: key for key in checkpoint.tensors}
    return _by_order(checkpoint, wanted)


def _check_complete(
    checkpoint: Checkpoint, wanted: dict[str, Tensor], keys: dict[str, str]
) -> None:
    """Raises ProblemError architecture_mismatch at the first key left over or of another shape."""
    for theirs, ours in keys.items():
        given, need = _shape(checkpoint.tensors[theirs]), _shape(wanted[ours])
        if given != need:
            raise mismatch(
                f"{theirs[:100]!r} has shape {given} in the checkpoint, but the architecture "
                f"gives it {need}."
            )
    for key, tensor in checkpoint.tensors.items():
        if key not in keys:
            raise mismatch(
                f"{key[:100]!r} of shape {_shape(tensor)} in the checkpoint has no place in the "
                f"architecture."
            )
    for key in set(wanted) - set(keys.values()):
        if not key.endswith(_COUNTER):
            raise mismatch(
                f"The architecture needs {key} of shape {_shape(wanted[key])}, which the "
                f"checkpoint does not have."
            )


def _common_dtype(checkpoint: Checkpoint) -> torch.dtype:
    """The widest floating dtype present, at least float32."""
    dtype = torch.float32
    for tensor in checkpoint.tensors.values():
        if tensor.is_floating_point():
            dtype = torch.promote_types(dtype, tensor.dtype)
    return dtype


def _fill(network: Chain, checkpoint: Checkpoint, keys: dict[str, str]) -> None:
    """Puts the checkpoint's tensors into the meta network; counters that lack become zero."""
    dtype = _common_dtype(checkpoint)
    tensors = {
        ours: checkpoint.tensors[theirs].to(dtype)
        if checkpoint.tensors[theirs].is_floating_point()
        else checkpoint.tensors[theirs]
        for theirs, ours in keys.items()
    }
    for key, tensor in network.state_dict().items():
        if key not in tensors:
            tensors[key] = torch.zeros(tensor.shape, dtype=tensor.dtype)
    network.load_state_dict(tensors, strict=True, assign=True)
    for name, first in checkpoint.tied.items():
        _tie(network, keys[name], keys[first])
    _freeze(network, {keys[name] for name in checkpoint.frozen if name in keys})
    mask(network, {keys[name]: each for name, each in checkpoint.masks.items() if name in keys})


def _tie(network: nn.Module, name: str, first: str) -> None:
    """One parameter under both names, as in the network that was saved; buffers stay two."""
    owner, _, leaf = name.rpartition(".")
    parameters = dict(network.named_parameters(remove_duplicate=False))
    if name in parameters and first in parameters:
        network.get_submodule(owner).register_parameter(leaf, parameters[first])


def _freeze(network: nn.Module, names: set[str]) -> None:
    """What the file says was not trained is a constant, unless that is everything."""
    parameters = dict(network.named_parameters())
    if set(parameters) <= names:
        return
    for name, parameter in parameters.items():
        parameter.requires_grad_(name not in names)


def _build_huggingface(checkpoint: Checkpoint, spec: dict[str, Any]) -> nn.Module:
    from minimascope.intake.networks.huggingface import build_huggingface

    if set(spec) != {"family", "config"} or not isinstance(spec["config"], dict):
        raise architecture_invalid("A huggingface spec has one entry: 'config', a config.json.")
    return build_huggingface(checkpoint, spec["config"])


def _family(architecture: dict[str, Any] | None, format: str) -> str:
    if not architecture:
        script = format == "torchscript"
        raise ProblemError(
            "architecture_missing",
            f"{TORCHSCRIPT if script else 'These are bare weights'}: they need an architecture to "
            "become a network.",
            f"{SCRIPT_ADVICE if script else ''}"
            'For an MLP: {"family": "mlp", "activation": "relu"}. `minimascope architectures '
            "--checkpoint FILE --train FILE` lists what the shapes allow; see "
            "docs/network_architectures.md.",
        )
    family = architecture.get("family")
    if family not in FAMILIES:
        raise ProblemError(
            "architecture_invalid",
            f"The architecture family {str(family)[:40]!r} is not known; "
            f"allowed are {', '.join(FAMILIES)}.",
            _LIBRARIES.get(str(family), "Any other network: minimascope.export")
            + " writes a .pt2 that needs no architecture.",
        )
    return str(family)


def check_described(architecture: dict[str, Any] | None, format: str) -> None:
    """Raises ProblemError architecture_missing where bare weights of that format have none."""
    if format not in WHOLE:
        _family(architecture, format)


def build_network(checkpoint: Checkpoint, architecture: dict[str, Any] | None) -> nn.Module:
    """The network in evaluation mode with the checkpoint's weights and buffers.

    A .pt2 brings its own program: `architecture` is then None. For bare weights:
    float16 and bfloat16 weights become float32; otherwise the widest dtype present is used.
    Raises ProblemError: architecture_missing, architecture_invalid (the spec is wrong),
    architecture_mismatch (spec and weights disagree; names the key and both shapes).
    """
    if checkpoint.graph is not None:
        if architecture:
            raise architecture_invalid("A .pt2 carries its own program and takes no architecture.")
        return build_program(checkpoint.graph, checkpoint.tensors)
    if checkpoint.config is not None and not architecture:
        architecture = {"family": "huggingface", "config": checkpoint.config}
    family = _family(architecture, checkpoint.format)
    if family == "huggingface":
        return _build_huggingface(checkpoint, dict(architecture or {}))
    if family == "mlp":
        network, keys = build_mlp(checkpoint, dict(architecture or {}))
    else:
        network = _build_sequential(dict(architecture or {}))
        keys = _match(checkpoint, network.state_dict())
    _check_complete(checkpoint, network.state_dict(), keys)
    _fill(network, checkpoint, keys)
    return network.eval()
