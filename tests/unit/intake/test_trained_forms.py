"""Weights as training scripts leave them: each form is the network that torch itself computes."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save, save_file, save_model
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune

from minimascope.contract.problems import ProblemError
from minimascope.intake.inspection import inspect_checkpoint
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.values.checkpoint import Checkpoint, read_checkpoint

MLP = {"family": "mlp", "activation": "tanh"}
X = torch.randn(7, 4, generator=torch.Generator().manual_seed(1))
State = dict[str, Tensor]


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))


def averaged() -> tuple[Any, nn.Module]:
    model = torch.optim.swa_utils.AveragedModel(network())
    model.update_parameters(network())
    return model.state_dict(), model


def pruned(how: Callable[[nn.Sequential], None]) -> tuple[Any, nn.Module]:
    model = network()
    how(model)
    return model.state_dict(), model


def _unstructured(model: nn.Sequential) -> None:
    prune.l1_unstructured(model[0], "weight", amount=0.5)


def _structured(model: nn.Sequential) -> None:
    prune.ln_structured(model[2], "weight", amount=1, n=2, dim=0)
    prune.random_unstructured(model[2], "bias", amount=1)


def _twice(model: nn.Sequential) -> None:
    prune.l1_unstructured(model[0], "weight", amount=0.3)
    prune.random_unstructured(model[0], "weight", amount=0.3)


def normed(make: Callable[[nn.Module], nn.Module]) -> tuple[Any, nn.Module]:
    """After a few forward passes, so that spectral norm has its vectors."""
    model = network()
    for place in (0, 2):
        model[place] = make(model[place])
    for _ in range(3):
        model.train()(X)
    return model.eval().state_dict(), model


def renamed(change: Callable[[str], str]) -> tuple[Any, nn.Module]:
    model = network()
    return {change(name): t for name, t in model.state_dict().items()}, model


def beside(more: State, prefix: str = "") -> tuple[Any, nn.Module]:
    model = network()
    return {**{prefix + n: t for n, t in model.state_dict().items()}, **more}, model


def in_half(dtype: torch.dtype) -> tuple[Any, nn.Module]:
    model = network().to(dtype)
    return model.state_dict(), copy.deepcopy(model).float()


def nested(**more: Any) -> tuple[Any, nn.Module]:
    model = network()
    return {"state_dict": model.state_dict(), **more}, model


def twins(first: str) -> tuple[Any, nn.Module]:
    model, other = network(), nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
    both = {f"model.{n}": t for n, t in model.state_dict().items()}
    return both | {f"{first}.{n}": t for n, t in other.state_dict().items()}, model


old_weight_norm = torch.nn.utils.weight_norm
old_spectral_norm = torch.nn.utils.spectral_norm
DDP = "removed from all names"
# What is saved and the network it is; a word that must be said.
FORMS: dict[str, tuple[Callable[[], tuple[Any, nn.Module]], str]] = {
    "averaged": (averaged, "n_averaged"),
    "pruned": (lambda: pruned(_unstructured), "pruning"),
    "pruned by rows and biases": (lambda: pruned(_structured), "pruning"),
    "pruned twice": (lambda: pruned(_twice), "pruning"),
    "weight norm, hook": (lambda: normed(old_weight_norm), "weight norm"),
    "weight norm of all, hook": (
        lambda: normed(lambda m: old_weight_norm(m, dim=None)),
        "weight norm",
    ),
    "weight norm by columns": (lambda: normed(lambda m: old_weight_norm(m, dim=1)), "weight norm"),
    "weight norm, parametrized": (lambda: normed(parametrizations.weight_norm), "weight norm"),
    "spectral norm, hook": (lambda: normed(old_spectral_norm), "spectral norm"),
    "spectral norm, parametrized": (lambda: normed(parametrizations.spectral_norm), "spectral"),
    "DDP": (lambda: renamed(lambda n: f"module.{n}"), DDP),
    "compiled": (lambda: renamed(lambda n: f"_orig_mod.{n}"), DDP),
    "compiled in DDP": (lambda: renamed(lambda n: f"module._orig_mod.{n}"), DDP),
    "compiled inside Lightning": (lambda: renamed(lambda n: f"model._orig_mod.{n}"), DDP),
    "FSDP": (lambda: renamed(lambda n: f"_fsdp_wrapped_module.{n}"), DDP),
    "activation checkpointing": (
        lambda: renamed(lambda n: n.replace(".", "._checkpoint_wrapped_module.", 1)),
        DDP,
    ),
    "criterion's weight": (lambda: beside({"criterion.weight": torch.ones(3)}), "criterion"),
    "focal loss's alpha": (lambda: beside({"loss_fn.alpha": torch.tensor(0.25)}), "loss_fn"),
    "Lightning's criterion": (
        lambda: beside({"model.criterion.pos_weight": torch.ones(1)}, "model.net."),
        "criterion",
    ),
    "float16": (lambda: in_half(torch.float16), "float16"),
    "bfloat16": (lambda: in_half(torch.bfloat16), "bfloat16"),
    "Lightning": (lambda: nested(epoch=3, global_step=90, callbacks={}), "state_dict"),
    "beside its average": (
        lambda: nested(state_dict_ema={n: t + 1 for n, t in network().state_dict().items()}),
        "state_dict_ema",
    ),
    "an average within": (lambda: twins("model_ema"), "moving average"),
}


def all_said(found: dict[str, Any]) -> str:
    rows = [f"{row['part']} {row['words']}" for row in found["taken"]]
    return " ".join([found["picked"], *found["warnings"], *rows])


def same(checkpoint: Checkpoint, model: nn.Module) -> None:
    """Outputs of the rebuilt network, within the rounding of one more product a weight."""
    built = build_network(checkpoint, MLP)
    with torch.no_grad():
        assert torch.allclose(built(X), model.eval()(X), rtol=1e-5, atol=1e-6)


NESTED = ("Lightning", "beside its average")  # tables within tables are no safetensors
CASES = [(n, k) for n in FORMS for k in ("pt", "safetensors") if k == "pt" or n not in NESTED]


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
@pytest.mark.parametrize(("name", "kind"), CASES)
def test_a_form_of_training_is_its_network(
    tmp_path: Path, workdir: Path, name: str, kind: str
) -> None:
    make, word = FORMS[name]
    saved, model = make()
    path = tmp_path / "upload"
    if kind == "pt":
        torch.save(saved, path)
    else:
        save_file({n: t.detach().clone().contiguous() for n, t in saved.items()}, path)
    same(read_checkpoint(path, workdir=workdir), model)
    assert word in all_said(inspect_checkpoint(path, workdir=workdir))


class Custom(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return weight.tril()


def test_a_parametrization_of_own_code_is_refused_with_its_cure(
    tmp_path: Path, workdir: Path
) -> None:
    model = network()
    nn.utils.parametrize.register_parametrization(model[0], "weight", Custom())
    path = tmp_path / "a.pt"
    torch.save(model.state_dict(), path)
    with pytest.raises(ProblemError, match="parametrized") as caught:
        read_checkpoint(path, workdir=workdir)
    assert "remove_parametrizations(model.0, 'weight')" in caught.value.advice
    nn.utils.parametrize.remove_parametrizations(model[0], "weight")  # the cure
    torch.save(model.state_dict(), path)
    same(read_checkpoint(path, workdir=workdir), model)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("how", ["script", "trace"])
def test_weights_of_torchscript_are_read_and_the_program_is_left(
    tmp_path: Path, workdir: Path, how: str
) -> None:
    model, path = network(), tmp_path / "a.pt"
    made = torch.jit.script(model) if how == "script" else torch.jit.trace(model, X)
    torch.jit.save(made, path)
    checkpoint = read_checkpoint(path, workdir=workdir)
    same(checkpoint, model)
    assert list(checkpoint.tensors) == list(model.state_dict())
    found = inspect_checkpoint(path, workdir=workdir)
    assert found["format"] == "torchscript"
    assert any("program" in row["part"] and not row["taken"] for row in found["taken"])
    with pytest.raises(ProblemError, match="TorchScript") as caught:
        build_network(checkpoint, None)
    assert caught.value.code == "architecture_missing"
    assert "torch.jit.load(path).state_dict()" in caught.value.sentence
    torch.save(torch.jit.load(path).state_dict(), path)  # the cure
    same(read_checkpoint(path, workdir=workdir), model)


def test_what_a_whole_network_kept_from_training_stays_constant(
    tmp_path: Path, workdir: Path
) -> None:
    model, path = network(), tmp_path / "a.pt"
    model[0].requires_grad_(False)
    torch.save(model, path)
    built = build_network(read_checkpoint(path, workdir=workdir), MLP)
    assert [n for n, q in built.named_parameters() if q.requires_grad] == ["2.weight", "2.bias"]
    assert inspect_checkpoint(path, workdir=workdir)["parameters"] == 8 * 3 + 3


def test_tied_autoencoder_of_safetensors_is_one_parameter_twice(
    tmp_path: Path, workdir: Path
) -> None:
    class Auto(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.e, self.d = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
            self.d.weight = self.e.weight

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.d(torch.tanh(self.e(x)))
            return out

    model = Auto()
    save_model(model, str(tmp_path / "tied"))
    checkpoint = read_checkpoint(tmp_path / "tied", workdir=workdir)
    built = build_network(checkpoint, MLP)
    assert sum(q.numel() for q in built.parameters()) == 16
    with torch.no_grad():
        assert torch.equal(built(X), model(X))


NAMES = {
    "numbered": (["0", "2", "10"], None),
    "one family": (["fc1", "fc2", "fc3"], None),
    "told by widths": (["encode", "bottom", "answer"], (4, 8, 6, 3)),
}


@pytest.mark.parametrize("name", NAMES)
def test_an_order_that_names_or_widths_tell_is_taken(
    tmp_path: Path, workdir: Path, name: str
) -> None:
    names, widths = NAMES[name]
    own = widths or (4, 6, 6, 3)
    layers = [nn.Linear(a, b) for a, b in pairwise(own)]
    model = nn.Sequential(*(m for each in layers for m in (each, nn.Tanh())))[:-1]
    state = {
        f"{n}.{k}": t for n, m in zip(names, layers, strict=True) for k, t in m.state_dict().items()
    }
    save_file(state, tmp_path / "a")
    same(read_checkpoint(tmp_path / "a", workdir=workdir), model)


@pytest.mark.parametrize("names", [("stem", "middle", "extra", "top"), ("a", "b_in", "c_in", "d")])
@pytest.mark.parametrize("family", ["mlp", "sequential"])
def test_an_order_that_nothing_tells_is_refused(
    tmp_path: Path, workdir: Path, names: tuple[str, ...], family: str
) -> None:
    widths = (4, 6, 6, 6, 3)
    layers = [nn.Linear(a, b) for a, b in pairwise(widths)]
    state = {
        f"{n}.{k}": t for n, m in zip(names, layers, strict=True) for k, t in m.state_dict().items()
    }
    save_file(state, tmp_path / "a")
    spec: dict[str, Any] = MLP
    if family == "sequential":
        rows = [["Linear", a, b] for a, b in pairwise(widths)]
        spec = {"family": "sequential", "layers": rows}
    with pytest.raises(ProblemError, match="Several orders of the layers fit") as caught:
        build_network(read_checkpoint(tmp_path / "a", workdir=workdir), spec)
    assert caught.value.code == "order_open"
    torch.save(state, tmp_path / "a")  # the cure
    build_network(read_checkpoint(tmp_path / "a", workdir=workdir), spec)


def adapter_files(rank: int = 2, alpha: float = 4.0, **config: Any) -> dict[str, bytes]:
    torch.manual_seed(3)
    parts = {
        "base_model.model.0.lora_A.weight": torch.randn(rank, 4),
        "base_model.model.0.lora_B.weight": torch.randn(8, rank),
        "base_model.model.2.weight": torch.ones(3, 8),
    }
    told = {"peft_type": "LORA", "r": rank, "lora_alpha": alpha, **config}
    return {
        "adapter/adapter_model.safetensors": save(parts),
        "adapter/adapter_config.json": json.dumps(told).encode(),
    }


def zipped(files: dict[str, bytes], path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(("config", "scale"), [({}, 2.0), ({"use_rslora": True}, 4 / 2**0.5)])
def test_an_adapter_is_merged_into_the_base_beside_it(
    tmp_path: Path, workdir: Path, config: dict[str, Any], scale: float
) -> None:
    model, files = network(), adapter_files(**config)
    path = zipped(files | {"base/model.safetensors": save(model.state_dict())}, tmp_path / "a")
    torch.manual_seed(3)
    down, up = torch.randn(2, 4), torch.randn(8, 2)
    model.load_state_dict(
        model.state_dict()
        | {"0.weight": model[0].weight + scale * up @ down, "2.weight": torch.ones(3, 8)}
    )
    same(read_checkpoint(path, workdir=workdir), model)
    assert "adapter was merged" in all_said(inspect_checkpoint(path, workdir=workdir))


def one_file() -> bytes:
    return adapter_files()["adapter/adapter_model.safetensors"]


def as_pickle() -> bytes:
    buffer = io.BytesIO()
    layer = {"0.base_layer.weight": torch.ones(8, 4), "0.lora_A.default.weight": torch.ones(2, 4)}
    torch.save(layer, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["zip", "safetensors", "pt"])
def test_an_adapter_alone_is_named_with_its_cure(tmp_path: Path, workdir: Path, kind: str) -> None:
    path = zipped(adapter_files(), tmp_path / "a")
    if kind != "zip":
        path.write_bytes(one_file() if kind == "safetensors" else as_pickle())
    with pytest.raises(ProblemError, match="LoRA adapter") as caught:
        read_checkpoint(path, workdir=workdir)
    assert caught.value.code == "adapter_without_base"
    assert "merge_and_unload()" in caught.value.advice
