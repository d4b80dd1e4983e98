"""`minimascope analyze` on files as they lie on people's disks: the numbers of the plain files.

One minimum and its data, trained here, in the forms that people reported; and exact minima of the
objectives that torch, timm and transformers train by default, which must be found by their names.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import prune

from minimascope.cli import main

N, DECAY = 40, 0.01
MLP = json.dumps({"family": "mlp", "activation": "tanh"})
CHANCE = torch.Generator().manual_seed(0)
X = torch.randn(N, 4, generator=CHANCE, dtype=torch.float64)
Y = (X[:, :3] + 0.7 * torch.randn(N, 3, generator=CHANCE, dtype=torch.float64)).argmax(1)
CLASSES = ("ant", "bee", "cow")


def trained(
    loss: Callable[[Tensor], Tensor], *, outputs: int = 3, hidden: int = 5, matrices: bool = False
) -> nn.Sequential:
    """At the exact minimum of loss + decay/2 ‖θ‖²."""
    torch.manual_seed(0)
    first = [nn.Linear(4, hidden), nn.Tanh()] if hidden else []
    model = nn.Sequential(*first, nn.Linear(hidden or 4, outputs)).double()
    to_minimum(model, loss, matrices=matrices)
    return model


def to_minimum(
    model: nn.Module, loss: Callable[[Tensor], Tensor], *, matrices: bool = False
) -> None:
    decayed = [q for q in model.parameters() if q.ndim > 1 or not matrices]
    optimiser = torch.optim.LBFGS(
        model.parameters(), max_iter=3000, tolerance_grad=1e-11, tolerance_change=0,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> Tensor:
        optimiser.zero_grad()
        value = loss(model(X)) + DECAY / 2 * sum(q.square().sum() for q in decayed)
        value.backward()
        return value

    optimiser.step(closure)


def report_of(*words: str, folder: Path) -> dict[str, Any]:
    output = folder / "out.json"
    arguments = ["analyze", *words, "--weight-decay", str(DECAY), "--output", str(output)]
    assert main([*arguments, "--quiet"]) == 0
    return json.loads(output.read_text())


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folder with the network and its data as they should be, and their report."""
    folder = tmp_path_factory.mktemp("plain")
    model = trained(lambda f: functional.cross_entropy(f, Y))
    torch.save(model.state_dict(), folder / "model.pt")
    np.savez(folder / "train.npz", X=X.numpy(), y=Y.numpy())
    return folder, analysed(folder, "model.pt", "train.npz", folder)


def analysed(plain: Path, checkpoint: str, train: str, folder: Path, *more: str) -> dict[str, Any]:
    """The report; a name is of a file in `folder`, or of a plain one."""
    there = {name: next(f / name for f in (folder, plain) if (f / name).exists())
             for name in (checkpoint, train)}  # fmt: skip
    words = ["--checkpoint", str(there[checkpoint]), "--train", str(there[train])]
    spec = ["--architecture", MLP, "--stages", "spectrum", "--top-k", "3"]
    return report_of(*words, *spec, *more, folder=folder)


def text(cells: list[list[Any]], by: str, comma: str = ".") -> str:
    return "\n".join(by.join(str(each).replace(".", comma) for each in row) for row in cells)


ROWS = [[*map(float, x), int(y)] for x, y in zip(X, Y, strict=True)]
HEAD = ["a", "b", "c", "d", "label"]


def iris(folder: Path) -> str:
    named = [[*row[:4], f"Iris-{CLASSES[row[4]]}"] for row in ROWS]
    (folder / "iris.data").write_text(text(named, ","))
    return "iris.data"


def excel(folder: Path) -> str:
    content = text([HEAD, *ROWS], ";", ",")
    (folder / "train.csv").write_bytes(b"\xef\xbb\xbf" + content.encode())
    return "train.csv"


def indexed(folder: Path) -> str:
    columns = {name: [row[place] for row in ROWS] for place, name in enumerate(HEAD)}
    columns["__index_level_0__"] = list(range(N))[::-1]
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / "train.parquet")
    return "train.parquet"


def pair(folder: Path) -> str:
    torch.save((X, Y), folder / "train.pt")
    return "train.pt"


DATA: dict[str, tuple[Callable[[Path], str], str]] = {
    "iris.data without a header": (iris, "The first line looks like data"),
    "Excel in a country of decimal commas": (excel, "decimal comma"),
    "pandas' index in a parquet file": (indexed, "'__index_level_0__' was left"),
    "tensors of torch.save": (pair, ""),
}


@pytest.mark.parametrize("name", DATA)
def test_data_as_people_have_them_give_the_same_numbers(
    plain: tuple[Path, dict[str, Any]], tmp_path: Path, name: str
) -> None:
    write, words = DATA[name]
    same(analysed(plain[0], "model.pt", write(tmp_path), tmp_path), plain[1], words)


def same(found: dict[str, Any], plain: dict[str, Any], words: str) -> None:
    """Loss and eigenvalues, up to the digits that a table keeps of float64."""
    assert found["data"]["train"]["n"] == N
    losses = [each["data"]["train"]["loss"] for each in (found, plain)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-10)
    largest = [each["spectrum"]["eigenvalues"] for each in (found, plain)]
    assert largest[0] == pytest.approx(largest[1], rel=1e-8)
    assert words in " ".join(found["warnings"])


def linked(folder: Path, state: dict[str, Tensor]) -> str:
    (folder / "blobs").mkdir()
    torch.save(state, folder / "blobs" / "3f2a9c")
    (folder / "last.ckpt").symlink_to("blobs/3f2a9c")
    return "last.ckpt"


def averaged(folder: Path, state: dict[str, Tensor]) -> str:
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    model.load_state_dict(state)
    torch.save(torch.optim.swa_utils.AveragedModel(model).state_dict(), folder / "swa.pt")
    return "swa.pt"


def sorted_by_name(folder: Path, state: dict[str, Tensor]) -> str:
    save_file(state, folder / "model.safetensors")
    return "model.safetensors"


WEIGHTS: dict[str, tuple[Callable[..., str], str]] = {
    "a link, as in the hub's cache": (linked, ""),
    "AveragedModel": (averaged, "'n_averaged' was left"),
    "safetensors": (sorted_by_name, ""),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_as_training_leaves_them_give_the_same_numbers(
    plain: tuple[Path, dict[str, Any]], tmp_path: Path, name: str
) -> None:
    write, words = WEIGHTS[name]
    checkpoint = write(tmp_path, torch.load(plain[0] / "model.pt"))
    same(analysed(plain[0], checkpoint, "train.npz", tmp_path), plain[1], words)


def test_a_test_table_is_read_by_the_names_of_its_columns(
    plain: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    order = [3, 1, 4, 0, 2]
    (tmp_path / "train.csv").write_text(text([HEAD, *ROWS], ","))
    (tmp_path / "test.csv").write_text(text([[r[k] for k in order] for r in [HEAD, *ROWS]], ","))
    test = ["--test", str(tmp_path / "test.csv")]
    found = analysed(plain[0], "model.pt", "train.csv", tmp_path, *test)
    assert found["data"]["test"]["loss"] == pytest.approx(found["data"]["train"]["loss"], rel=1e-12)
    same(found, plain[1], "put into the order of the training table's")


def test_a_pruned_minimum_is_one_of_the_weights_that_were_left(tmp_path: Path) -> None:
    """weight_orig and weight_mask: what the mask took was not free, and has no curvature."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    for place in (0, 2):
        prune.l1_unstructured(model[place], "weight", amount=0.4)
    to_minimum(model, lambda f: functional.cross_entropy(f, Y))
    np.savez(tmp_path / "train.npz", X=X.numpy(), y=Y.numpy())
    torch.save(model.state_dict(), tmp_path / "model.pt")
    found = analysed(tmp_path, "model.pt", "train.npz", tmp_path, "--stages", "spectrum,gap")
    assert found["minimum"]["converged"] is True
    assert found["failures"] == []
    assert "stay 0" in " ".join(found["warnings"])
    exact = torch.linalg.eigvalsh(hessian_of(model))
    largest = exact.flip(0)[:3].tolist()
    assert found["spectrum"]["eigenvalues"] == pytest.approx(largest, rel=1e-8)


def hessian_of(model: nn.Module) -> Tensor:
    """Of the mean loss in the biases and weight_orig: rows of pruned ones are 0."""
    names = [name for name, _ in model.named_parameters()]
    sizes = [q.numel() for q in model.parameters()]

    def of(theta: Tensor) -> Tensor:
        parts = zip(names, theta.split(sizes), model.parameters(), strict=True)
        given = {name: part.view(own.shape) for name, part, own in parts}
        first, last = (_masked(given, model, place) for place in (0, 2))
        inside = torch.tanh(functional.linear(X, first, given["0.bias"]))
        return functional.cross_entropy(functional.linear(inside, last, given["2.bias"]), Y)

    theta = torch.cat([q.detach().flatten() for q in model.parameters()])
    found: Any = torch.autograd.functional.hessian(of, theta)
    return found


def _masked(given: dict[str, Tensor], model: nn.Module, place: int) -> Tensor:
    mask: Any = model.get_submodule(str(place)).weight_mask
    return given[f"{place}.weight_orig"] * mask


OBJECTIVES: dict[str, tuple[Callable[[], nn.Sequential], list[str], str]] = {
    "nn.MSELoss": (
        lambda: trained(lambda f: functional.mse_loss(f, X[:, :1].sin()), outputs=1, hidden=0),
        ["--loss", "mse"],
        "torch's MSELoss, which is 2/K = 2 times ½ squared error",
    ),
    "label smoothing": (
        lambda: trained(lambda f: functional.cross_entropy(f, Y, label_smoothing=0.1)),
        [],
        "cross-entropy with label smoothing 0.1",
    ),
    "no decay on biases": (
        lambda: trained(lambda f: functional.cross_entropy(f, Y), matrices=True),
        [],
        "weight decay 0.01 on matrices only",
    ),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_minimum_of_what_people_train_with_is_found_by_its_name(
    tmp_path: Path, name: str
) -> None:
    make, options, words = OBJECTIVES[name]
    torch.save(make().state_dict(), tmp_path / "model.pt")
    targets = X[:, :1].sin() if "mse" in options else Y
    np.savez(tmp_path / "train.npz", X=X.numpy(), y=targets.numpy())
    given = ["--checkpoint", str(tmp_path / "model.pt"), "--train", str(tmp_path / "train.npz")]
    asked = ["--architecture", MLP, "--stages", "gap", *options]
    report = report_of(*given, *asked, folder=tmp_path)
    assert report["gap"]["verdict"] == "no_estimate"
    assert words in report["gap"]["reason"]
    assert "at the exact minimum of" in report["gap"]["reason"]
