"""Which inputs a network takes, and what to do with inputs it does not take."""

from __future__ import annotations

import math

from torch import Tensor, nn

from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.program import Program

_CONVOLUTIONS: dict[type[nn.Module], int] = {nn.Conv1d: 1, nn.Conv2d: 2, nn.Conv3d: 3}
_AS_TRAINED = "Send the inputs as they went into the network in training."


def takes_ids(network: nn.Module) -> bool:
    """True where inputs are whole numbers that name tokens, to be kept as int64."""
    known = getattr(network, "input_is_floating", None)  # of programs and transformers' models
    if known is not None:
        return not known
    layers = [module for module in network.modules() if not list(module.children())]
    return bool(layers) and isinstance(layers[0], nn.Embedding)


def _refused(which: str, given: list[int], wanted: str, advice: str) -> ProblemError:
    return ProblemError(
        "input_shape_mismatch",
        f"The {which} examples have shape {given}, but the network expects {wanted}.",
        advice,
    )


def _channels_first(given: list[int], channels: int, axes: int) -> str:
    """What turns inputs given in another order into channels first."""
    if len(given) == axes + 1 and given[-1] == channels != given[0]:
        order = ", ".join(map(str, (0, axes + 1, *range(1, axes + 1))))
        return f"Channels come first in torch: send X.transpose({order})."
    if len(given) == axes and channels == 1:
        return "Add the axis of the channel: send X[:, None]."
    if len(given) == 1 and axes == 2:
        return f"Give images their shape: X.reshape(len(X), {channels}, height, width)."
    return _AS_TRAINED


def _for_linear(given: list[int], features: int) -> str:
    if math.prod(given) == features:
        return "Flatten each example: send X.reshape(len(X), -1)."
    if given == [features + 1]:
        return "Is the label or a row number still among the columns of X? Leave it out."
    return _AS_TRAINED


def _program_problem(network: Program, given: list[int], which: str) -> ProblemError:
    sizes = network.input_sizes
    shown = ", ".join("any" if size is None else str(size) for size in sizes)
    wanted = f"[{shown}], for which the .pt2 was exported"
    if None not in sizes and len(sizes) == 3 and given == [sizes[1], sizes[2], sizes[0]]:
        return _refused(which, given, wanted, "Channels come first: send X.transpose(0, 3, 1, 2).")
    if None not in sizes and math.prod(given) == math.prod(size or 0 for size in sizes):
        return _refused(which, given, wanted, f"Send X.reshape(len(X), {shown}).")
    return _refused(which, given, wanted, _AS_TRAINED)


def check_sizes(network: nn.Module, inputs: Tensor, which: str) -> None:
    """Raises ProblemError input_shape_mismatch unless a program's fixed sizes are those given.

    A program exported for 28 × 28 may run on 32 × 32 too, but as another network than trained.
    """
    if takes_ids(network) and inputs.is_floating_point():
        raise ProblemError(
            "input_shape_mismatch",
            f"The network takes token ids, but the {which} inputs are {inputs.dtype} numbers.",
            "Send X as whole numbers: X.astype(int).",
        )
    if not isinstance(network, Program):
        return
    given, wanted = list(inputs.shape[1:]), network.input_sizes
    same = len(given) == len(wanted)
    if not same or any(w not in (None, g) for g, w in zip(given, wanted, strict=True)):
        raise _program_problem(network, given, which)


def fixed_batch(size: int | None) -> ProblemError:
    """A program with the number of examples written into it."""
    of = "" if size is None else f" of {size} examples"
    return ProblemError(
        "fixed_batch",
        f"The .pt2 was exported for a fixed batch{of} and takes no other.",
        'Export it with minimascope.export(model, batch, "model.pt2"), which leaves the batch '
        "free, and write x.flatten(1) or x.shape[0] where forward has the number itself.",
    )


def shape_problem(network: nn.Module, inputs: Tensor, which: str, error: Exception) -> ProblemError:
    """What the first layer expects, where it can be read off; else torch's own words."""
    given = list(inputs.shape[1:])
    if isinstance(network, Program) and network.batch not in (None, len(inputs)):
        return fixed_batch(network.batch)
    if takes_ids(network) and "out of range" in str(error):
        return ProblemError(
            "input_shape_mismatch",
            f"Token ids of the {which} data run from {int(inputs.min())} to {int(inputs.max())}, "
            "outside the network's vocabulary.",
            "Send the ids of the tokenizer the network was trained with.",
        )
    for module in network.modules():
        if isinstance(module, nn.Linear) and given[-1:] != [module.in_features]:
            wanted = f"{module.in_features} numbers an example (Linear)"
            return _refused(which, given, wanted, _for_linear(given, module.in_features))
        axes = _CONVOLUTIONS.get(type(module))
        if axes is not None and isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
            channels = module.in_channels
            if len(given) == axes + 1 and given[0] == channels:
                break
            wanted = f"{channels} channels first ({type(module).__name__})"
            return _refused(which, given, wanted, _channels_first(given, channels, axes))
        if isinstance(module, nn.Linear | nn.Embedding):
            break
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(". ")
    return ProblemError(
        "input_shape_mismatch",
        f"The network cannot take the {which} examples of shape {given}: {reason}.",
        "Are the inputs of the size they had in training, and is the architecture complete?",
    )
