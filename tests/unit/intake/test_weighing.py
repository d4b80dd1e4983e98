"""Weights reports of files as people have them: every format gives the rows of the tensors."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

import minimascope
from minimascope.contract.problems import ProblemError
from minimascope.intake.weighing import weigh


def tensors() -> dict[str, Tensor]:
    torch.manual_seed(0)
    layers = nn.Linear(40, 70), nn.BatchNorm1d(70), nn.Linear(70, 25)
    return {name: t.clone() for name, t in nn.Sequential(*layers).state_dict().items()}


class Hook:
    """Not importable where the file is opened: its code must not be needed."""


def as_torch(path: Path) -> None:
    torch.save(tensors(), path)


def as_legacy(path: Path) -> None:
    torch.save(tensors(), path, _use_new_zipfile_serialization=False)


def as_lightning(path: Path) -> None:
    torch.save({"state_dict": tensors(), "hyper_parameters": {"at": Path("/x")}}, path)


def as_whole_network(path: Path) -> None:
    model = nn.Sequential(nn.Linear(40, 70), nn.BatchNorm1d(70), nn.Linear(70, 25))
    model.load_state_dict(tensors())
    torch.save(model, path)


def as_script(path: Path) -> None:
    model = nn.Sequential(nn.Linear(40, 70), nn.BatchNorm1d(70), nn.Linear(70, 25))
    model.load_state_dict(tensors())
    torch.jit.save(torch.jit.script(model), path)


def as_safetensors(path: Path) -> None:
    save_file(tensors(), path)


def as_zip(path: Path, compression: int = zipfile.ZIP_STORED) -> None:
    plain = path.with_suffix(".one")
    as_safetensors(plain)
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.write(plain, "model/model.safetensors")


def as_packed_zip(path: Path) -> None:
    as_zip(path, zipfile.ZIP_DEFLATED)


WAYS = [as_torch, as_legacy, as_lightning, as_whole_network, as_script]
WAYS += [as_safetensors, as_zip, as_packed_zip]


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("write", WAYS)
def test_every_format_gives_the_rows_of_its_tensors(
    write: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "weights"
    write(path)
    report = weigh(path)
    expected = {name: t for name, t in tensors().items() if t.is_floating_point()}
    assert {row.name for row in report.rows} == set(expected)
    for row in report.rows:
        assert math.isclose(row.norm, float(expected[row.name].norm()), rel_tol=1e-6)
    assert report.parameters == sum(t.numel() for t in expected.values())
    assert any("num_batches_tracked (int64)" in said for said in report.warnings)


def test_a_folder_of_shards_is_one_report_and_names_differ_from_another(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    found = tensors()
    names = list(found)
    shards = {"model-00001-of-00002": names[:3], "model-00002-of-00002": names[3:]}
    for shard, inside in shards.items():
        save_file({name: found[name] for name in inside}, folder / f"{shard}.safetensors")
    places = {n: f"{shard}.safetensors" for shard, inside in shards.items() for n in inside}
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places}))
    other = tmp_path / "other.pt"
    torch.save({"0.weight": found["0.weight"] + 1, "extra": torch.ones(3)}, other)
    for path in (folder, index):
        report = weigh(path, against=other)
        assert len(report.rows) == 8
        changed = {row.name: row.change for row in report.rows}
        assert changed["0.weight"].rank == 1
        assert changed["2.weight"] is None
        assert any("Not in this one: extra" in said for said in report.warnings)


def test_progress_ends_before_one_and_rises(tmp_path: Path) -> None:
    as_safetensors(tmp_path / "w")
    seen = list[float]()
    weigh(tmp_path / "w", told=lambda fraction, name: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[0] == 0.0


def test_what_is_not_finite_is_counted_where_an_analysis_refuses(tmp_path: Path) -> None:
    found = tensors()
    found["2.weight"][0, 0] = math.nan
    torch.save(found, tmp_path / "w.pt")
    assert "2.weight holds 1 NaN" in weigh(tmp_path / "w.pt").findings[0]


def test_a_pickle_that_asks_for_code_is_refused(tmp_path: Path) -> None:
    import os

    class Attack:
        def __reduce__(self) -> object:
            return os.system, (f"touch {tmp_path}/ran",)

    torch.save({"w": torch.ones(3), "x": Attack()}, tmp_path / "w.pt")
    with pytest.raises(ProblemError) as refused:
        weigh(tmp_path / "w.pt")
    assert refused.value.code == "pickle_refused"
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PK\x03\x04junk", b"\x80\x02}q\x00."])
def test_what_is_no_checkpoint_is_refused_in_a_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ProblemError):
        weigh(tmp_path / "x")


def test_a_record_that_claims_more_than_the_file_has_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    as_torch(path)
    with zipfile.ZipFile(path) as archive:
        entry = next(e for e in archive.infolist() if e.filename.endswith("/data/0"))
    data = bytearray(path.read_bytes())
    at = entry.header_offset + 26  # where the local header says how long the name is
    data[at : at + 2] = b"\xff\xff"
    path.write_bytes(data)
    with pytest.raises(ProblemError) as refused:
        weigh(path)
    assert refused.value.code in ("file_damaged", "tensor_refused")


def test_a_network_in_hand_says_the_same_as_its_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(40, 70), nn.BatchNorm1d(70), nn.Linear(70, 25))
    as_torch(tmp_path / "w.pt")
    own, file = minimascope.weights(model), minimascope.weights(tmp_path / "w.pt")
    assert own.rows == file.rows
    assert "Not trained, as it looks: 0.weight, 2.weight" in str(own)
    assert own.frame().loc["0.weight", "units.dead"] == 0
    assert len(own.plot("0.weight").data) >= 3
    against = minimascope.weights(model, against=model)
    assert all(row.change.distance == 0 for row in against.rows if row.change)


def test_what_holds_no_weights_is_refused() -> None:
    for given in (3, {}, {"a": 1}):
        with pytest.raises(ProblemError) as refused:
            minimascope.weights(given)
        assert refused.value.code == "model_unusable"
    with pytest.raises(ProblemError):
        minimascope.weights(nn.Linear(3, 3, device="meta"))
