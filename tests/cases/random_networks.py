"""Random small networks of the layers that are allowed, saved as people save them.

A seed gives a network, its data and a file: plain, deep, shared, tied, nested and reused layers,
odd names, odd shapes of inputs and outputs, every format. `expected` has products of the same
network by autograd alone, on the eager module in float64.
"""

from __future__ import annotations

import copy
import random
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file, save_model
from torch import Tensor, nn
from torch.func import functional_call

import minimascope
from minimascope.intake.networks.layers import LAYERS

ACTIVATIONS = (
    *("ReLU", "Tanh", "GELU", "SiLU", "Sigmoid", "LeakyReLU", "ELU", "Softplus", "Identity"),
    *("ReLU6", "SELU", "CELU", "Mish", "Hardswish", "Hardtanh", "Softsign", "LogSigmoid", "PReLU"),
)
ODD = ("weight", "layer 1", "λ", "a-b", "forward", "0", "module", "bias", "_x", "Ünit.", "training")
NAMES = ("fc", "enc", "h0", "net_1", "Block", "x" * 60)
N = 7
Layer = list[Any]


@dataclass
class Case:
    """`architecture` is None where the file describes itself. `words` say what was drawn."""

    network: nn.Module
    inputs: Tensor
    targets: Tensor
    loss: str
    architecture: dict[str, Any] | None = None
    write: Callable[[Path], None] = lambda path: None
    words: list[str] = field(default_factory=list)

    def save(self, folder: Path) -> None:
        """model.pt and train.npz."""
        self.write(folder / "model.pt")
        np.savez(folder / "train.npz", X=self.inputs.numpy(), y=self.targets.numpy())


def of(seed: int) -> Case:
    """The case of a seed."""
    draw = random.Random(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = draw.choices((_sequential, _exported, _mlp), (5, 4, 1))[0](draw)
        _settle(made)
    return made


# data


def _example(draw: random.Random) -> Tensor:
    rank = draw.choices((1, 2, 3, 4), (4, 2, 3, 1))[0]
    sizes = {
        1: (draw.randint(1, 6),),
        2: (draw.randint(1, 3), draw.randint(3, 8)),
        3: (draw.randint(1, 3), draw.randint(3, 7), draw.randint(3, 7)),
        4: (draw.randint(1, 2), 3, draw.randint(3, 4), 3),
    }[rank]
    if draw.random() < 0.1:
        return torch.randint(0, 9, (N, draw.randint(1, 5)))
    return torch.randn(N, *sizes)


def _goal(draw: random.Random) -> tuple[str, int, Tensor]:
    """Loss, number of outputs and targets."""
    loss = draw.choice(("cross_entropy", "cross_entropy", "binary", "torch_mse"))
    if loss == "cross_entropy":
        classes = draw.randint(2, 4)
        return loss, classes, torch.cat([torch.arange(classes), torch.zeros(N).long()])[:N]
    if loss == "binary":
        return loss, 1, torch.arange(N) % 2
    outputs = draw.randint(1, 3)
    return loss, outputs, torch.randn(N, outputs) if outputs > 1 else torch.randn(N)


# layers


def _layer(draw: random.Random, x: Tensor) -> Layer:
    """One that fits x (n × …)."""
    shape = tuple(x.shape[1:])
    if draw.random() < 0.4:
        return [draw.choice(ACTIVATIONS)]
    own = {1: _flat, 2: _line, 3: _image, 4: _volume}.get(len(shape))
    return own(draw, shape) if own else ["Flatten"]


def _flat(draw: random.Random, shape: tuple[int, ...]) -> Layer:
    (d,) = shape
    options: list[Layer] = [
        ["Linear", d, draw.randint(1, 7), {"bias": draw.random() < 0.7}],
        ["LayerNorm", d],
        ["BatchNorm1d", d, {"affine": draw.random() < 0.7}],
        ["Dropout", 0.3],
        ["Unflatten", 1, [1, d]],
        ["Linear", d, d],
    ]
    return draw.choice(options)


def _line(draw: random.Random, shape: tuple[int, ...]) -> Layer:
    c, length = shape
    kernel = draw.randint(1, min(3, length))
    options: list[Layer] = [
        ["Conv1d", c, draw.randint(1, 4), kernel, {"padding": draw.choice((0, 1, "same"))}],
        ["ConvTranspose1d", c, draw.randint(1, 3), kernel, {"stride": draw.randint(1, 2)}],
        ["BatchNorm1d", c],
        ["GroupNorm", 1, c],
        ["LayerNorm", [c, length]],
        ["Linear", length, draw.randint(1, 6)],
        ["AdaptiveAvgPool1d", draw.randint(1, 3)],
        [draw.choice(("MaxPool1d", "AvgPool1d")), kernel],
        ["Dropout1d"],
        ["Flatten"],
    ]
    return draw.choice(options)


def _image(draw: random.Random, shape: tuple[int, ...]) -> Layer:
    c, height, width = shape
    kernel = draw.randint(1, min(3, height, width))
    padding = {"padding": kernel // 2, "padding_mode": draw.choice(("zeros", "replicate"))}
    options: list[Layer] = [
        ["Conv2d", c, draw.randint(1, 4), kernel, padding],
        ["Conv2d", c, 2 * c, kernel, {"groups": c, "stride": draw.randint(1, 2)}],
        ["ConvTranspose2d", c, draw.randint(1, 3), kernel],
        ["BatchNorm2d", c],
        ["GroupNorm", c, c],
        ["LayerNorm", width],
        ["Linear", width, draw.randint(1, 5)],
        [draw.choice(("MaxPool2d", "AvgPool2d")), kernel],
        [draw.choice(("AdaptiveAvgPool2d", "AdaptiveMaxPool2d")), draw.randint(1, 2)],
        ["ZeroPad2d", 1],
        ["Dropout2d"],
        ["Flatten"],
    ]
    return draw.choice(options)


def _volume(draw: random.Random, shape: tuple[int, ...]) -> Layer:
    c = shape[0]
    options: list[Layer] = [
        ["Conv3d", c, draw.randint(1, 2), draw.randint(1, min(2, *shape[1:]))],
        ["BatchNorm3d", c],
        ["Flatten"],
    ]
    return draw.choice(options)


def _made(entry: Layer) -> nn.Module:
    arguments, named = list(entry[1:]), dict[str, Any]()
    if arguments and isinstance(arguments[-1], dict):
        named = arguments.pop()
    tuples = [tuple(value) if isinstance(value, list) else value for value in arguments]
    return LAYERS[entry[0]](*tuples, **named)


def _chain(draw: random.Random, x: Tensor, outputs: int, *, most: int) -> tuple[list[Layer], Any]:
    """Entries and modules from x to `outputs` numbers an example."""
    entries, layers = list[Layer](), list[nn.Module]()

    def add(entry: Layer) -> None:
        nonlocal x
        layer = _made(entry).eval()
        y = layer(x).detach()
        if 0 < y[0].numel() <= 400:
            entries.append(entry)
            layers.append(layer)
            x = y

    if not x.is_floating_point():
        add(["Embedding", 9, draw.randint(1, 4)])
    for _ in range(draw.randint(0, most)):
        add(_layer(draw, x))
    if x.ndim != 2:
        add(["Flatten"])
    add(["Linear", x.shape[1], outputs])
    if outputs == 1 and draw.random() < 0.4:
        add(["Flatten", 0])  # outputs of shape (n,)
    return entries, layers


def _reused(draw: random.Random, entries: list[Layer], layers: list[nn.Module]) -> list[str]:
    """One layer in two places, where another of its shape stands; or a weight alone that is."""
    for late in range(1, len(layers)):
        for early in range(late):
            same = entries[early] == entries[late] and any(True for _ in layers[late].parameters())
            if not same or draw.random() < 0.3:
                continue
            if draw.random() < 0.5:
                layers[late] = layers[early]
                return ["reused"]
            one, other = layers[early], layers[late]
            if isinstance(other, nn.Linear) and isinstance(one, nn.Linear):
                other.weight = one.weight
                return ["tied"]
    return []


# kinds of networks


def _sequential(draw: random.Random) -> Case:
    x, (loss, outputs, targets) = _example(draw), _goal(draw)
    entries, layers = _chain(draw, x, outputs, most=6)
    if x.ndim == 2 and x.is_floating_point() and draw.random() < 0.4:
        pair = [["Linear", x.shape[1], x.shape[1]] for _ in range(2)]
        entries, layers = [*pair, *entries], [*map(_made, pair), *layers]
    words = ["sequential", *_reused(draw, entries, layers)]
    network = nn.Sequential(*layers)
    spec = {"family": "sequential", "layers": entries}
    case = Case(network, x, targets, loss, spec, words=words)
    case.write = _bare(draw, case)
    return case


def _mlp(draw: random.Random) -> Case:
    x, (loss, outputs, targets) = _example(draw).float(), _goal(draw)
    known = ("ReLU", "Tanh", "GELU", "Softplus")
    function = draw.choice(known)
    widths = [x[0].numel(), *(draw.randint(1, 6) for _ in range(draw.randint(0, 3))), outputs]
    named: list[tuple[str, nn.Module]] = [("flat", nn.Flatten())]
    names = draw.sample([n for n in ODD if "." not in n] + list(NAMES), len(widths) - 1)
    for place, name in enumerate(names):
        if place:
            named.append((f"act{place}", LAYERS[function]()))
        named.append((_free(name), nn.Linear(*widths[place : place + 2])))
    layers = _Named(named)
    spec = {"family": "mlp", "activation": function.lower()}
    case = Case(layers, x, targets, loss, spec, words=["mlp"])
    # Sorted names leave the order of equal layers open: such a file is rightly refused.
    case.write = _as_torch(case)
    return case


class _Named(nn.Module):
    """Layers one after another under any names."""

    def __init__(self, layers: list[tuple[str, nn.Module]]) -> None:
        super().__init__()
        self.order = [name for name, _ in layers]
        for name, layer in layers:
            self._modules[name] = layer

    def forward(self, x: Tensor) -> Tensor:
        for name in self.order:
            x = self._modules[name](x)
        return x


class _Block(nn.Module):
    """Residual, scaled, with a layer used twice, a buffer and a parameter of its own."""

    def __init__(self, draw: random.Random, width: int) -> None:
        super().__init__()
        self.kind = draw.choice(("residual", "twice", "gated", "attention", "nested"))
        self.inner = nn.ModuleDict({draw.choice(NAMES): nn.Linear(width, width)})
        self.scale = nn.Parameter(torch.randn(draw.choice((1, width))))
        self.zero = nn.Parameter(torch.randn(()))
        self.register_buffer("shift", torch.randn(width))
        if self.kind == "attention":
            self.mixed = nn.MultiheadAttention(width, 1, batch_first=True)
        if self.kind == "nested":
            self.deeper = nn.Sequential(nn.Sequential(nn.Linear(width, width), nn.Tanh()))

    def forward(self, x: Tensor) -> Tensor:
        (layer,) = self.inner.values()
        y = layer(x) * self.scale + self.shift
        if self.kind == "twice":
            y = layer(torch.tanh(y)) * self.zero
        if self.kind == "gated":
            y = y * torch.sigmoid(self.zero * x)
        if self.kind == "attention":
            y = self.mixed(y[:, None], y[:, None], y[:, None], need_weights=False)[0][:, 0]
        if self.kind == "nested":
            y = self.deeper(y)
        return x + y * self.zero


class _Whole(nn.Module):
    """Layers, blocks, a head; the output as rows or as (n,)."""

    def __init__(self, parts: list[nn.Module], names: list[str], *, squeezed: bool) -> None:
        super().__init__()
        self.parts, self.squeezed = nn.ModuleDict(dict(zip(names, parts, strict=True))), squeezed

    def forward(self, x: Tensor) -> Tensor:
        for part in self.parts.values():
            x = part(x)
        return x.squeeze(-1) if self.squeezed else x


def _exported(draw: random.Random) -> Case:
    x, (loss, outputs, targets) = _example(draw), _goal(draw)
    width = draw.randint(1, 5)
    _, stem = _chain(draw, x, width, most=4)
    stem = [layer for layer in stem if not (isinstance(layer, nn.Flatten) and not layer.start_dim)]
    blocks = [_Block(draw, width) for _ in range(draw.randint(0, 2))]
    words = ["pt2", *(block.kind for block in blocks)]
    if len(blocks) == 2 and draw.random() < 0.4:
        blocks[1] = blocks[0]
        words.append("reused")
    head = nn.Linear(width, outputs)
    if blocks and outputs == width and draw.random() < 0.5:
        (own,) = blocks[0].inner.values()
        head.weight = own.weight
        words.append("tied")
    parts = [nn.Sequential(*stem), *blocks, head]
    odd = [name for name in ODD if "." not in name]
    names = draw.sample(odd if draw.random() < 0.5 else [f"p{i}" for i in range(9)], len(parts))
    network = _Whole(parts, [_free(name) for name in names], squeezed=outputs == 1)
    for parameter in network.parameters():
        if draw.random() < 0.1:
            parameter.requires_grad_(False)
            words.append("frozen")
    case = Case(network, x, targets, loss, words=words)
    case.write = lambda path: _as_pt2(case, path)
    return case


def _free(name: str) -> str:
    """A name that a ModuleDict takes."""
    return f"{name}_" if hasattr(nn.ModuleDict, name) or name == "training" else name


# files


def _state(case: Case) -> dict[str, Tensor]:
    return dict(case.network.state_dict())


def _as_torch(case: Case) -> Callable[[Path], None]:
    return lambda path: torch.save(_state(case), path)


def _as_pt2(case: Case, path: Path) -> None:
    target = path.with_suffix(".pt2")
    minimascope.export(case.network, case.inputs[:3], target)
    target.rename(path)


def _bare(draw: random.Random, case: Case) -> Callable[[Path], None]:
    """How the weights alone are saved."""
    kinds: dict[str, Callable[[Path], None]] = {
        "torch": _as_torch(case),
        "legacy": lambda p: torch.save(_state(case), p, _use_new_zipfile_serialization=False),
        "nested": lambda p: torch.save({"epoch": 3, "model_state_dict": _state(case)}, p),
        "wrapped": lambda p: torch.save({f"module.{k}": v for k, v in _state(case).items()}, p),
        "whole": lambda p: torch.save(case.network, p),
        "save_model": lambda p: save_model(case.network, str(p)),
        "zip": lambda p: _zipped(case, p),
        "copied": lambda p: save_file({k: v.clone() for k, v in _state(case).items()}, p),
    }
    if {"tied", "reused"} & set(case.words):
        del kinds["copied"]  # equal numbers in two places: two parameters, as the file says
    kind = draw.choice(list(kinds))
    case.words.append(kind)
    return kinds[kind]


def _zipped(case: Case, path: Path) -> None:
    one = path.with_suffix(".one")
    save_model(case.network, str(one))
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(one, "m/model.safetensors")


def _settle(case: Case) -> None:
    """Statistics of BatchNorm as after training, then evaluation mode."""
    case.network.train()
    with torch.no_grad():
        for _ in range(2):
            case.network(case.inputs)
        for name, buffer in case.network.named_buffers():
            if name.endswith("running_var"):
                buffer.clamp_(min=0.1)
    case.network.eval()


# what autograd says


@dataclass(frozen=True)
class Products:
    """Outputs (n × …), H·v and GGN·v in the order of the eager network's parameters (p,)."""

    names: list[str]
    outputs: Tensor
    vector: Tensor
    hessian: Tensor
    ggn: Tensor


def _mean_loss(outputs: Tensor, case: Case) -> Tensor:
    if case.loss == "cross_entropy":
        return nn.functional.cross_entropy(outputs, case.targets)
    targets = case.targets.double().reshape(outputs.shape)
    if case.loss == "binary":
        return nn.functional.binary_cross_entropy_with_logits(outputs, targets)
    return nn.functional.mse_loss(outputs, targets)


def expected(case: Case, *, seed: int) -> Products:
    """By double backward and by J' (∇² loss) J, on a copy in float64."""
    network = copy.deepcopy(case.network).double().eval()
    inputs = case.inputs.double() if case.inputs.is_floating_point() else case.inputs
    own = {name: q for name, q in network.named_parameters() if q.requires_grad}
    generator = torch.Generator().manual_seed(seed)
    parts = [torch.randn(q.shape, generator=generator, dtype=torch.float64) for q in own.values()]

    def outputs(parameters: dict[str, Tensor]) -> Tensor:
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            return functional_call(network, parameters, (inputs,))

    z = outputs(own)
    values = list(own.values())
    gradient = torch.autograd.grad(
        _mean_loss(z, case), values, create_graph=True, allow_unused=True, materialize_grads=True
    )
    along = sum((g * v).sum() for g, v in zip(gradient, parts, strict=True))
    hv = _derivatives(along, values)
    # J v by differentiating J'u with respect to u, in reverse mode twice.
    u = torch.zeros_like(z, requires_grad=True)
    pulled = torch.autograd.grad(
        z, values, u, create_graph=True, allow_unused=True, materialize_grads=True
    )
    jv = _derivatives(sum((g * v).sum() for g, v in zip(pulled, parts, strict=True)), [u])[0]
    at = z.detach().requires_grad_()
    slope = torch.autograd.grad(_mean_loss(at, case), at, create_graph=True)[0]
    bent = _derivatives((slope * jv.detach()).sum(), [at])[0]
    gv = torch.autograd.grad(outputs(own), values, bent, allow_unused=True, materialize_grads=True)
    flat = [torch.cat([part.reshape(-1) for part in each]) for each in (parts, hv, gv)]
    return Products(list(own), z.detach(), flat[0], flat[1].detach(), flat[2].detach())


def _derivatives(value: Any, values: list[Tensor]) -> list[Tensor]:
    if not value.requires_grad:
        return [torch.zeros_like(each) for each in values]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(
            torch.autograd.grad(
                value, values, retain_graph=True, allow_unused=True, materialize_grads=True
            )
        )
