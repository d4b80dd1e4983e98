"""The torch.nn layers an architecture may name, and what their arguments may be."""

from __future__ import annotations

import difflib
import math
from typing import Any

import torch
from torch import nn

from minimascope.contract.problems import ProblemError

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "sigmoid": nn.Sigmoid,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "softplus": nn.Softplus,
    "identity": nn.Identity,
}

LAYERS: dict[str, type[nn.Module]] = {
    layer.__name__: layer
    for layer in (
        *ACTIVATIONS.values(),
        *(nn.ReLU6, nn.SELU, nn.CELU, nn.Mish, nn.Hardswish, nn.Hardtanh, nn.Softsign),
        *(nn.LogSigmoid, nn.PReLU, nn.Softmax, nn.LogSoftmax),
        *(nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d),
        *(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm, nn.GroupNorm),
        *(nn.MaxPool1d, nn.MaxPool2d, nn.AvgPool1d, nn.AvgPool2d),
        *(nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d),
        *(nn.Flatten, nn.Unflatten, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.ZeroPad2d),
        nn.Embedding,
    )
}
LAYERS_MOST = 1000
NUMBER_MOST = 1_000_000
_WORDS = ("same", "valid", "zeros", "reflect", "replicate", "circular", "none", "tanh")
_REFUSED_OPTIONS = ("device", "dtype", "inplace")


def architecture_invalid(sentence: str) -> ProblemError:
    """The spec itself is wrong, whatever the weights are."""
    return ProblemError("architecture_invalid", sentence, "See docs/network_architectures.md.")


def _check_value(value: Any, where: str) -> Any:
    """Whole numbers up to a million, finite numbers, true/false, a few words, short lists."""
    if isinstance(value, list) and len(value) <= 8:
        return tuple(_check_value(v, where) for v in value)
    fine = (
        value is None
        or isinstance(value, bool)
        or (isinstance(value, int | float) and math.isfinite(value) and abs(value) <= NUMBER_MOST)
        or (isinstance(value, str) and value in _WORDS)
    )
    if not fine:
        raise architecture_invalid(
            f"{where} has the argument {str(value)[:60]!r}; allowed are numbers up to "
            f"{NUMBER_MOST}, true, false and {', '.join(_WORDS)}."
        )
    return value


def _split(entry: Any, where: str) -> tuple[str, list[Any], dict[str, Any]]:
    """["Conv2d", 3, 16, {"kernel_size": 3}] → name, positional and named arguments."""
    if isinstance(entry, str):
        entry = [entry]
    if not isinstance(entry, list) or not entry or not isinstance(entry[0], str):
        raise architecture_invalid(
            f'{where} is {str(entry)[:60]!r}; a layer looks like ["Linear", 2, 100].'
        )
    name, arguments = entry[0], entry[1:]
    options = arguments.pop() if arguments and isinstance(arguments[-1], dict) else {}
    return name, arguments, options


def _unknown(what: str, name: str, table: dict[str, type[nn.Module]]) -> ProblemError:
    """Names the closest known one, if any is close, and all of them."""
    plain = {known.lower().replace("_", ""): known for known in table}
    close = difflib.get_close_matches(name.lower().replace("_", "")[:40], plain, n=1)
    hint = f" (did you mean {plain[close[0]]}?)" if close else ""
    return architecture_invalid(f"{what}{hint}; allowed are {', '.join(sorted(table))}.")


def layer(entry: Any, place: int) -> nn.Module:
    """One layer on the meta device: its shapes are known, nothing is allocated.

    Raises ProblemError architecture_invalid: unknown layer (with the list of known ones), or
    arguments outside the bounds or not fitting the layer.
    """
    name, arguments, options = _split(entry, f"Layer {place}")
    where = f"Layer {place} ({name[:40]})"
    if name not in LAYERS:
        raise _unknown(f"Layer {place} is {name[:40]!r}", name, LAYERS)
    for option in options:
        if option in _REFUSED_OPTIONS:
            raise architecture_invalid(f"{where} may not set {option!r}.")
    positional = [_check_value(value, where) for value in arguments]
    named = {str(key): _check_value(value, where) for key, value in options.items()}
    try:
        with torch.device("meta"):
            return LAYERS[name](*positional, **named)
    except (TypeError, ValueError, RuntimeError, ZeroDivisionError, OverflowError) as error:
        raise architecture_invalid(f"{where} cannot be made: {str(error)[:150]}.") from error


def activation(name: Any) -> nn.Module:
    """A fresh activation by name. Raises ProblemError architecture_missing, _invalid."""
    allowed = ", ".join(sorted(ACTIVATIONS))
    if name is None:
        raise ProblemError(
            "architecture_missing",
            "The architecture does not name the activation, and weights alone do not tell it.",
            f"Name it: one of {allowed}.",
        )
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise _unknown(f"The activation {str(name)[:40]!r} is not known", str(name), ACTIVATIONS)
    return ACTIVATIONS[name]()
