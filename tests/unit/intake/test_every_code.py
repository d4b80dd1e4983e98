"""Every code with which intake refuses a file has an example here, and a cure that is taken."""

from __future__ import annotations

import io
import pickle
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import Tensor, nn

from minimascope import export
from minimascope.contract.objective import ObjectiveParameters
from minimascope.contract.problem_codes import INTAKE
from minimascope.contract.problems import ProblemError
from minimascope.intake.datasets import image_archive, parquet_file
from minimascope.intake.networks import huggingface
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.networks.fitting import fitted
from minimascope.intake.networks.groups import groups
from minimascope.intake.networks.layer_chain import kinds
from minimascope.intake.sandbox import parser_process
from minimascope.intake.sandbox.tasks import perform
from minimascope.intake.values.checkpoint import Checkpoint, checked_size
from minimascope.intake.values.dataset import Dataset, in_order
from tests.unit.intake import fuzz_files as made

# Of the machine or of another part, with an example where that part is tested.
ELSEWHERE = {
    "sandbox_timeout": "test_attacks.py",
    "sandbox_memory": "test_attacks.py",
    "sandbox_disk": "test_attacks.py",
    "optimizer_state_mismatch": "test_training_of_a_file.py",
    "link_mismatch": "test_output_link.py",
}
MLP = {"family": "mlp", "activation": "relu"}
X, Y = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 3
LINEAR = nn.Linear(4, 3)
PIXELS, FLAT = torch.ones(6, 1, 2, 2), nn.Sequential(nn.Conv2d(1, 3, 1), nn.Flatten(2))


def read(content: bytes, task: str = "checkpoint", **options: Any) -> dict[str, Any]:
    return perform(task, io.BytesIO(content), io.BytesIO(), options)


def saved(value: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def built(state: dict[str, Tensor], spec: dict[str, Any] | None, *, ordered: bool = True) -> None:
    build_network(Checkpoint(state, "torch", "0" * 64, ordered=ordered), spec)


def fit(network: nn.Module, x: Tensor = X, y: Tensor = Y, **asked: Any) -> None:
    fitted(network, Dataset(x, y), None, ObjectiveParameters(**asked))


def bomb(compression: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("X.npy", b"\0" * (80 << 20))
    return buffer.getvalue()


def picture(side: int) -> bytes:
    import PIL.Image

    buffer = io.BytesIO()
    PIL.Image.fromarray(np.zeros((side, side), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def without(module: str, ask: Callable[[], Any]) -> Callable[[], Any]:
    def asked() -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(sys.modules, module, None)
            return ask()

    return asked


def exported(model: nn.Module, folder: Path) -> Path:
    return export(model, X[:2], folder / "model.pt2")


class Random(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.rand_like(x)


class Across(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return LINEAR(x - x.mean(0))


def fixed(x: Tensor) -> None:
    program = {
        "input": "x",
        "more_inputs": [],
        "output": "y",
        "bindings": [],
        "trainable": [],
        "frozen": [],
        "batch": 4,
        "input_sizes": [4],
        "input_is_floating": True,
    }
    view = {"call": "torch.ops.aten.reshape.default", "named": {}, "results": ["y"]}
    sizes = {"numbers": [{"value": 4}, {"value": 4}]}
    step = {**view, "arguments": [{"tensor": "x"}, sizes]}
    whole = Checkpoint({}, "pt2", "0" * 64, graph={**program, "steps": [step]})
    fit(build_network(whole, None), x, torch.arange(len(x)) % 3)


STATE = LINEAR.state_dict()
SAME = {f"{n}.weight": torch.ones(4, 4) for n in ("a", "b")}
DATA = Dataset(X, Y, inputs_named=list("abcd"))
ZIP = {"a/1.png": picture(3), "b/2.png": picture(3)}
TABLE = b"a,b,label\n1,2,0\n3,4,1\n"
GPTQ = {"0.qweight": torch.ones(2, 2)}
Act = Callable[[], Any]
# Of each code: what provokes it, and the same once its cure is followed.
EXAMPLES: dict[str, tuple[Act, Act]] = {
    "not_a_file": (
        lambda: checked_size(Path("/nowhere"), largest=9),
        lambda: checked_size(Path(__file__), largest=1 << 20),
    ),
    "checkpoint_too_large": (
        lambda: checked_size(Path(__file__), largest=9),
        lambda: checked_size(Path(__file__), largest=1 << 20),
    ),
    "not_a_checkpoint": (lambda: read(b"hello, world"), lambda: read(saved(STATE))),
    "unsupported_format": (lambda: read(saved(GPTQ)), lambda: read(saved(STATE))),
    "pickle_refused": (lambda: read(pickle.dumps(print, 4)), lambda: read(saved(STATE))),
    "file_damaged": (lambda: read(save(STATE)[:-4]), lambda: read(save(STATE))),
    "deflate_bomb": (
        lambda: read(bomb(zipfile.ZIP_DEFLATED), "dataset"),
        lambda: read(npz(X=X.numpy(), y=Y.numpy()), "dataset"),
    ),
    "tensor_refused": (
        lambda: read(saved({"w": torch.ones(2, dtype=torch.complex64)})),
        lambda: read(saved({"w": torch.ones(2)})),
    ),
    "nan_weights": (
        lambda: read(saved({"w": torch.tensor([float("nan")])})),
        lambda: read(saved({"w": torch.ones(1)})),
    ),
    "architecture_missing": (lambda: built(STATE, None), lambda: built(STATE, MLP)),
    "architecture_invalid": (lambda: built(STATE, {"family": "x"}), lambda: built(STATE, MLP)),
    "architecture_mismatch": (
        lambda: built(STATE, {**MLP, "widths": [4, 9]}),
        lambda: built(STATE, {**MLP, "widths": [4, 3]}),
    ),
    "order_open": (lambda: built(SAME, MLP, ordered=False), lambda: built(SAME, MLP)),
    "adapter_without_base": (
        lambda: read(save({"a.lora_A.weight": torch.ones(2, 2)})),
        lambda: read(made.adapter()),
    ),
    "part_of_a_checkpoint": (
        lambda: read(made.archive({"m/__0_0.distcp": b"x"})),
        lambda: read(made.sharded("fsdp")),
    ),
    "no_candidates": (
        lambda: kinds(groups(Checkpoint({"w": torch.ones(2, 2, 2, 2, 2)}, "torch", ""))),
        lambda: kinds(groups(Checkpoint(STATE, "torch", ""))),
    ),
    "torch_file_refused": (
        lambda: read(saved(STATE), torch_files="refused"),
        lambda: read(save(STATE), torch_files="refused"),
    ),
    "transformers_missing": (
        without("transformers", lambda: huggingface._transformers()),
        lambda: huggingface._transformers(),
    ),
    "pillow_missing": (
        without("PIL.Image", lambda: image_archive._pillow()),
        lambda: image_archive._pillow(),
    ),
    "pyarrow_missing": (
        without("pyarrow", lambda: parquet_file._arrow()),
        lambda: parquet_file._arrow(),
    ),
    "not_a_dataset": (lambda: read(b"hello", "dataset"), lambda: read(TABLE, "dataset")),
    "label_missing": (
        lambda: read(TABLE.replace(b"label", b"kind"), "dataset"),
        lambda: read(TABLE.replace(b"label", b"kind"), "dataset", label="kind"),
    ),
    "columns_differ": (
        lambda: in_order(replace(DATA, inputs_named=list("abcx")), DATA),
        lambda: in_order(replace(DATA, inputs_named=list("dcba")), DATA),
    ),
    "split_missing": (
        lambda: read(npz(x_train=X.numpy(), y_train=Y.numpy()), "dataset", role="test"),
        lambda: read(npz(X=X.numpy(), y=Y.numpy()), "dataset", role="test"),
    ),
    "sizes_differ": (
        lambda: read(made.archive({**ZIP, "b/3.png": picture(4)}), "dataset"),
        lambda: read(made.archive(ZIP), "dataset"),
    ),
    "dataset_missing_arrays": (
        lambda: read(npz(features=X.numpy()), "dataset"),
        lambda: read(npz(X=X.numpy(), y=Y.numpy()), "dataset"),
    ),
    "empty_data": (
        lambda: read(npz(X=X.numpy()[:0], y=Y.numpy()[:0]), "dataset"),
        lambda: read(npz(X=X.numpy()[:1], y=Y.numpy()[:1]), "dataset"),
    ),
    "nan_data": (
        lambda: read(npz(X=X.numpy() * np.nan, y=Y.numpy()), "dataset"),
        lambda: read(npz(X=X.numpy(), y=Y.numpy()), "dataset"),
    ),
    "input_shape_mismatch": (lambda: fit(LINEAR, X[:, :3]), lambda: fit(LINEAR)),
    "fixed_batch": (lambda: fixed(X), lambda: fit(nn.Identity(), X, Y)),
    "batch_dependent": (lambda: fit(Across()), lambda: fit(LINEAR)),
    "labels_per_position": (
        lambda: fit(nn.Conv2d(1, 3, 1), PIXELS, torch.zeros(6, 2, 2, dtype=torch.int64)),
        lambda: fit(FLAT, PIXELS, torch.zeros(6, 4, dtype=torch.int64)),
    ),
    "output_shape_mismatch": (
        lambda: fit(LINEAR, loss="binary"),
        lambda: fit(nn.Linear(4, 1), y=Y % 2, loss="binary"),
    ),
    "outputs_not_finite": (lambda: fit(LINEAR, X * float("inf")), lambda: fit(LINEAR)),
    "example_weights_invalid": (
        lambda: fit(LINEAR, example_weights="w"),
        lambda: fitted(
            LINEAR,
            Dataset(X, Y, aside={"w": torch.ones(6).double()}),
            None,
            ObjectiveParameters(example_weights="w"),
        ),
    ),
    "labels_out_of_range": (lambda: fit(LINEAR, y=Y + 1), lambda: fit(LINEAR)),
    "labels_not_integer": (lambda: fit(LINEAR, y=Y + 0.5), lambda: fit(LINEAR, y=Y.double())),
}


def ending(how: Exception | tuple[bytes, dict[str, Any]]) -> Callable[[Path], Any]:
    """Reading a file whose process ends so."""

    def exchanged(*_: Any) -> Any:
        if isinstance(how, Exception):
            raise how
        return how

    def asked(folder: Path) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(parser_process, "_exchange", exchanged)
            return parsed(folder)

    return asked


def parsed(folder: Path) -> Any:
    (folder / "a").write_bytes(save(STATE))
    return parser_process.parse("checkpoint", folder / "a", output=None)


# These write a file.
WRITTEN: dict[str, tuple[Callable[[Path], Any], Callable[[Path], Any]]] = {
    "operator_refused": (
        lambda folder: exported(nn.Sequential(LINEAR, Random()), folder),
        lambda folder: exported(LINEAR, folder),
    ),
    "sandbox_unavailable": (ending(ConnectionError("gone")), parsed),
    "sandbox_crashed": (ending((b"", {"exit": -11, "timed_out": False})), parsed),
    "export_failed": (
        lambda folder: export(LINEAR, (X, X), folder / "model.pt2"),
        lambda folder: exported(LINEAR, folder),
    ),
}


def test_every_code_of_intake_has_its_example() -> None:
    assert {problem.code for problem in INTAKE} == {*EXAMPLES, *WRITTEN, *ELSEWHERE}


@pytest.mark.parametrize("code", ELSEWHERE)
def test_an_example_elsewhere_is_there(code: str) -> None:
    assert f'"{code}"' in (Path(__file__).parent / ELSEWHERE[code]).read_text()


@pytest.mark.parametrize("code", EXAMPLES)
def test_a_code_is_provoked_and_cured(code: str) -> None:
    provoked, cured = EXAMPLES[code]
    with pytest.raises(ProblemError) as caught:
        provoked()
    assert caught.value.code == code
    assert caught.value.sentence
    cured()


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("code", WRITTEN)
def test_a_code_of_exports_is_provoked_and_cured(tmp_path: Path, code: str) -> None:
    provoked, cured = WRITTEN[code]
    with pytest.raises(ProblemError) as caught:
        provoked(tmp_path)
    assert caught.value.code == code
    cured(tmp_path)
