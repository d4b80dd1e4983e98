"""A GPU that is none: tensors that say they are on cuda:0 and keep CPU tensors out.

Numbers come from the CPU. What CUDA would refuse is refused: operations on tensors of two devices
(but for scalars, copies and indices), NumPy arrays of GPU tensors, generators of another device.
So code that was written without a GPU at hand can be tested for mixed devices, not for speed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map

from minimascope.boundary import gradients, input_search
from minimascope.curvature.layers import jacobian
from minimascope.curvature.products import graphs

CUDA = torch.device("cuda", 0)
FREE = 8 * 2**30  # bytes
COPIES = {Tensor.copy_, Tensor.set_, torch.autograd.grad, torch.autograd.backward}
INDEXED = {Tensor.__getitem__, Tensor.__setitem__}
CARRIES = {Tensor.numpy, Tensor.__array__}
DEVICE = Tensor.device.__get__  # type: ignore[attr-defined]
IS_CUDA = Tensor.is_cuda.__get__  # type: ignore[attr-defined]


class OnGpu(torch.Tensor):
    """A tensor of the pretended GPU."""


class PretendGenerator(torch.Generator):
    """A generator of the CPU that remembers which device it was made for."""

    pretended: torch.device

    def __new__(cls, device: torch.device | str = "cpu") -> PretendGenerator:
        made = super().__new__(cls, device="cpu")
        made.pretended = torch.device(device)
        return made


class MixedDevicesError(RuntimeError):
    """What CUDA would have refused."""


def tagged(value: Any) -> Any:
    """Tensors within as tensors of the GPU; autograd goes through."""
    return value if isinstance(value, torch.Size) else tree_map(_tagged, value)


def _tagged(value: Any) -> Any:
    if not isinstance(value, Tensor) or isinstance(value, OnGpu):
        return value
    return value.as_subclass(OnGpu)


def untagged(value: Any) -> Any:
    """The same as tensors of the CPU."""
    return value if isinstance(value, torch.Size) else tree_map(_untagged, value)


def _untagged(value: Any) -> Any:
    return value.as_subclass(Tensor) if isinstance(value, OnGpu) else value


class PretendGpu(TorchFunctionMode):
    """Runs every operation on the CPU and gives its result the device it would have had."""

    suspended = False  # within vmap, grad and the like

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        with torch._C.DisableTorchFunctionSubclass():
            return self._run(func, args, kwargs)

    def _run(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if func in (DEVICE, IS_CUDA):
            here = isinstance(args[0], OnGpu) and not PretendGpu.suspended
            return (CUDA if here else torch.device("cpu")) if func == DEVICE else here
        if func is Tensor.__deepcopy__ and isinstance(args[0], OnGpu):
            return _copied(args[0], args[1])
        name = getattr(func, "__name__", str(func))
        tensors = [each for each in tree_flatten((args, kwargs))[0] if isinstance(each, Tensor)]
        on_gpu = any(isinstance(each, OnGpu) for each in tensors)
        if on_gpu and func in CARRIES:
            raise MixedDevicesError(f"{name}: a tensor of the GPU has no NumPy array.")
        if PretendGpu.suspended:
            return func(*_on_cpu(func, args), **_on_cpu(func, kwargs))
        target = _target(func, args, kwargs)
        moves = func in (Tensor.to, Tensor.cpu, Tensor.cuda)
        if on_gpu and not moves and func not in COPIES:
            _refuse_mixed(name, func, args, kwargs)
        there = on_gpu if target is None else target.type == "cuda"
        _refuse_generator(name, kwargs.get("generator"), there)
        if func is Tensor.cuda:
            func = Tensor.clone
        result = func(*_on_cpu(func, args), **_on_cpu(func, kwargs))
        if moves and on_gpu != there and result is args[0]:
            result = result.clone()
        return tagged(result) if there else untagged(result)


def _target(
    func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> torch.device | None:
    """The device that a call names; None where it follows its tensors."""
    if func is Tensor.cpu:
        return torch.device("cpu")
    if func is Tensor.cuda:
        return CUDA
    named = kwargs.get("device")
    if func is Tensor.to and named is None:
        for each in args[1:]:
            if _names_device(each):
                named = each
            if isinstance(each, Tensor):
                named = CUDA if isinstance(each, OnGpu) else torch.device("cpu")
    return None if named is None else torch.device(named)


def _on_cpu(func: Callable[..., Any], given: Any) -> Any:
    """Arguments that name a device, with the CPU in its place."""
    if isinstance(given, dict):
        return {k: torch.device("cpu") if k == "device" else v for k, v in given.items()}
    if func is not Tensor.to:
        return given
    return tuple(torch.device("cpu") if _names_device(each) else each for each in given)


def _names_device(value: Any) -> bool:
    return isinstance(value, (torch.device, str))


def _refuse_mixed(
    name: str, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    if func in INDEXED and isinstance(args[0], OnGpu):
        args = (args[0], *args[2:])  # indices may come from the CPU
    for each in tree_flatten((args, kwargs))[0]:
        if isinstance(each, Tensor) and not isinstance(each, OnGpu) and each.ndim > 0:
            raise MixedDevicesError(
                f"{name}: tensors of the GPU and {tuple(each.shape)} of the CPU."
            )


def _refuse_generator(name: str, generator: Any, there: bool) -> None:
    if generator is None:
        return
    pretended = getattr(generator, "pretended", torch.device("cpu"))
    if (pretended.type == "cuda") != there:
        raise MixedDevicesError(f"{name}: a generator of {pretended} for the other device.")


def _copied(tensor: OnGpu, memo: dict[int, Any]) -> Any:
    copy = tensor.detach().clone().as_subclass(OnGpu)
    result: Any = copy
    if isinstance(tensor, nn.Parameter):
        result = _parameter(copy, tensor.requires_grad)
    memo[id(tensor)] = result
    return result


def _parameter(data: Tensor, requires_grad: bool) -> Tensor:
    """What `nn.Parameter` makes, whose own checks want no mode around them."""
    parameter = data.detach().as_subclass(type(data)).requires_grad_(requires_grad)
    parameter._is_param = True  # type: ignore[attr-defined]
    return parameter


def _module_to(original: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    """`Module.to`, after which parameters and buffers are where they were sent."""

    def to(self: nn.Module, *args: Any, **kwargs: Any) -> nn.Module:
        device = kwargs.pop("device", None)
        original(self, *args, **kwargs)
        if device is None:
            return self
        moved = _tagged if torch.device(device).type == "cuda" else untagged
        made: dict[int, Tensor] = {}  # tied parameters stay tied
        for module in self.modules():
            for name, q in module._parameters.items():
                if q is not None:
                    if id(q) not in made:
                        made[id(q)] = _parameter(moved(q.detach()), q.requires_grad)
                    module._parameters[name] = made[id(q)]
            for name, buffer in module._buffers.items():
                module._buffers[name] = moved(buffer) if buffer is not None else None
        return self

    return to


def _later(original: Callable[..., Any]) -> Callable[..., Any]:
    """`vmap`, `grad` or `jacrev`: gives a function that differentiates when it is called."""

    def transform(function: Callable[..., Any], *given: Any, **named: Any) -> Callable[..., Any]:
        return _within(original(function, *given, **named))

    return transform


def _within(call: Callable[..., Any]) -> Callable[..., Any]:
    """A call inside of which tensors lose their class: nothing is refused there."""

    def called(*args: Any, **kwargs: Any) -> Any:
        if PretendGpu.suspended:
            return call(*args, **kwargs)
        there = any(isinstance(each, OnGpu) for each in tree_flatten((args, kwargs))[0])
        PretendGpu.suspended = True
        try:
            found = call(*untagged(args), **untagged(kwargs))
        finally:
            PretendGpu.suspended = False
        return _marked(found) if there else found

    return called


def _marked(found: Any) -> Any:
    """Tensors of the GPU; functions that give them, such as the pullback of `vjp`."""
    if isinstance(found, tuple):
        return tuple(_marked(each) for each in found)
    if callable(found) and not isinstance(found, Tensor):
        return _within(found)
    return tagged(found)


TRANSFORMS = [  # where they are imported
    (graphs, "vmap", _later),
    (jacobian, "vmap", _later),
    (jacobian, "jacrev", _later),
    (gradients, "vmap", _later),
    (gradients, "vjp", _within),
    (input_search, "vmap", _later),
    (input_search, "vjp", _within),
    (torch.func, "jvp", _within),
]


@contextmanager
def pretend_gpu() -> Iterator[None]:
    """Within it, `cuda` is a device like any other."""
    answers = {
        "is_available": lambda: True,
        "device_count": lambda: 1,
        "mem_get_info": lambda device=None: (FREE, 2 * FREE),
        "memory_reserved": lambda device=None: 0,
        "memory_allocated": lambda device=None: 0,
        "max_memory_allocated": lambda device=None: 0,
        "reset_peak_memory_stats": lambda device=None: None,
        "get_device_capability": lambda device=None: (9, 0),
    }
    with (
        mock.patch.multiple(torch.cuda, **answers),
        mock.patch.object(torch, "Generator", PretendGenerator),
        mock.patch.object(nn.Module, "to", _module_to(nn.Module.to)),
        ExitStack() as transforms,
        PretendGpu(),
    ):
        for module, name, wrap in TRANSFORMS:
            patched = mock.patch.object(module, name, wrap(getattr(module, name)))
            transforms.enter_context(patched)
        yield
