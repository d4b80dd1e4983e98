"""Layers whose second derivatives have forms of their own, put in place of torch's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from typing_extensions import override  # comes with torch

from minimascope.curvature.products.activations import gelu, silu
from minimascope.curvature.products.convolution import convolution
from minimascope.curvature.products.layer_norm import layer_norm
from minimascope.curvature.products.own_forms import Pass

_ATEN = torch.ops.aten
# What a module calls, and what a graph of torch.export does.
FORMS: dict[Any, Callable[..., Tensor | None]] = {
    torch.conv1d: partial(convolution, 1),
    torch.conv2d: partial(convolution, 2),
    torch.conv3d: partial(convolution, 3),
    _ATEN.conv1d.default: partial(convolution, 1),
    _ATEN.conv2d.default: partial(convolution, 2),
    _ATEN.conv3d.default: partial(convolution, 3),
    functional.gelu: gelu,
    _ATEN.gelu.default: gelu,
    functional.silu: silu,
    _ATEN.silu.default: silu,
    functional.layer_norm: layer_norm,
    _ATEN.layer_norm.default: layer_norm,
}


class QuickLayers(TorchFunctionMode):
    """Within it, layers that have such a form take it; None from a form leaves it to torch.

    linear: what is made of them will be differentiated in the pullback's cotangent alone, as the
    products of a GGN are, so that nothing is kept or worked out for more.
    """

    def __init__(self, *, linear: bool) -> None:
        super().__init__()
        self._pass = Pass(linear)

    @override
    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        self._pass.running = False
        super().__exit__(exc_type, exc_val, exc_tb)

    @override
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        given = kwargs or {}
        form = FORMS.get(func)
        found = None if form is None else form(*args, **given, within=self._pass)
        return func(*args, **given) if found is None else found
