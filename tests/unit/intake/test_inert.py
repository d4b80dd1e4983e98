"""Objects beside the weights are never made: the tensors come through, nothing else happens."""

from __future__ import annotations

import argparse
import collections
import datetime
import functools
import io
import pathlib
import pickle
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.values.checkpoint import read_checkpoint

MLP = {"family": "mlp", "activation": "tanh"}


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))


class AttributeDict(dict):  # what Lightning keeps hyper-parameters in
    pass


class Schedule:
    def __init__(self) -> None:
        self.rates = [0.1, 0.01]


def read(path: Path, workdir: Path, value: Any, **options: Any) -> Any:
    torch.save(value, path / "model.ckpt", **options)
    return read_checkpoint(path / "model.ckpt", workdir=workdir)


def equal(built: nn.Module, expected: nn.Module) -> bool:
    x = torch.randn(4, 3)
    with torch.no_grad():
        return torch.equal(built(x), expected(x))


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_lightning_checkpoint_with_pickled_hyper_parameters_gives_its_weights(
    tmp_path: Path, workdir: Path, protocol: int
) -> None:
    model = network()
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.randn(4, 3)).sum().backward()
    optimizer.step()
    value = {
        "epoch": 3,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": {f"model.{name}": t for name, t in model.state_dict().items()},
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [Schedule()],
        "hyper_parameters": AttributeDict(lr=0.1, out=pathlib.Path("runs")),
        "args": argparse.Namespace(width=5, when=datetime.datetime(2026, 1, 1)),
        "callbacks": {"best": collections.deque([1.0]), "f": functools.partial(Schedule)},
    }
    found = read(tmp_path, workdir, value, pickle_protocol=protocol)
    assert equal(build_network(found, MLP), model)
    assert "'state_dict'" in found.picked
    assert "AttributeDict" in found.warnings[0]
    assert "none of their code was run" in found.warnings[0]


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.randn(2))
        self.body = nn.ModuleDict({"a": nn.Linear(2, 2), "norm": nn.BatchNorm1d(2)})
        self.tied = self.body["a"]
        self.register_buffer("mean", torch.zeros(2))
        self.register_buffer("cache", torch.ones(2), persistent=False)
        self.missing = None


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_whole_network_gives_the_state_dict_it_would_have_saved(
    tmp_path: Path, workdir: Path, wrapped: bool
) -> None:
    model = Residual()
    found = read(tmp_path, workdir, {"epoch": 1, "model": model} if wrapped else model)
    expected = model.state_dict()
    assert list(found.tensors) == list(expected)
    assert all(torch.equal(found.tensors[name], tensor) for name, tensor in expected.items())
    assert "Residual" in found.warnings[0]


def test_half_precision_views_and_parameters_come_through(tmp_path: Path, workdir: Path) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    tensors = {
        "t": base.t(),
        "part": base[1:, 2:],
        "half": base.half(),
        "brain": nn.Parameter(base.bfloat16()),
        "whole": torch.arange(4),
        "none": torch.zeros(0, 3),
        "one": torch.tensor(2.5).double(),
    }
    found = read(tmp_path, workdir, {"state_dict": tensors, "extra": Schedule()})
    for name, tensor in tensors.items():
        assert found.tensors[name].dtype == tensor.dtype
        assert torch.equal(found.tensors[name], tensor)


def archive(path: Path, content: bytes, data: bytes = b"\0" * 64) -> Path:
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("a/data.pkl", content)
        out.writestr("a/byteorder", "little")
        out.writestr("a/data/0", data)
        out.writestr("a/version", "3\n")
    return path


def code(path: Path, workdir: Path) -> str:
    with pytest.raises(ProblemError) as caught:
        read_checkpoint(path, workdir=workdir)
    assert caught.value.sentence
    return caught.value.code


def called(module: str, name: str, argument: str, *, protocol: int) -> bytes:
    """A pickle that calls a function of one text, beside a table of one tensor."""
    if protocol == 4:
        words = b"\x8c" + bytes([len(module)]) + module.encode()
        words += b"\x8c" + bytes([len(name)]) + name.encode() + b"\x93"
    else:
        words = f"c{module}\n{name}\n".encode()
    text = b"X" + len(argument).to_bytes(4, "little") + argument.encode()
    return b"\x80\x02}X\x01\x00\x00\x00x" + words + text + b"\x85Rs."


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        *[("os", "system"), ("posix", "system"), ("nt", "system"), ("builtins", "eval")],
        *[("__builtin__", "exec"), ("builtins", "getattr"), ("builtins", "__import__")],
        *[("subprocess", "Popen"), ("runpy", "run_path"), ("importlib", "import_module")],
        *[("pty", "spawn"), ("operator", "attrgetter"), ("shutil", "rmtree"), ("pdb", "run")],
    ],
)
def test_functions_of_pythons_own_library_are_refused_by_name(
    tmp_path: Path, workdir: Path, module: str, name: str, protocol: int
) -> None:
    marker = tmp_path / "marker"
    path = archive(tmp_path / "a.ckpt", called(module, name, f"touch {marker}", protocol=protocol))
    with pytest.raises(ProblemError, match=name) as caught:
        read_checkpoint(path, workdir=workdir)
    assert caught.value.code == "pickle_refused"
    assert not marker.exists()


def test_a_gadget_of_another_package_is_neither_imported_nor_called(
    tmp_path: Path, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "marker"
    (tmp_path / "gadget.py").write_text(f"open({str(marker)!r}, 'w')\ndef run(text): 1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    buffer = io.BytesIO()
    torch.save({"state_dict": network().state_dict()}, buffer)
    with zipfile.ZipFile(buffer) as whole:
        files = {name: whole.read(name) for name in whole.namelist()}
    (table,) = [name for name in files if name.endswith("data.pkl")]
    call = called("gadget", "run", "now", protocol=2)[3:-2]  # its key, name, text and call
    files[table] = files[table][:-1] + call + b"s."
    with zipfile.ZipFile(tmp_path / "a.ckpt", "w") as out:
        for name, content in files.items():
            out.writestr(name, content)
    found = read_checkpoint(tmp_path / "a.ckpt", workdir=workdir)
    assert equal(build_network(found, MLP), network())
    assert "gadget.run" in found.warnings[0]
    assert not marker.exists()
    assert "gadget" not in sys.modules


def tensor(shape: str, strides: str, offset: int = 0) -> bytes:
    """A table of one tensor with these sizes over record 0 (16 floats), and one object."""
    lines = [
        *("(dVw", "ctorch._utils", "_rebuild_tensor_v2", "((Vstorage", "ctorch", "FloatStorage"),
        *("V0", "Vcpu", "I16", f"tQI{offset}", f"({shape}t({strides}tI00"),
        *("ccollections", "OrderedDict", "(tRtRsVx", "cgadget", "Thing", "(tRs."),
    ]
    return "\n".join(lines).encode()


def test_the_hand_made_table_is_a_good_one(tmp_path: Path, workdir: Path) -> None:
    found = read_checkpoint(
        archive(tmp_path / "a", tensor("I4\nI4\n", "I4\nI1\n")), workdir=workdir
    )
    assert found.tensors["w"].shape == (4, 4)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (tensor("I1000000\nI1000000\n", "I0\nI0\n"), "tensor_refused"),
        (tensor("I4\nI5\n", "I4\nI1\n"), "tensor_refused"),
        (tensor("I4\nI4\n", "I4\nI1\n", 1), "tensor_refused"),
        (tensor("I4\nI3\n", "I1\nI1\n"), "tensor_refused"),
        (tensor("I4\n", "I4\nI1\n"), "file_damaged"),
        (tensor("I-4\n", "I1\n"), "file_damaged"),
        (tensor("F4.0\n", "I1\n"), "file_damaged"),
        (tensor("I4\n", "I1\n").replace(b"V0\n", b"V../../x\n"), "file_damaged"),
        (tensor("I4\n", "I1\n").replace(b"V0\n", b"V7\n"), "file_damaged"),
        (tensor("I4\n", "I1\n").replace(b"FloatStorage", b"QInt8Storage"), "tensor_refused"),
        (tensor("I4\n", "I1\n")[:-1], "file_damaged"),
        (b"\x80\x02cgadget\nThing\n)\x81.", "pickle_refused"),
        (b"\x80\x02cgadget\nThing\n)\x81}h\x09.", "file_damaged"),
        (b"\x80\x02cgadget\nThing\n)\x81\x82\x01.", "file_damaged"),
        (b"\x80\x02cgadget\nThing\n)\x81u.", "file_damaged"),
        (b"\x80\x02}(cgadget\nThing\n)\x81]K\x01u.", "file_damaged"),
        (b"\x80\x02cgadget\nThing\n" + b"(" * 10**5 + b".", "file_damaged"),
    ],
)
def test_tables_that_contradict_themselves_are_refused(
    tmp_path: Path, workdir: Path, content: bytes, expected: str
) -> None:
    assert code(archive(tmp_path / "a", content), workdir) == expected


def test_a_network_that_holds_itself_is_damage(tmp_path: Path, workdir: Path) -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    model._modules["again"] = model
    torch.save(model, tmp_path / "a")
    assert code(tmp_path / "a", workdir) == "file_damaged"


def test_modules_that_unfold_to_billions_are_damage(tmp_path: Path, workdir: Path) -> None:
    model: nn.Module = nn.Identity()
    for _ in range(40):
        model = nn.Sequential(model, model)
    torch.save(model, tmp_path / "a")
    assert code(tmp_path / "a", workdir) == "file_damaged"


def test_every_step_of_pythons_pickles_is_known_or_refused(tmp_path: Path, workdir: Path) -> None:
    values = [None, True, 7, 2**70, -1.5, "text", b"bytes", bytearray(b"x"), (1,), {2}, [3]]
    values += [frozenset({4}), {5: [6, (7, 8, 9, 10)]}, Schedule(), range(3), slice(1)]
    for protocol in range(6):
        content = pickle.dumps({"x": values, "y": values}, protocol=protocol)
        assert code(archive(tmp_path / "a", content), workdir) == "not_a_checkpoint"


def test_a_lone_tensor_beside_the_weights_is_not_taken_for_a_state_dict(
    tmp_path: Path, workdir: Path
) -> None:
    state = {f"module.{name}": tensor for name, tensor in network().state_dict().items()}
    value = {"epoch": 90, "state_dict": state, "best_acc1": torch.tensor(71.3)}
    found = read(tmp_path, workdir, value)  # as PyTorch's own ImageNet example saves it
    assert equal(build_network(found, MLP), network())
    assert "'state_dict'" in found.picked
