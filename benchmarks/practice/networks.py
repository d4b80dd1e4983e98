"""The networks of the practice study, untrained, in float32: small kin of what people train."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from practice.case import Case

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh}
WORDS = 128  # rows of an embedding: more than any token
HEAD = "head"  # name of the last layer: what a frozen body leaves to train


class Network(nn.Module):
    """A body and a linear head."""

    def __init__(self, body: nn.Module, features: int, outputs: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(features, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Logits, or predictions."""
        return self.head(self.body(x))


def network(case: Case, shape: tuple[int, ...], outputs: int) -> Network:
    """A network for inputs of one `shape`, its weights drawn from the case's seed."""
    torch.manual_seed(case.seed)
    body = _body(case, shape)
    example = torch.zeros((2, *shape), dtype=torch.int64 if _tokens(case) else torch.float32)
    with torch.no_grad():
        features = body.eval()(example).shape[1]
    return Network(body.train(), features, outputs)


def _tokens(case: Case) -> bool:
    return case.architecture in ("transformer", "bag", "text_cnn")


def _body(case: Case, shape: tuple[int, ...]) -> nn.Module:
    match case.architecture:
        case "cnn" | "bn_cnn":
            return _cnn(case)
        case "vit" | "mixer":
            return _patched(case, shape)
        case "transformer" | "bag" | "text_cnn":
            return _reader(case, shape[0])
        case _:
            return _mlp(case, shape)


def _mlp(case: Case, shape: tuple[int, ...]) -> nn.Module:
    sizes = [int(torch.tensor(shape).prod()), *[case.width] * case.depth]
    norms = {"bn_mlp": nn.BatchNorm1d, "layernorm_mlp": nn.LayerNorm}
    layers: list[nn.Module] = [nn.Flatten()]
    for a, b in itertools.pairwise(sizes):
        layers.append(nn.Linear(a, b))
        if case.architecture in norms:
            layers.append(norms[case.architecture](b))
        layers += _after(case)
    return nn.Sequential(*layers)


def _after(case: Case) -> list[nn.Module]:
    return [ACTIVATIONS[case.activation](), *([nn.Dropout(case.dropout)] if case.dropout else [])]


def _cnn(case: Case) -> nn.Module:
    layers: list[nn.Module] = []
    for a, b in ((1, case.width), (case.width, case.width)):
        layers.append(nn.Conv2d(a, b, 3, stride=2, padding=1))
        if case.architecture == "bn_cnn":
            layers.append(nn.BatchNorm2d(b))
        layers.append(ACTIVATIONS[case.activation]())
    layers += [nn.Flatten(), *([nn.Dropout(case.dropout)] if case.dropout else [])]
    return nn.Sequential(*layers)


class Patches(nn.Module):
    """Cuts an image into patches and embeds each: n × tokens × width."""

    def __init__(self, side: int, patch: int, width: int, *, placed: bool) -> None:
        super().__init__()
        self.embed = nn.Conv2d(1, width, patch, stride=patch)
        count = (side // patch) ** 2
        self.place = nn.Parameter(0.02 * torch.randn(count, width)) if placed else None

    def forward(self, x: Tensor) -> Tensor:
        """Embedded patches, their places added where there are any."""
        tokens = self.embed(x).flatten(2).transpose(1, 2)
        return tokens if self.place is None else tokens + self.place


class Attention(nn.Module):
    """Self-attention with two heads."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """The same shape, n × tokens × width."""
        n, t, d = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, 2, d // 2).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(2, 3) / (d // 2) ** 0.5).softmax(dim=3)
        return self.out((weights @ v).transpose(1, 2).reshape(n, t, d))


class Block(nn.Module):
    """Pre-norm block: mixes tokens, then channels."""

    def __init__(self, case: Case, mixing: nn.Module) -> None:
        super().__init__()
        d = case.width
        self.first, self.second = nn.LayerNorm(d), nn.LayerNorm(d)
        self.mixing = mixing
        self.channels = nn.Sequential(nn.Linear(d, 2 * d), *_after(case), nn.Linear(2 * d, d))

    def forward(self, x: Tensor) -> Tensor:
        """The same shape, n × tokens × width."""
        x = x + self.mixing(self.first(x))
        return x + self.channels(self.second(x))


class Across(nn.Module):
    """A module over the tokens instead of the channels."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        """The same shape, n × tokens × width."""
        return self.inner(x.transpose(1, 2)).transpose(1, 2)


class Mean(nn.Module):
    """Mean over tokens."""

    def forward(self, x: Tensor) -> Tensor:
        """n × width."""
        return x.mean(dim=1)


def _patched(case: Case, shape: tuple[int, ...]) -> nn.Module:
    side = shape[-1]
    patch = 7 if side == 14 else 4
    count = (side // patch) ** 2
    if case.architecture == "vit":
        mixings: list[nn.Module] = [Attention(case.width) for _ in range(case.depth)]
    else:
        mixings = [
            Across(nn.Sequential(nn.Linear(count, 8), nn.GELU(), nn.Linear(8, count)))
            for _ in range(case.depth)
        ]
    cut = Patches(side, patch, case.width, placed=case.architecture == "vit")
    blocks = [Block(case, mixing) for mixing in mixings]
    return nn.Sequential(cut, *blocks, nn.LayerNorm(case.width), Mean())


class Placed(nn.Module):
    """Embeds tokens and adds their places."""

    def __init__(self, length: int, width: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(WORDS, width)
        self.place = nn.Parameter(0.02 * torch.randn(length, width))

    def forward(self, x: Tensor) -> Tensor:
        """n × tokens × width."""
        return self.embed(x) + self.place


class Convolved(nn.Module):
    """Convolution over tokens, then the largest value of each channel."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.conv = nn.Conv1d(case.width, 2 * case.width, 3)
        self.after = nn.Sequential(*_after(case))

    def forward(self, x: Tensor) -> Tensor:
        """n × 2 width."""
        return self.after(self.conv(x.transpose(1, 2))).amax(dim=2)


def _reader(case: Case, length: int) -> nn.Module:
    d = case.width
    if case.architecture == "transformer":
        blocks = [Block(case, Attention(d)) for _ in range(case.depth)]
        return nn.Sequential(Placed(length, d), *blocks, nn.LayerNorm(d), Mean())
    if case.architecture == "text_cnn":
        return nn.Sequential(nn.Embedding(WORDS, d), Convolved(case))
    return nn.Sequential(nn.Embedding(WORDS, d), Mean(), nn.Linear(d, 16), *_after(case))
