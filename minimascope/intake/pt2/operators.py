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

from minimascope.intake.pt2.recurrent import RECURRENT
from minimascope.intake.pt2.refusals import refused
from minimascope.intake.pt2.written_out import (
    cdist,
    embedding_bag,
    grid_sampler,
    logcumsumexp,
)
from minimascope.intake.pt2.written_values import copy, index_put, slice_scatter

# Results share memory with their first argument.
_VIEW_NAMES = """
alias broadcast_to chunk conj _conj contiguous detach diagonal expand expand_as flatten imag
lift_fresh_copy moveaxis movedim narrow numpy_T permute real reshape resolve_conj resolve_neg select
slice split split_with_sizes squeeze swapaxes swapdims t tensor_split to transpose unbind unflatten
unfold _unsafe_view unsqueeze view view_as view_as_complex view_as_real
"""
_PURE_NAMES = """
abs acos acosh adaptive_avg_pool1d adaptive_avg_pool2d _adaptive_avg_pool2d adaptive_avg_pool3d
_adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d add addcdiv
addcmul addmm addmv all alpha_dropout amax amin any arange argmax argmin asin asinh
_assert_scalar _assert_tensor_metadata atan atan2 atanh avg_pool1d avg_pool2d avg_pool3d baddbmm
batch_norm bilinear bitwise_and bitwise_not bitwise_or bmm cat ceil celu channel_shuffle clamp
clamp_max clamp_min clone concat constant_pad_nd conv1d conv2d conv3d conv_transpose1d
conv_transpose2d conv_transpose3d convolution copysign cos cosh cosine_similarity cumprod cumsum
div dot dropout einsum elu embedding eq erf erfc exp exp2 expm1 eye feature_dropout fill flip
floor floor_divide fmax fmin fmod full full_like gather ge gelu glu group_norm gt hardshrink
hardsigmoid hardswish hardtanh huber_loss hypot im2col index index_add index_select
instance_norm isfinite isinf isnan layer_norm le leaky_relu lerp linalg_norm linalg_vector_norm
linear log log10 log1p log2 log_sigmoid _log_softmax log_softmax logaddexp logical_and
logical_not logical_or logit logsumexp lt masked_fill matmul max max_pool1d max_pool2d
max_pool2d_with_indices max_pool3d maximum mean min minimum mish mm mul mv nan_to_num
_native_batch_norm_legit_no_training native_channel_shuffle native_group_norm native_layer_norm
ne neg new_full new_ones new_zeros norm one_hot ones ones_like outer pad pixel_shuffle
pixel_unshuffle pow prelu _prelu_kernel prod reciprocal reflection_pad1d reflection_pad2d relu
relu6 remainder repeat repeat_interleave replication_pad2d rms_norm roll round rsqrt rsub
scalar_tensor scaled_dot_product_attention scatter scatter_add selu sgn sigmoid sign silu sin
sinc sinh _softmax softmax softplus softshrink softsign sort sqrt square stack std std_mean sub
sum sym_numel sym_size tan tanh threshold tile _to_copy topk tril triu true_divide trunc type_as
upsample_bicubic2d upsample_bilinear2d upsample_linear1d upsample_nearest1d upsample_nearest2d
upsample_nearest3d upsample_trilinear3d var var_mean vdot _weight_norm where zeros zeros_like
affine_grid_generator addbmm addr angle argsort atleast_1d bucketize cdist col2im complex
conj_physical count_nonzero cross cummax cummin cumulative_trapezoid diag diag_embed diff
digamma embedding_bag erfinv fft_fft fft_fft2 fft_fftn fft_fftshift fft_ifft fft_ifft2 fft_ifftn
fft_ifftshift fft_irfft fft_irfft2 fft_irfftn fft_rfft fft_rfft2 fft_rfftn fix fliplr flipud frac
copy grid_sampler heaviside hstack index_copy index_fill index_put index_reduce isclose kl_div kron
kthvalue lgamma linalg_cross linalg_det linalg_inv linalg_solve linspace logaddexp2 logcumsumexp
masked_scatter median meshgrid mse_loss nanmean nansum pairwise_distance polar renorm rot90
scatter_reduce searchsorted select_scatter slice_scatter special_entr special_expit special_i0
special_log1p special_logit special_xlog1py take_along_dim tensordot trace trapezoid vstack xlogy
"""
VIEWS = frozenset(_VIEW_NAMES.split())
ALLOWED = VIEWS | frozenset(_PURE_NAMES.split()) | frozenset(RECURRENT)
_NOTHING = frozenset({"_assert_tensor_metadata", "_assert_scalar"})
# In place in name alone: no number of theirs changes.
CHANGES_NOTHING = frozenset({"detach_"})

_NUMBERS: dict[str, Callable[..., Any]] = {
    f"_operator.{name}": getattr(operator, name)
    for name in (
        *("add", "mul", "sub", "floordiv", "truediv", "mod", "pow", "neg", "ge", "le", "gt"),
        *("lt", "eq", "ne", "and_", "or_"),
    )
}
_NUMBERS |= {f"torch.{f.__name__}": f for f in (torch.sym_max, torch.sym_min, torch.sym_not)}
_NUMBERS |= {f"torch.{f.__name__}": f for f in (torch.sym_float, torch.sym_int, torch.sym_ite)}
_NUMBERS |= {f"math.{f.__name__}": f for f in (math.ceil, math.floor, math.trunc)}


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


def weight_norm(direction: Tensor, size: Tensor, dim: int = 0) -> Tensor:
    """g·v/‖v‖ with a norm for each index of `dim` (-1: one for all); twice differentiable."""
    others = [d for d in range(direction.dim()) if d != dim]
    return size * direction / direction.square().sum(others, keepdim=True).sqrt()


def _nothing(*_values: object, **_named: object) -> None:
    """Assertions about shapes: guards of the export, no part of the mathematics."""


_WRITTEN_OUT: dict[tuple[str, str], Callable[..., Any]] = {
    ("scaled_dot_product_attention", "default"): attention,
    ("_weight_norm", "default"): weight_norm,
    ("cdist", "default"): cdist,
    ("logcumsumexp", "default"): logcumsumexp,
    ("embedding_bag", "default"): embedding_bag,
    ("embedding_bag", "padding_idx"): embedding_bag,
    ("grid_sampler", "default"): grid_sampler,
    ("copy", "default"): copy,
    ("index_put", "default"): index_put,
    ("slice_scatter", "default"): slice_scatter,
    **{(name, "input"): layer for name, layer in RECURRENT.items()},
}


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
    if name not in ALLOWED or "out" in overload.split("_"):
        raise refused(f"uses the operator aten.{name[:60]}.{overload[:40]}, which is not allowed")
    if name in _NOTHING:
        return _nothing
    if (name, overload) in _WRITTEN_OUT:
        return _WRITTEN_OUT[name, overload]
    if name in RECURRENT:
        raise refused("runs a recurrent layer over packed sequences, which are no plain tensors")
    packet = getattr(torch.ops.aten, name, None)
    if packet is None or overload not in packet.overloads():
        raise refused(f"uses aten.{name[:60]}.{overload[:40]}, which this torch does not have")
    function: Callable[..., Any] = getattr(packet, overload)
    return function
