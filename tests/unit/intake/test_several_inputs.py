"""Networks of several tensors through `.pt2`, with data of every format: its own numbers."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import TensorDataset

from minimascope import export
from minimascope.cli import main
from minimascope.contract.objective import ObjectiveParameters
from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.networks.fitting import fitted
from minimascope.intake.networks.several import wanted
from minimascope.intake.values.checkpoint import read_checkpoint
from minimascope.intake.values.dataset import Dataset, read_dataset

N, T = 12, 5
CHANCE = torch.Generator().manual_seed(0)
IDS = torch.randint(1, 9, (N, T), generator=CHANCE)
MASK = (torch.arange(T) < torch.randint(1, T + 1, (N, 1), generator=CHANCE)).long()
NUMBERS = torch.randn(N, 3, generator=CHANCE)
Y = torch.arange(N) % 3


class Masked(nn.Module):
    """The mean of the embeddings that the mask leaves."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.out = nn.Embedding(9, 4), nn.Linear(4, 3)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        kept = self.words(input_ids) * attention_mask[:, :, None]
        found: Tensor = self.out(kept.sum(1) / attention_mask.sum(1, keepdim=True))
        return found


class Both(nn.Module):
    """Token ids and numbers, ending in probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.out = nn.Embedding(9, 4), nn.Linear(4 + 3, 3)

    def forward(self, text: Tensor, numbers: Tensor) -> Tensor:
        seen = torch.cat([self.words(text).mean(1), numbers], dim=1)
        return torch.softmax(self.out(seen), dim=1)


def exported(model: nn.Module, inputs: tuple[Tensor, ...], folder: Path) -> nn.Module:
    torch.manual_seed(1)
    path = export(model, inputs, folder / "model.pt2")
    return build_network(read_checkpoint(path, workdir=folder), None)


def read(content: bytes, network: nn.Module, folder: Path, **asked: Any) -> Dataset:
    (folder / "data").write_bytes(content)
    return read_dataset(folder / "data", workdir=folder, several=wanted(network), **asked)


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **{name: np.asarray(each) for name, each in arrays.items()})
    return buffer.getvalue()


def saved(value: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def parquet(**columns: Any) -> bytes:
    buffer = io.BytesIO()
    lists = {name: np.asarray(each).tolist() for name, each in columns.items()}
    pyarrow.parquet.write_table(pyarrow.table(lists), buffer)
    return buffer.getvalue()


def arrow(**columns: Any) -> bytes:
    buffer = io.BytesIO()
    table = pyarrow.table({name: np.asarray(each).tolist() for name, each in columns.items()})
    with pyarrow.ipc.new_stream(buffer, table.schema) as writer:
        writer.write_table(table)
    return buffer.getvalue()


TOKENS: dict[str, Any] = {"input_ids": IDS, "attention_mask": MASK, "labels": Y}
FORMS: dict[str, Callable[[], bytes]] = {
    "npz": lambda: npz(**TOKENS),
    "npz, other order, another array": lambda: npz(
        idx=np.arange(N), labels=Y, attention_mask=MASK, input_ids=IDS
    ),
    "npz of splits": lambda: npz(
        input_ids_train=IDS, attention_mask_train=MASK, labels_train=Y, labels_test=Y[:1]
    ),
    "npz by position": lambda: npz(a=IDS, b=MASK, y=Y),
    "safetensors": lambda: save(TOKENS),
    "torch.save of a table": lambda: saved(TOKENS),
    "torch.save of a tuple": lambda: saved((IDS, MASK, Y)),
    "TensorDataset": lambda: saved(TensorDataset(IDS, MASK, Y)),
    "parquet": lambda: parquet(**TOKENS),
    "arrow of datasets": lambda: arrow(**TOKENS, idx=np.arange(N)),
}


@pytest.mark.parametrize("name", FORMS)
def test_ids_and_their_mask_go_to_their_arguments(tmp_path: Path, name: str) -> None:
    model = Masked().eval()
    network = exported(model, (IDS, MASK), tmp_path)
    data = read(FORMS[name](), network, tmp_path)
    found = fitted(network, data, None, ObjectiveParameters())
    with torch.no_grad():
        assert torch.equal(found.network(found.train.inputs), model(IDS, MASK))
        rows = torch.func.vmap(found.network)(found.train.inputs[:, None])  # each example alone
    assert torch.allclose(rows[:, 0], model(IDS, MASK), atol=1e-6)
    assert found.train.targets.tolist() == Y.tolist()
    said = " ".join([*found.train.warnings, *(row["words"] for row in found.train.taken)])
    assert "several inputs ('input_ids', 'attention_mask')" in said
    assert "the input 'attention_mask'" in said or name.startswith("parquet")


def test_ids_beside_numbers_and_a_test_set(tmp_path: Path) -> None:
    model = Both().eval()
    network = exported(model, (IDS, NUMBERS), tmp_path)
    assert wanted(network) == [("text", False), ("numbers", True)]
    train = read(npz(text=IDS[:8], numbers=NUMBERS[:8], y=Y[:8]), network, tmp_path)
    test = read(npz(text=IDS[8:], numbers=NUMBERS[8:], y=Y[8:]), network, tmp_path)
    found = fitted(network, train, test, ObjectiveParameters())
    assert found.link == "probabilities"
    assert found.test is not None
    every = torch.cat([found.train.inputs, found.test.inputs])
    with torch.no_grad():
        own = torch.softmax(found.network(every), 1)
    assert torch.allclose(own, model(IDS, NUMBERS), atol=1e-6)


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (npz(input_ids=IDS, y=Y), "dataset_missing_arrays", "takes 2 inputs"),
        (npz(input_ids=IDS, other=MASK, y=Y), "dataset_missing_arrays", "'attention_mask'"),
        (npz(**(TOKENS | {"attention_mask": MASK[:3]})), "not_a_dataset", "3 rows"),
        (npz(**(TOKENS | {"input_ids": IDS[:, :3]})), "input_shape_mismatch", "exported for [5]"),
        (npz(**(TOKENS | {"input_ids": IDS + 90})), "input_shape_mismatch", "index out of range"),
        (b"a,b,y\n1,2,0\n3,4,1\n", "dataset_missing_arrays", "takes 2 inputs"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    tmp_path: Path, content: bytes, code: str, words: str
) -> None:
    network = exported(Masked(), (IDS, MASK), tmp_path)
    with pytest.raises(ProblemError) as caught:
        fitted(network, read(content, network, tmp_path), None, ObjectiveParameters())
    assert caught.value.code == code
    assert words in caught.value.sentence


@pytest.mark.parametrize("given", [(IDS, MASK[:3]), (), (IDS, torch.tensor(1.0))])
def test_an_example_that_is_no_batch_is_refused(tmp_path: Path, given: tuple[Tensor, ...]) -> None:
    with pytest.raises(ProblemError) as caught:
        export(Masked(), given, tmp_path / "model.pt2")
    assert caught.value.code == "export_failed"


def test_an_analysis_of_files_has_the_loss_and_curvature_of_the_eager_network(
    tmp_path: Path,
) -> None:
    torch.manual_seed(2)
    model = Masked().double().eval()
    export(model, (IDS[:3], MASK[:3]), tmp_path / "model.pt2")
    (tmp_path / "train.npz").write_bytes(npz(**TOKENS))
    files = ["--checkpoint", str(tmp_path / "model.pt2"), "--train", str(tmp_path / "train.npz")]
    output = ["--output", str(tmp_path / "out.json"), "--stages", "spectrum,gap,boundary"]
    assert main(["analyze", *files, *output, "--quiet", "--weight-decay", "0.01"]) == 0
    report = json.loads((tmp_path / "out.json").read_text())
    loss = functional.cross_entropy(model(IDS, MASK), Y)
    assert report["data"]["train"]["loss"] == pytest.approx(loss.item(), rel=1e-12)
    names = [name for name, _ in model.named_parameters()]

    def of(*values: Tensor) -> Tensor:
        named = dict(zip(names, values, strict=True))
        outputs = torch.func.functional_call(model, named, (IDS, MASK))
        return functional.cross_entropy(outputs, Y)

    blocks: Any = torch.autograd.functional.hessian(of, tuple(model.parameters()))
    sizes = [q.numel() for q in model.parameters()]
    rows = [
        torch.cat([b.reshape(r, c) for b, c in zip(row, sizes, strict=True)], 1)
        for row, r in zip(blocks, sizes, strict=True)
    ]
    exact = torch.linalg.eigvalsh(torch.cat(rows)).flip(0)
    assert report["spectrum"]["eigenvalues"][:3] == pytest.approx(exact[:3].tolist(), rel=1e-8)
    assert report["gap"]["verdict"]


def test_the_export_command_takes_an_array_an_argument(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(
        "import torch\nclass Net(torch.nn.Linear):\n"
        "    def __init__(self): super().__init__(3, 2)\n"
        "    def forward(self, x, scale): return super().forward(x * scale)\n"
    )
    (tmp_path / "batch.npz").write_bytes(npz(scale=NUMBERS[:, :1], x=NUMBERS))
    words = ["export", "net.py:Net", "--example", "batch.npz", "--output", "model.pt2"]
    assert main(words) == 0
    network = build_network(read_checkpoint(tmp_path / "model.pt2", workdir=tmp_path), None)
    assert wanted(network) == [("x", True), ("scale", True)]
