"""Programs of torch.export, read by our own reader, equal the eager networks and derivatives."""

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, jvp, vmap

from minimascope import export
from minimascope.contract.problems import ProblemError
from minimascope.intake.inspection import inspect_checkpoint
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.pt2.operators import ALLOWED, pure_name, resolve
from minimascope.intake.pt2.written_values import copy
from minimascope.intake.values.checkpoint import read_checkpoint

# torch.export.save uses torch's own deprecated parts
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.second = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.second(self.relu(self.norm(self.first(x))))
        inner += x
        return torch.tanh(inner)


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(4, 8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation="gelu")
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(self.embed(x)).mean(1))


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(4, 4, bias=False)
        self.two = nn.Linear(4, 4, bias=False)
        self.two.weight = self.one.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.two(torch.tanh(self.one(x)))


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 6), nn.GELU(), nn.Linear(6, 3))


def convolutional() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3),
        nn.BatchNorm2d(4),
        nn.SiLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(36, 3),
    )


def residual() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2),
        Residual(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 3),
    )


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "mlp": (mlp, (4,)),
    "cnn": (convolutional, (2, 8, 8)),
    "residual": (residual, (2, 8, 8)),
    "encoder": (Encoder, (5, 4)),
    "tied": (Tied, (4,)),
}


def trained(name: str, n: int = 7) -> tuple[nn.Module, Tensor]:
    """A float64 model whose running statistics are not those of the start, and a batch."""
    torch.manual_seed(0)
    make, shape = MODELS[name]
    model = make().double()
    model.train()(torch.randn(32, *shape).double())
    return model.eval(), torch.randn(n, *shape).double()


def hessian_product(
    network: nn.Module, x: Tensor, direction: dict[str, Tensor]
) -> dict[str, Tensor]:
    theta = {name: p.detach() for name, p in network.named_parameters()}

    def loss(values: dict[str, Tensor]) -> Tensor:
        return functional_call(network, values, (x,)).logsumexp(1).mean()

    product: dict[str, Tensor] = jvp(grad(loss), (theta,), (direction,))[1]
    return product


@pytest.mark.parametrize("name", list(MODELS))
def test_outputs_hessian_products_and_sample_gradients_equal_eager(
    tmp_path: Path, workdir: Path, name: str
) -> None:
    model, x = trained(name)
    path = export(model, x[:3], tmp_path / "model.pt2")
    built = build_network(read_checkpoint(path, workdir=workdir), None)
    # float64 with the same operators: 1e-10 leaves six digits above rounding
    assert (built(x) - model(x)).abs().max() < 1e-10
    names = [n for n, _ in model.named_parameters()]
    assert [n for n, _ in built.named_parameters()] == names
    direction = {n: torch.randn_like(p) for n, p in model.named_parameters()}
    if name != "encoder":  # eager attention picks a fused kernel without second derivative
        ours, theirs = (hessian_product(net, x, direction) for net in (built, model))
        assert max((ours[n] - theirs[n]).abs().max() for n in names) < 1e-10

    def sample_loss(network: nn.Module) -> Callable[[dict[str, Tensor], Tensor], Tensor]:
        return lambda theta, one: functional_call(network, theta, (one[None],)).square().sum()

    theta = {n: p.detach() for n, p in model.named_parameters()}
    per_sample = vmap(grad(sample_loss(built)), in_dims=(None, 0))(theta, x)
    for place in (0, len(x) - 1):
        one = grad(sample_loss(model))(theta, x[place])
        assert max((per_sample[n][place] - one[n]).abs().max() for n in names) < 1e-10


def test_attention_has_a_hessian_symmetric_and_equal_to_differences(
    tmp_path: Path, workdir: Path
) -> None:
    model, x = trained("encoder")
    path = export(model, x, tmp_path / "model.pt2")
    built = build_network(read_checkpoint(path, workdir=workdir), None)
    direction = {n: torch.randn_like(p) for n, p in built.named_parameters()}
    product = hessian_product(built, x, direction)
    step = 1e-5
    theta = {n: p.detach() for n, p in built.named_parameters()}

    def slope(sign: float) -> dict[str, Tensor]:
        moved = {n: p + sign * step * direction[n] for n, p in theta.items()}
        return grad(lambda v: functional_call(built, v, (x,)).logsumexp(1).mean())(moved)

    up, down = slope(1.0), slope(-1.0)
    for n in theta:  # central differences: error step² ~ 1e-10 and rounding 1e-16/step ~ 1e-11
        assert torch.allclose(product[n], (up[n] - down[n]) / (2 * step), rtol=1e-4, atol=1e-7)


def test_an_export_leaves_the_model_as_it_was_and_frees_the_batch(
    tmp_path: Path, workdir: Path
) -> None:
    model, x = trained("cnn")
    model.train()
    path = export(model, (x[:1],), tmp_path / "model.pt2")
    assert all(module.training for module in model.modules())
    checkpoint = read_checkpoint(path, workdir=workdir)
    assert checkpoint.warnings == []
    built = build_network(checkpoint, None)
    assert [len(built(x[:n])) for n in (1, 2, 5)] == [1, 2, 5]
    found = inspect_checkpoint(path, workdir=workdir)
    assert found["format"] == "pt2"
    assert found["parameters"] == sum(p.numel() for p in model.parameters())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.pt2", "work"]


def test_what_cannot_be_exported_is_said_and_leaves_no_file(tmp_path: Path) -> None:
    class Branching(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(ProblemError) as caught:
        export(Branching(), torch.randn(3, 2), tmp_path / "model.pt2")
    assert caught.value.code == "export_failed"
    assert list(tmp_path.iterdir()) == []


def test_a_model_exported_in_training_mode_is_refused(tmp_path: Path, workdir: Path) -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))
    torch.export.save(torch.export.export(model, (torch.randn(3, 4),)), tmp_path / "a.pt2")
    with pytest.raises(ProblemError, match="training mode") as caught:
        read_checkpoint(tmp_path / "a.pt2", workdir=workdir)
    assert caught.value.code == "operator_refused"


def test_infinities_written_as_words_are_numbers(tmp_path: Path, workdir: Path) -> None:
    class Masked(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.masked_fill(x < 0, float("-inf")).softmax(1)

    x = torch.randn(3, 9)
    path = export(Masked(), x, tmp_path / "model.pt2")
    assert torch.equal(build_network(read_checkpoint(path, workdir=workdir), None)(x), Masked()(x))


def test_a_name_used_before_it_is_computed_is_refused(archive: Path, workdir: Path) -> None:
    def edit(table: dict[str, Any]) -> None:
        table["graph_module"]["graph"]["nodes"].reverse()

    with pytest.raises(ProblemError, match="before it is computed"):
        read_checkpoint(rewritten(archive, MODEL, edit), workdir=workdir)


def test_a_fixed_batch_is_warned_about(tmp_path: Path, workdir: Path) -> None:
    model = nn.Linear(4, 4)
    torch.export.save(torch.export.export(model, (torch.randn(3, 4),)), tmp_path / "a.pt2")
    assert "fixed batch of 3" in read_checkpoint(tmp_path / "a.pt2", workdir=workdir).warnings[0]


def test_no_allowed_operator_writes_or_reads_outside() -> None:
    assert all(pure_name(name) == name for name in ALLOWED)
    assert not ALLOWED & {"from_file", "set", "resize", "as_strided", "record_stream"}
    assert resolve("torch.ops.aten.copy_.default") is copy  # a new value, nothing is written


class Payload:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, (f"touch {self.marker}",))


Edit = Callable[[dict[str, Any]], None]


def rewritten(path: Path, record: str, edit: Edit, extra: dict[str, bytes] | None = None) -> Path:
    """A copy of an archive with one JSON record edited and records added or replaced."""
    extra = dict(extra or {})
    target = path.with_name("attack.pt2")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as out:
        root = source.namelist()[0].split("/")[0]
        for name in source.namelist():
            leaf, content = name.removeprefix(root + "/"), source.read(name)
            if leaf == record:
                table = json.loads(content)
                edit(table)
                content = json.dumps(table).encode()
            out.writestr(name, extra.pop(leaf, content))
        for leaf, content in extra.items():
            out.writestr(f"{root}/{leaf}", content)
    return target


def shell(marker: Path) -> str:
    return f"__import__('os').system('touch {marker}')"


WEIGHTS = "data/weights/model_weights_config.json"
CONSTANTS = "data/constants/model_constants_config.json"
MODEL = "models/model.json"


def pickled_weight(table: dict[str, Any]) -> None:
    table["config"]["0.weight"] |= {"use_pickle": True, "path_name": "evil"}


def opaque_constant(table: dict[str, Any]) -> None:
    opaque = {"path_name": "opaque_obj_0", "is_param": False, "use_pickle": True}
    table["config"]["zzz"] = {**opaque, "tensor_meta": None}


def shape_expression(code: str) -> Edit:
    def edit(table: dict[str, Any]) -> None:
        values = table["graph_module"]["graph"]["tensor_values"].values()
        free = [size for value in values for size in value["sizes"] if "as_expr" in size]
        assert free
        for size in free:
            size["as_expr"]["expr_str"] = code

    return edit


def guards(code: str) -> Edit:
    def edit(table: dict[str, Any]) -> None:
        table["guards_code"] = [f"{code} == 0"]

    return edit


def target(called: str, argument: str) -> Edit:
    def edit(table: dict[str, Any]) -> None:
        node = table["graph_module"]["graph"]["nodes"][0]
        node["target"] = called
        node["inputs"] = [{"name": "x", "arg": {"as_string": argument}, "kind": 1}]

    return edit


def nothing(_table: dict[str, Any]) -> None:
    """Only the extra record attacks."""


def attack(name: str, path: Path, marker: Path) -> Path:
    """The seven archives that make torch.export.load, or a careless reader, run a program."""
    buffer = io.BytesIO()
    torch.save(Payload(marker), buffer)
    saved, pickled = buffer.getvalue(), pickle.dumps(Payload(marker))
    system = target("torch.serialization.os.system", f"touch {marker}")
    made: dict[str, tuple[str, Edit, dict[str, bytes]]] = {
        "pickled weight": (WEIGHTS, pickled_weight, {"data/weights/evil": saved}),
        "opaque constant": (CONSTANTS, opaque_constant, {"data/constants/opaque_obj_0": pickled}),
        "sample inputs": (MODEL, nothing, {"data/sample_inputs/model.pt": saved}),
        "shape expression": (MODEL, shape_expression(shell(marker)), {}),
        "guards": (MODEL, guards(shell(marker)), {}),
        "target": (MODEL, system, {}),
        "hub": (MODEL, target("torch.hub.load", "."), {}),
    }
    record, edit, extra = made[name]
    return rewritten(path, record, edit, extra)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return export(mlp(), torch.randn(3, 4), tmp_path / "model.pt2")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("pickled weight", "pickle_refused"),
        ("opaque constant", "pickle_refused"),
        ("target", "operator_refused"),
        ("hub", "operator_refused"),
    ],
)
def test_archives_that_ask_for_code_are_refused(
    archive: Path, tmp_path: Path, workdir: Path, name: str, code: str
) -> None:
    marker = tmp_path / "marker"
    with pytest.raises(ProblemError) as caught:
        read_checkpoint(attack(name, archive, marker), workdir=workdir)
    assert caught.value.code == code
    assert not marker.exists()


@pytest.mark.parametrize("name", ["sample inputs", "shape expression", "guards"])
def test_records_that_hide_code_are_never_looked_at(
    archive: Path, tmp_path: Path, workdir: Path, name: str
) -> None:
    marker = tmp_path / "marker"
    x = torch.randn(5, 4)
    attacked = build_network(read_checkpoint(attack(name, archive, marker), workdir=workdir), None)
    honest = build_network(read_checkpoint(archive, workdir=workdir), None)
    assert torch.equal(attacked(x), honest(x))
    assert not marker.exists()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sizes": [{"as_int": 1 << 40}, {"as_int": 4}]}, "tensor_refused"),
        ({"strides": [{"as_int": 0}, {"as_int": 0}]}, "tensor_refused"),
        ({"storage_offset": {"as_int": 1 << 40}}, "tensor_refused"),
        ({"storage_offset": {"as_int": -1}}, "file_damaged"),
        ({"sizes": [{"as_expr": {"expr_str": "1"}}]}, "file_damaged"),
        ({"dtype": 99}, "tensor_refused"),
    ],
)
def test_views_outside_their_record_are_refused(
    archive: Path, workdir: Path, change: dict[str, Any], code: str
) -> None:
    def edit(table: dict[str, Any]) -> None:
        table["config"]["0.weight"]["tensor_meta"] |= change

    with pytest.raises(ProblemError) as caught:
        read_checkpoint(rewritten(archive, WEIGHTS, edit), workdir=workdir)
    assert caught.value.code == code


class Centred(nn.Module):
    """Keeps the first of its training inputs, a slice of all of them."""

    def __init__(self, inputs: Tensor) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 3)
        self.register_buffer("first", inputs[0])
        self.scale = nn.Parameter(inputs[:, 1][:8])

    def forward(self, x: Tensor) -> Tensor:
        return self.layer((x - self.first) * self.scale)


def test_nothing_of_the_inputs_goes_into_the_file(tmp_path: Path) -> None:
    inputs = torch.arange(1.0, 8001.0).view(1000, 8) * 1.2345
    path = export(Centred(inputs), inputs[4:8], tmp_path / "a.pt2")
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    rows = [row.numpy().tobytes() for row in inputs[1:]]
    for name, content in records.items():
        assert not any(row in content for row in rows), name
    kept = sum(len(content) for name, content in records.items() if "/weights/weight_" in name)
    assert kept == 4 * (8 * 3 + 3 + 8 + 8)
    assert path.stat().st_size < 50_000
