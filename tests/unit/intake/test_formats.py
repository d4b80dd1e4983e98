"""The same weights through everything people save them in come back equal, and choices are said."""

import io
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from minimascope.contract.problems import ProblemError
from minimascope.intake.inspection import inspect_checkpoint
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.values.checkpoint import Checkpoint, file_sha256, read_checkpoint

MLP = {"family": "mlp", "activation": "tanh"}


def network(dtype: torch.dtype = torch.float64) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(3, 7), nn.Tanh(), nn.Linear(7, 5), nn.Tanh(), nn.Linear(5, 2)
    ).to(dtype)


def prefixed(state: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {prefix + key: value for key, value in state.items()}


STATE = network().state_dict()
OTHER = {key: value + 1 for key, value in STATE.items()}
SAVED: dict[str, tuple[Any, str]] = {
    "plain": (STATE, ""),
    "ordered": (OrderedDict(STATE), ""),
    "nested": ({"state_dict": STATE, "epoch": 3}, "'state_dict'"),
    "model_state_dict": (
        {"model_state_dict": STATE, "optimizer_state_dict": {"state": {0: OTHER}}},
        "'model_state_dict'",
    ),
    "lightning": (
        {
            "epoch": 1,
            "pytorch-lightning_version": "2.5.0",
            "state_dict": prefixed(STATE, "net."),
            "optimizer_states": [{"state": {}}],
            "callbacks": {},
        },
        "'state_dict'",
    ),
    "ddp": (prefixed(STATE, "module."), "'module.'"),
    "compiled ddp": (prefixed(STATE, "_orig_mod.module."), "'_orig_mod.'"),
    "ema": ({"model": STATE, "model_ema": OTHER}, "'model'"),
}


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("name", list(SAVED))
def test_torch_files_give_the_eager_outputs(
    tmp_path: Path, workdir: Path, name: str, legacy: bool
) -> None:
    value, said = SAVED[name]
    path = tmp_path / "anything.bin"
    torch.save(value, path, _use_new_zipfile_serialization=not legacy)
    checkpoint = read_checkpoint(path, workdir=workdir)
    assert checkpoint.format == "torch"
    assert said in checkpoint.picked
    x = torch.randn(11, 3, dtype=torch.float64)
    difference = build_network(checkpoint, MLP)(x) - network()(x)
    assert difference.abs().max() < 1e-12  # the same float64 operations in the same order


def test_an_ema_copy_left_aside_is_warned_about(tmp_path: Path, workdir: Path) -> None:
    path = tmp_path / "a.pt"
    torch.save(SAVED["ema"][0], path)
    assert any("model_ema" in w for w in read_checkpoint(path, workdir=workdir).warnings)


def test_safetensors_give_the_eager_outputs_although_sorted_by_name(
    tmp_path: Path, workdir: Path
) -> None:
    torch.manual_seed(1)
    layers: list[nn.Module] = []
    for _ in range(11):  # names "0" … "20": as text "10" comes before "2"
        layers += [nn.Linear(4, 4, dtype=torch.float64), nn.Tanh()]
    eager = nn.Sequential(*layers[:-1])
    save_file(eager.state_dict(), tmp_path / "a")
    checkpoint = read_checkpoint(tmp_path / "a", workdir=workdir)
    assert checkpoint.format == "safetensors"
    x = torch.randn(5, 4, dtype=torch.float64)
    assert (build_network(checkpoint, MLP)(x) - eager(x)).abs().max() < 1e-12


def test_layers_sorted_out_of_order_are_chained_by_their_widths(
    tmp_path: Path, workdir: Path
) -> None:
    parts = [nn.Linear(3, 7), nn.Linear(7, 5), nn.Linear(5, 2)]
    state = {
        f"{name}.{leaf}": tensor
        for name, part in zip(("input", "hidden", "final"), parts, strict=True)
        for leaf, tensor in part.state_dict().items()
    }
    save_file(state, tmp_path / "a")
    built = build_network(read_checkpoint(tmp_path / "a", workdir=workdir), MLP)
    x = torch.randn(5, 3)
    eager = parts[2](torch.tanh(parts[1](torch.tanh(parts[0](x)))))
    assert torch.equal(built(x), eager)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_kept_in_the_checkpoint_and_raised_in_the_network(
    tmp_path: Path, workdir: Path, dtype: torch.dtype
) -> None:
    torch.save(network(dtype).state_dict(), tmp_path / "a.pt")
    checkpoint = read_checkpoint(tmp_path / "a.pt", workdir=workdir)
    assert {t.dtype for t in checkpoint.tensors.values()} == {dtype}
    x = torch.randn(5, 3)
    assert torch.equal(build_network(checkpoint, MLP)(x), network(dtype).float()(x))


def test_views_into_one_storage_are_separate_tensors(tmp_path: Path, workdir: Path) -> None:
    flat = torch.arange(12.0)
    state = {"weight": flat[:10].view(2, 5).t(), "bias": flat[7:12]}
    torch.save(state, tmp_path / "a.pt")
    tensors = read_checkpoint(tmp_path / "a.pt", workdir=workdir).tensors
    assert all(torch.equal(tensors[name], state[name]) for name in state)


def test_a_file_without_weights_says_which_keys_it_has(tmp_path: Path, workdir: Path) -> None:
    torch.save({"epoch": 3, "loss": 0.5}, tmp_path / "a.pt")
    with pytest.raises(ProblemError, match="'epoch', 'loss'") as caught:
        read_checkpoint(tmp_path / "a.pt", workdir=workdir)
    assert caught.value.code == "not_a_checkpoint"


def test_an_inspection_tells_what_the_page_shows(tmp_path: Path, workdir: Path) -> None:
    path = tmp_path / "a.pt"
    torch.save(prefixed(STATE, "module."), path)
    found = inspect_checkpoint(path, workdir=workdir)
    assert found["format"] == "torch"
    assert found["parameters"] == sum(t.numel() for t in STATE.values())
    assert found["layers"][0] == {"name": "0.weight", "shape": [7, 3], "dtype": "float64"}
    assert found["sha256"] == file_sha256(path)
    assert "module." in found["picked"]
    assert found["suggested"] == [{"family": "mlp", "widths": [3, 7, 5, 2], "activation": None}]
    assert list(workdir.iterdir()) == []


def test_buffers_are_not_counted_as_parameters(tmp_path: Path, workdir: Path) -> None:
    torch.save(nn.BatchNorm1d(4).state_dict(), tmp_path / "a.pt")
    found = inspect_checkpoint(tmp_path / "a.pt", workdir=workdir)
    assert found["parameters"] == 8
    assert found["suggested"] == []


def test_a_warm_inspection_takes_less_than_1_5_s(tmp_path: Path, workdir: Path) -> None:
    torch.save(STATE, tmp_path / "a.pt")
    inspect_checkpoint(tmp_path / "a.pt", workdir=workdir)  # warms the parser process
    start = time.perf_counter()
    inspect_checkpoint(tmp_path / "a.pt", workdir=workdir)
    assert time.perf_counter() - start < 1.5


def test_the_order_of_a_state_dict_survives_conversion(tmp_path: Path, workdir: Path) -> None:
    names = [f"z{i}.weight" for i in range(20)] + ["a.weight"]
    buffer = io.BytesIO()
    torch.save({name: torch.ones(1) for name in names}, buffer)
    (tmp_path / "a").write_bytes(buffer.getvalue())
    checkpoint: Checkpoint = read_checkpoint(tmp_path / "a", workdir=workdir)
    assert list(checkpoint.tensors) == names
