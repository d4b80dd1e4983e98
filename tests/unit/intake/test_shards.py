"""Shards of many devices: joined to what the library itself makes of them, or refused by name."""

from __future__ import annotations

import io
import pickle
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch.distributed import checkpoint as distributed
from torch.distributed.checkpoint import metadata as described
from torch.distributed.checkpoint.filesystem import _StorageInfo
from torch.distributed.checkpoint.format_utils import dcp_to_torch_save

from minimascope.cli.files import given
from minimascope.contract.problems import ProblemError
from minimascope.intake.inspection import inspect_checkpoint
from minimascope.intake.sandbox.tasks import perform
from minimascope.intake.values.checkpoint import Checkpoint, read_checkpoint
from minimascope.intake.weighing import weigh

REAL = Path(__file__).parents[2] / "cases" / "shards"
Change = Callable[[dict[str, bytes]], dict[str, bytes]]


def files(name: str) -> dict[str, bytes]:
    with zipfile.ZipFile(REAL / f"{name}.zip") as archive:
        return {each: archive.read(each) for each in archive.namelist()}


def zipped(content: dict[str, bytes]) -> io.BytesIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, each in content.items():
            archive.writestr(name, each)
    buffer.seek(0)
    return buffer


def unpacked(name: str, folder: Path) -> Path:
    for each, content in files(name).items():
        (folder / each).parent.mkdir(parents=True, exist_ok=True)
        (folder / each).write_bytes(content)
    return folder / "run" if name.startswith("zero") else folder


@pytest.mark.parametrize("name", ["fsdp", "zero_1", "zero_2", "zero_3"])
@pytest.mark.parametrize("form", ["zip", "folder"])
def test_shards_of_a_real_training_are_its_weights(
    tmp_path: Path, workdir: Path, name: str, form: str
) -> None:
    path = REAL / f"{name}.zip"
    if form == "folder":
        path = given(unpacked(name, tmp_path / "saved"), "checkpoint")
    found, own = read_checkpoint(path, workdir=workdir), load_file(REAL / f"{name}.safetensors")
    assert set(found.tensors) == set(own)
    assert all(torch.equal(found.tensors[key].float(), own[key]) for key in own)
    assert "joined" in " ".join(found.warnings)
    frozen = [] if name == "fsdp" else ["shift", "b.weight", "b.bias"]
    assert sorted(found.frozen) == sorted(frozen)


def test_weights_alone_are_told_of_shards(tmp_path: Path) -> None:
    rows = weigh(REAL / "zero_3.zip").rows
    own = load_file(REAL / "zero_3.safetensors")
    norms = {row.name: row.norm for row in rows}
    assert norms["a.weight"] == pytest.approx(float(own["a.weight"].norm()))


def test_what_fsdp_keeps_of_its_optimiser_is_read() -> None:
    with (REAL / "fsdp.zip").open("rb") as source:
        facts = perform("checkpoint", source, io.BytesIO(), {})["training"]["optimizer"]
    assert facts["name"] == "adamw"
    assert [g["weight_decay"] for g in facts["groups"]] == [0.02, 0.0]
    assert [g["names"] for g in facts["groups"]] == [["0.weight", "2.weight"], ["0.bias", "2.bias"]]
    assert facts["steps"] == 2


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled:UserWarning")
def test_what_one_process_saved_is_what_torch_saves(tmp_path: Path, workdir: Path) -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model(torch.randn(5, 4)).square().sum().backward()
    optimiser.step()
    saved: dict[str, Any] = {"model": model.state_dict(), "optimizer": optimiser.state_dict()}
    torch.save({**saved, "epoch": 3}, tmp_path / "whole.pt")
    distributed.save({**saved, "epoch": 3}, checkpoint_id=str(tmp_path / "ck"), no_dist=True)
    shards = read_checkpoint(given(tmp_path / "ck", "checkpoint"), workdir=workdir)
    whole = read_checkpoint(tmp_path / "whole.pt", workdir=workdir)
    same(shards, whole)
    assert shards.training == whole.training


def same(one: Checkpoint, other: Checkpoint) -> None:
    assert list(one.tensors) == list(other.tensors)
    assert all(torch.equal(one.tensors[key], other.tensors[key]) for key in other.tensors)


def in_pieces(folder: Path, tensor: torch.Tensor, places: list[tuple[slice, ...]]) -> None:
    """A folder of torch.distributed.checkpoint with a tensor cut so, by torch's own classes."""
    folder.mkdir()
    chunks, stored, content = [], {}, b""
    for place in places:
        buffer, piece = io.BytesIO(), tensor[place].clone()
        torch.save(piece, buffer)
        start = torch.Size([each.start for each in place])
        chunks.append(described.ChunkStorageMetadata(start, piece.shape))
        where = _StorageInfo("__0_0.distcp", len(content), len(buffer.getvalue()))
        stored[described.MetadataIndex("w", start)] = where
        content += buffer.getvalue()
    properties = described.TensorProperties(tensor.dtype)
    told = described.TensorStorageMetadata(properties, tensor.shape, chunks)
    (folder / ".metadata").write_bytes(pickle.dumps(described.Metadata({"w": told}, None, stored)))
    (folder / "__0_0.distcp").write_bytes(content)


ALL = slice(0, 5)
CUTS = {
    "rows": [(slice(0, 2), ALL), (slice(2, 4), ALL)],
    "blocks": [
        (slice(a, a + 2), slice(b, c)) for a in (2, 0) for b, c in ((3, 5), (0, 3))
    ],
    "an empty one": [(slice(0, 4), ALL), (slice(4, 4), ALL)],
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled:UserWarning")
@pytest.mark.parametrize("name", CUTS)
def test_pieces_are_joined_as_torch_joins_them(tmp_path: Path, workdir: Path, name: str) -> None:
    in_pieces(tmp_path / "ck", torch.arange(20.0).reshape(4, 5), CUTS[name])
    dcp_to_torch_save(str(tmp_path / "ck"), str(tmp_path / "a.pt"))
    shards = read_checkpoint(given(tmp_path / "ck", "checkpoint"), workdir=workdir)
    same(shards, read_checkpoint(tmp_path / "a.pt", workdir=workdir))


def without(part: str) -> Change:
    return lambda content: {name: each for name, each in content.items() if part not in name}


def compressed(content: dict[str, bytes]) -> dict[str, bytes]:
    table = pickle.loads(content[".metadata"])
    for each in table.storage_data.values():
        each.transform_descriptors = ["stream.zstd/1"]
    return {**content, ".metadata": pickle.dumps(table)}


def of_another_rank(content: dict[str, bytes]) -> dict[str, bytes]:
    more = {name.replace("mp_rank_00", "mp_rank_01"): each for name, each in content.items()}
    return content | more


def of_two_steps(content: dict[str, bytes]) -> dict[str, bytes]:
    more = {name.replace("global_step3", "global_step4"): each for name, each in content.items()}
    return {name: each for name, each in (content | more).items() if "latest" not in name}


INCOMPLETE: dict[str, tuple[str, Change, str]] = {
    "a shard of FSDP": ("fsdp", without("__1_0"), "shard '__1_0.distcp' is missing"),
    "the table of FSDP": ("fsdp", without(".metadata"), "its .metadata"),
    "compressed": ("fsdp", compressed, "compressed"),
    "a rank of ZeRO 2": ("zero_2", without("rank_1"), "1 of 2 ranks"),
    "a rank of ZeRO 3": ("zero_3", without("rank_1_mp_rank_00_model"), "2 of 2 ranks"),
    "ZeRO 3 without its optimiser": ("zero_3", without("optim"), "one rank's part"),
    "ZeRO without its model": ("zero_1", without("model_states"), "model states are missing"),
    "tensor parallelism": ("zero_1", of_another_rank, "split over ranks"),
    "two steps": ("zero_2", of_two_steps, "2 steps"),
}  # fmt: skip


@pytest.mark.parametrize("name", INCOMPLETE)
def test_incomplete_shards_are_refused_with_what_joins_them(name: str) -> None:
    kind, change, words = INCOMPLETE[name]
    with pytest.raises(ProblemError, match=words) as caught:
        perform("checkpoint", zipped(change(files(kind))), io.BytesIO(), {})
    assert caught.value.code == "part_of_a_checkpoint"
    assert ("dcp_to_torch" if kind == "fsdp" else "zero_to_fp32.py") in caught.value.advice


def test_the_command_that_joins_fsdp_works(tmp_path: Path, workdir: Path) -> None:
    with pytest.raises(ProblemError) as caught:
        perform("checkpoint", zipped(without("__1_0")(files("fsdp"))), io.BytesIO(), {})
    found = re.search(r"python (-m torch\S+ dcp_to_torch) FOLDER (\S+)", caught.value.advice)
    assert found
    unpacked("fsdp", tmp_path / "ck")
    command = [sys.executable, *found[1].split(), "ck", found[2]]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    whole = read_checkpoint(tmp_path / found[2], workdir=workdir)
    same(read_checkpoint(REAL / "fsdp.zip", workdir=workdir), whole)


def test_zero_1_and_2_without_their_optimiser_are_what_the_network_computed_with() -> None:
    content = zipped(without("optim_states")(files("zero_2")))
    found = perform("checkpoint", content, io.BytesIO(), {})
    dtypes = {row["name"]: row["dtype"] for row in found["tensors"]}
    assert dtypes.pop("shift") == "float32"  # a buffer, which DeepSpeed leaves as it is
    assert set(dtypes.values()) == {"bfloat16"}


def test_of_several_steps_the_latest_is_taken(tmp_path: Path, workdir: Path) -> None:
    folder = unpacked("zero_1", tmp_path / "a")
    unpacked("zero_2", tmp_path / "b")
    (tmp_path / "b" / "run" / "global_step3").rename(folder / "global_step2")
    found = read_checkpoint(given(folder, "checkpoint"), workdir=workdir)
    same(found, read_checkpoint(REAL / "zero_1.zip", workdir=workdir))


class Hostile:
    def __reduce__(self) -> Any:
        return (open, ("/tmp/minimascope-was-here", "w"))


def hostile(content: dict[str, bytes], name: str) -> dict[str, bytes]:
    if name == "a table that calls":
        return {**content, ".metadata": pickle.dumps(Hostile())}
    table = pickle.loads(content[".metadata"])
    tensor = table.state_dict_metadata["model.0.weight"]
    place = next(iter(table.storage_data.values()))
    if name == "a tensor of any size":
        tensor.size = torch.Size([1 << 40, 1 << 20])
    elif name == "a path out of the folder":
        place.relative_path = "../../../etc/passwd"
    elif name == "a place beyond the file":
        place.offset = 1 << 60
    elif name == "pieces outside of the tensor":
        tensor.chunks[1].offsets = torch.Size([900, 0])
    elif name == "the same piece twice":
        tensor.chunks[1] = tensor.chunks[0]
    elif name == "names through names":
        table.planner_data["model.0.weight"] = ("model", "0.bias", "x")
    elif name == "a table in itself":
        table.planner_data["x"] = table.planner_data
    return {**content, ".metadata": pickle.dumps(table)}


ATTACKS = (
    *("a table that calls", "a tensor of any size", "a path out of the folder"),
    *("a place beyond the file", "pieces outside of the tensor", "the same piece twice"),
    *("names through names", "a table in itself"),
)


@pytest.mark.parametrize("name", ATTACKS)
def test_a_hostile_table_is_refused_in_words(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(hostile(files("fsdp"), name)).getvalue())
    if name == "a table in itself":  # it says nothing of what was taken
        assert inspect_checkpoint(tmp_path / "a.zip", workdir=tmp_path)["parameters"] == 59
        return
    with pytest.raises(ProblemError) as caught:
        inspect_checkpoint(tmp_path / "a.zip", workdir=tmp_path)
    assert caught.value.code in ("pickle_refused", "part_of_a_checkpoint", "file_damaged")
    assert not Path("/tmp/minimascope-was-here").exists()
