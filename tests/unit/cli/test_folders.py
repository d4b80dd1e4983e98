"""Paths as they lie on a person's disk: links, folders of save_pretrained, the hub's cache."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from minimascope.cli.files import existing, given
from minimascope.contract.problems import ProblemError
from minimascope.intake.inspection import inspect_checkpoint

STATE = {"0.weight": torch.ones(3, 4), "0.bias": torch.ones(3)}


def hub(folder: Path) -> Path:
    """The cache of huggingface_hub: snapshots are links into blobs."""
    blobs, snapshot = folder / "blobs", folder / "snapshots" / "abc"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    save_file(STATE, blobs / "3f2a9c")
    (blobs / "77").write_text("{}")
    (snapshot / "model.safetensors").symlink_to("../../blobs/3f2a9c")
    (snapshot / "config.json").symlink_to("../../blobs/77")
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc")
    return folder


def names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return [name.partition("/")[2] for name in archive.namelist()]


@pytest.mark.parametrize("name", ["snapshots/abc/model.safetensors", "link of a link"])
def test_a_link_is_the_file_it_points_to(tmp_path: Path, name: str) -> None:
    folder = hub(tmp_path / "models--a--b")
    (folder / "link of a link").symlink_to("snapshots/abc/model.safetensors")
    found = given(folder / name, "checkpoint")
    assert found == existing(folder / name) == folder.resolve() / "blobs" / "3f2a9c"
    assert inspect_checkpoint(found, workdir=tmp_path)["parameters"] == 15


def test_lightnings_last_is_a_link_beside_its_file(tmp_path: Path) -> None:
    torch.save({"state_dict": STATE}, tmp_path / "epoch=3.ckpt")
    (tmp_path / "last.ckpt").symlink_to("epoch=3.ckpt")
    assert given(tmp_path / "last.ckpt", "checkpoint").name == "epoch=3.ckpt"
    assert given(tmp_path, "checkpoint").name == "epoch=3.ckpt"  # one file under two names


def test_a_link_to_nothing_says_where_it_points(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("gone")
    with pytest.raises(ProblemError, match="a link to 'gone'"):
        given(tmp_path / "a", "checkpoint")


@pytest.mark.parametrize("place", [".", "snapshots/abc"])
def test_a_folder_of_the_hubs_cache_is_its_main_snapshot(tmp_path: Path, place: str) -> None:
    path = given(hub(tmp_path / "models--a--b") / place, "checkpoint")
    assert sorted(names(path)) == ["config.json", "model.safetensors"]
    found = inspect_checkpoint(path, workdir=tmp_path)
    assert (found["format"], found["parameters"]) == ("huggingface", 15)


def test_a_folder_of_a_trainer_keeps_what_it_says_of_the_training(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "model.safetensors")
    torch.save({}, tmp_path / "optimizer.pt")
    torch.save({}, tmp_path / "rng_state.pth")
    (tmp_path / "vocab.txt").write_text("a")
    (tmp_path / "trainer_state.json").write_text("{}")
    path = given(tmp_path, "checkpoint")
    assert names(path) == ["model.safetensors", "optimizer.pt", "trainer_state.json"]
    assert path.read_bytes() == given(tmp_path, "checkpoint").read_bytes()  # one id on a server


def test_a_folder_of_images_or_tables_is_packed(tmp_path: Path) -> None:
    for name in ("train/cat/1.png", "test/cat/2.PNG", "notes.txt", ".git/x.png"):
        (tmp_path / "a" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "a" / name).write_bytes(b"x")
    assert names(given(tmp_path / "a", "dataset")) == ["test/cat/2.PNG", "train/cat/1.png"]
    (tmp_path / "b").mkdir()
    np.savez(tmp_path / "b" / "data.npz", X=np.eye(2), y=np.arange(2))
    assert given(tmp_path / "b", "dataset") == (tmp_path / "b" / "data.npz").resolve()


@pytest.mark.parametrize("kind", ["checkpoint", "dataset"])
def test_an_empty_folder_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ProblemError, match="holds no") as caught:
        given(tmp_path, kind)  # type: ignore[arg-type]
    assert caught.value.code == "no_such_file"


def test_several_checkpoints_in_a_folder_are_named(tmp_path: Path) -> None:
    for place in (500, 1000):
        (tmp_path / "runs" / f"checkpoint-{place}").mkdir(parents=True)
        torch.save(STATE, tmp_path / f"epoch-{place}.pt")
    with pytest.raises(ProblemError, match=r"2 checkpoints, 'epoch-1000.pt', 'epoch-500.pt'"):
        given(tmp_path, "checkpoint")
    with pytest.raises(ProblemError, match="only the folders 'checkpoint-1000', 'checkpoint-500'"):
        given(tmp_path / "runs", "checkpoint")
