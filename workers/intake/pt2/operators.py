"""Which operators a program may use, and how each is performed.

Only the pure mathematics of aten, named one by one; nothing that reads files, names devices or
writes in place. An in-place operator is performed as its pure twin (`graph` checks that nothing
else sees the same memory). Attention is written out, since the fused kernels have no second
derivative.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from minimascope.problems import ProblemError

# Results share memory with their first argument.
_VIEW_NAMES = """
alias chunk contiguous detach diagonal expand expand_as flatten lift_fresh_copy movedim narrow
numpy_T permute reshape select slice split split_with_sizes squeeze swapaxes t to transpose
unbind unflatten _unsafe_view unsqueeze view view_as
"""
_PURE_NAMES = """
abs acos acosh adaptive_avg_pool1d adaptive_avg_pool2d _adaptive_avg_pool2d adaptive_avg_pool3d
_adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d add addcdiv addcmul addmm addmv all
alpha_dropout amax amin any arange argmax argmin asin asinh _assert_scalar
_assert_tensor_metadata atan atan2 atanh avg_pool1d avg_pool2d avg_pool3d baddbmm batch_norm
bitwise_and bitwise_not bitwise_or bmm cat ceil celu clamp clamp_max clamp_min clone concat
constant_pad_nd conv1d conv2d conv3d conv_transpose1d conv_transpose2d convolution copysign cos
cosh cumsum div dot dropout einsum elu embedding eq erf erfc exp expm1 eye feature_dropout fill
flip floor floor_divide fmod full full_like gather ge gelu glu group_norm gt hardsigmoid
hardswish hardtanh huber_loss index index_select instance_norm isfinite isinf isnan layer_norm
le leaky_relu lerp linalg_vector_norm linear log log10 log1p log2 log_sigmoid log_softmax
_log_softmax logaddexp logical_and logical_not logical_or logit logsumexp lt masked_fill matmul
max max_pool1d max_pool2d max_pool2d_with_indices max_pool3d maximum mean min minimum mish mm
mul mv _native_batch_norm_legit_no_training native_group_norm native_layer_norm ne neg new_full
new_ones new_zeros norm one_hot ones ones_like outer pad pixel_shuffle pow prelu _prelu_kernel
prod reciprocal reflection_pad1d reflection_pad2d relu relu6 remainder repeat repeat_interleave
replication_pad2d rms_norm roll round rsqrt rsub scalar_tensor scaled_dot_product_attention
scatter selu sigmoid sign silu sin sinh softmax _softmax softplus softsign sqrt square stack std
sub sum sym_numel sym_size tan tanh threshold tile _to_copy tril triu true_divide trunc type_as
upsample_bilinear2d upsample_nearest2d var var_mean where zeros zeros_like
"""
VIEWS = frozenset(_VIEW_NAMES.split())
ALLOWED = VIEWS | frozenset(_PURE_NAMES.split())
_NOTHING = frozenset({"_assert_tensor_metadata", "_assert_scalar"})

_NUMBERS: dict[str, Callable[..., Any]] = {
    f"_operator.{name}": getattr(operator, name)
    for name in ("add", "mul", "sub", "floordiv", "mod", "neg", "ge", "le", "gt", "lt", "eq", "ne")
}


def refused(what: str) -> ProblemError:
    """A program outside the allowed language."""
    return ProblemError(
        "operator_refused",
        f"The .pt2 program {what}.",
        "Export it in evaluation mode with minimascope.export, from plain torch layers.",
    )


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(QKᵀ·scale + mask) V, twice differentiable; shapes … × L × E."""
    if dropout_p != 0.0:
        raise refused("has dropout in its attention: it was exported in training mode")
    if enable_gqa:
        groups = query.shape[-3] // key.shape[-3]
        key, value = (t.repeat_interleave(groups, dim=-3) for t in (key, value))
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = query @ key.transpose(-2, -1) * factor
    if is_causal:
        lower = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        scores = scores.masked_fill(~lower, float("-inf"))
    if attn_mask is not None:
        by_truth = attn_mask.dtype == torch.bool
        scores = scores.masked_fill(~attn_mask, float("-inf")) if by_truth else scores + attn_mask
    return torch.softmax(scores, dim=-1) @ value


def _nothing(*_values: object, **_named: object) -> None:
    """Assertions about shapes: guards of the export, no part of the mathematics."""


def split_target(target: str) -> tuple[str, str]:
    """("linear", "default") of "torch.ops.aten.linear.default". Raises operator_refused."""
    parts = target.split(".")
    if parts[:3] != ["torch", "ops", "aten"] or len(parts) != 5:
        raise refused(f"calls {target[:80]!r}, which is no aten operator")
    return parts[3], parts[4]


def pure_name(name: str) -> str:
    """ "relu" for "relu_"; the name itself otherwise."""
    in_place = name.endswith("_") and not name.endswith("__")
    return name.removesuffix("_") if in_place else name


def resolve(target: str) -> Callable[..., Any]:
    """The function a node calls. Raises ProblemError operator_refused for any other name."""
    if target in _NUMBERS:
        return _NUMBERS[target]
    name, overload = split_target(target)
    name = pure_name(name)
    if name not in ALLOWED or "out" in overload:
        raise refused(f"uses the operator aten.{name[:60]}.{overload[:40]}, which is not allowed")
    if name in _NOTHING:
        return _nothing
    if name == "scaled_dot_product_attention":
        return attention
    packet = getattr(torch.ops.aten, name, None)
    if packet is None or overload not in packet.overloads():
        raise refused(f"uses aten.{name[:60]}.{overload[:40]}, which this torch does not have")
    function: Callable[..., Any] = getattr(packet, overload)
    return function
