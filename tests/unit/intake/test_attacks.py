"""Files made to do harm: each refused with its own code, and nothing of what they wanted done."""

import io
import json
import os
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from minimascope.contract.problems import ProblemError
from minimascope.intake.sandbox.parser_process import Limits, parse
from minimascope.intake.values.checkpoint import read_checkpoint
from minimascope.intake.values.dataset import read_dataset


class Payload:
    """Unpickling it leaves a marker file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, (f"touch {self.marker}",))


def refusal(path: Path, workdir: Path) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        read_checkpoint(path, workdir=workdir)
    assert caught.value.sentence
    return caught.value


def saved(path: Path, value: Any, **options: Any) -> Path:
    torch.save(value, path, **options)
    return path


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_that_runs_a_program_is_refused_and_runs_nothing(
    tmp_path: Path, workdir: Path, legacy: bool
) -> None:
    marker = tmp_path / "marker"
    value = {"0.weight": torch.zeros(2, 2), "x": Payload(marker)}
    path = saved(tmp_path / "a.pt", value, _use_new_zipfile_serialization=not legacy)
    problem = refusal(path, workdir)
    assert problem.code == "pickle_refused"
    assert "system" in problem.sentence
    assert not marker.exists()


def test_a_bare_pickle_is_refused_and_runs_nothing(tmp_path: Path, workdir: Path) -> None:
    marker, path = tmp_path / "marker", tmp_path / "model.safetensors"
    path.write_bytes(pickle.dumps(Payload(marker)))
    assert refusal(path, workdir).code == "pickle_refused"
    assert not marker.exists()


def test_a_whole_module_of_an_old_torch_is_refused_with_advice_to_save_the_state_dict(
    tmp_path: Path, workdir: Path
) -> None:
    old = {"_use_new_zipfile_serialization": False}
    problem = refusal(saved(tmp_path / "a.pt", nn.Linear(2, 2), **old), workdir)
    assert problem.code == "pickle_refused"
    assert "state_dict" in problem.advice


def test_object_arrays_are_refused_and_run_nothing(tmp_path: Path, workdir: Path) -> None:
    marker, path = tmp_path / "marker", tmp_path / "d.npz"
    np.savez(path, X=np.array([Payload(marker)], dtype=object), y=np.zeros(1))
    with pytest.raises(ProblemError) as caught:
        read_dataset(path, workdir=workdir)
    assert caught.value.code == "pickle_refused"
    assert not marker.exists()


@pytest.mark.parametrize(
    ("tensor", "code"),
    [
        (torch.ones(1).expand(1 << 20, 1 << 20), "tensor_refused"),
        (torch.ones(6).as_strided((4, 3), (1, 1)), "tensor_refused"),
        (torch.empty(4, 4, device="meta"), "tensor_refused"),
        (torch.eye(3).to_sparse(), "tensor_refused"),
        (torch.eye(3, dtype=torch.complex64), "tensor_refused"),
        (torch.tensor([1.0, float("nan")]), "nan_weights"),
        (torch.tensor([1.0, float("inf")]), "nan_weights"),
    ],
    ids=["stride-0", "overlapping", "meta", "sparse", "complex", "nan", "inf"],
)
def test_odd_tensors_are_refused_by_name(
    tmp_path: Path, workdir: Path, tensor: torch.Tensor, code: str
) -> None:
    problem = refusal(saved(tmp_path / "a.pt", {"fine": torch.ones(2), "odd": tensor}), workdir)
    assert problem.code == code
    assert "'odd'" in problem.sentence


def test_many_views_of_one_memory_do_not_multiply(tmp_path: Path, workdir: Path) -> None:
    whole = torch.zeros(1 << 20)
    path = saved(tmp_path / "a.pt", {f"w{i}": whole for i in range(200)})
    assert refusal(path, workdir).code == "tensor_refused"


def test_a_deflate_bomb_is_refused_unopened(tmp_path: Path, workdir: Path) -> None:
    plain, bomb = io.BytesIO(), tmp_path / "bomb.pt"
    torch.save({"w": torch.zeros(32 << 20)}, plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as out:
        for name in source.namelist():
            out.writestr(name, source.read(name))
    assert bomb.stat().st_size < 1 << 20
    assert refusal(bomb, workdir).code == "deflate_bomb"


def header_file(path: Path, header: bytes, data: bytes = b"", length: int | None = None) -> Path:
    path.write_bytes(struct.pack("<Q", len(header) if length is None else length) + header + data)
    return path


def entry(shape: list[Any], begin: int, end: int, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    "header",
    [
        {"w": entry([1 << 60], 0, 1 << 62)},
        {"w": entry([2], 0, 8), "v": entry([2], 4, 12)},
        {"w": entry([1], 8, 12)},
        {"w": entry([-2], 0, -8)},
        {"w": entry([2.0], 0, 8)},
        {"w": entry([3], 0, 8)},
        {"w": {"dtype": "F32"}},
        {"w": 7},
        ["w"],
    ],
    ids=["huge", "overlap", "hole", "negative", "float", "shape", "partial", "number", "list"],
)
def test_headers_that_contradict_the_file_are_damage(
    tmp_path: Path, workdir: Path, header: Any
) -> None:
    text = b"{" + json.dumps(header).encode() if isinstance(header, list) else b""
    path = header_file(tmp_path / "a", text or json.dumps(header).encode(), bytes(12))
    assert refusal(path, workdir).code == "file_damaged"


def test_a_header_of_2_to_the_60_bytes_is_damage(tmp_path: Path, workdir: Path) -> None:
    problem = refusal(header_file(tmp_path / "a", b"{}", length=1 << 60), workdir)
    assert problem.code == "file_damaged"
    assert str(1 << 60) in problem.sentence


def test_a_key_twice_in_the_header_is_damage(tmp_path: Path, workdir: Path) -> None:
    one = json.dumps(entry([1], 0, 4))
    header = f'{{"w": {one}, "w": {one}}}'.encode()
    assert refusal(header_file(tmp_path / "a", header, bytes(4)), workdir).code == "file_damaged"


def test_zip_tricks_are_damage(tmp_path: Path, workdir: Path) -> None:
    path = saved(tmp_path / "a.pt", {"w": torch.ones(4)})
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("a/data.pkl", b"other")
    assert refusal(path, workdir).code == "file_damaged"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("kind", ["pt", "safetensors"])
def test_truncated_files_are_refused(
    tmp_path: Path, workdir: Path, kind: str, share: float
) -> None:
    path, tensors = tmp_path / f"a.{kind}", {"w": torch.ones(1000)}
    torch.save(tensors, path) if kind == "pt" else save_file(tensors, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    assert refusal(path, workdir).code == "file_damaged"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "not_a_checkpoint"),
        (np.random.default_rng(0).bytes(5000), "not_a_checkpoint"),
        (b"<!DOCTYPE html><script>alert(1)</script>", "unsupported_format"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "unsupported_format"),
        (b"PK\x03\x04" + bytes(100), "file_damaged"),
    ],
    ids=["empty", "random", "html", "hdf5", "zip"],
)
def test_what_is_no_checkpoint_is_said_to_be_none(
    tmp_path: Path, workdir: Path, content: bytes, code: str
) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    assert refusal(path, workdir).code == code


def test_a_made_up_torchscript_archive_is_damage(tmp_path: Path, workdir: Path) -> None:
    path = tmp_path / "script.pt"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py"):
            archive.writestr(f"script/{name}", b"x")
    assert refusal(path, workdir).code == "file_damaged"


def test_hostile_names_stay_text_and_touch_no_file(tmp_path: Path, workdir: Path) -> None:
    names = ["../../evil", "<script>alert(1)</script>", "/etc/passwd", "a b", ".", ""]
    path = saved(tmp_path / "a.pt", {name: torch.ones(1) for name in names})
    assert list(read_checkpoint(path, workdir=workdir).tensors) == names
    assert list(workdir.iterdir()) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.pt", "work"]


def test_a_symbolic_link_is_not_followed(tmp_path: Path, workdir: Path) -> None:
    target = saved(tmp_path / "a.pt", {"w": torch.ones(1)})
    link = tmp_path / "link.pt"
    link.symlink_to(target)
    assert refusal(link, workdir).code == "not_a_file"


def test_time_and_memory_limits_have_their_own_codes(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pt", {"w": torch.ones(4 << 20)})
    with pytest.raises(ProblemError) as caught:
        parse("checkpoint", path, output=None, limits=Limits(seconds=0.0))
    assert caught.value.code == "sandbox_timeout"
    assert "did not end within 0 s" in caught.value.sentence
    with pytest.raises(ProblemError) as caught:
        parse("checkpoint", path, output=None, limits=Limits(memory_bytes=1 << 20))
    assert caught.value.code == "sandbox_memory"
    assert "state_dict" in caught.value.advice
    assert parse("checkpoint", path, output=None)["format"] == "torch"


@pytest.mark.parametrize("numbers", [1, 4 << 20])  # in the buffer until the end, and beyond it
def test_a_full_disk_is_no_fault_of_the_file(tmp_path: Path, numbers: int) -> None:
    path = saved(tmp_path / "a.pt", {"w": torch.ones(numbers)})
    with pytest.raises(ProblemError) as caught:
        parse("checkpoint", path, output=Path("/dev/full"))
    assert (caught.value.code, caught.value.status) == ("sandbox_disk", 507)


def test_a_table_that_takes_too_long_is_told_so_in_processor_time(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("a,b,c,d,e,f,label\n" + "0.1234,1,2.5,3,4.25,5,1\n" * 600_000)
    with pytest.raises(ProblemError) as caught:
        parse("dataset", path, output=None, limits=Limits(seconds=0.9))  # rounded up to 1
    assert caught.value.code == "sandbox_timeout"
    assert "of a processor's time" in caught.value.sentence
    assert "fewer examples" in caught.value.advice
