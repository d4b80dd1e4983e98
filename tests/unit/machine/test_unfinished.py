"""What an interrupted job goes on from is of the code that goes on."""

from __future__ import annotations

from pathlib import Path

from minimascope.machine import unfinished

JOB = "a" * 32


def test_the_same_release_goes_on_and_another_begins_anew(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = unfinished.begun(home, JOB, maker="1.0/5")
    file = unfinished.kept_in(first, "lanczos")
    assert file
    file.write_bytes(b"half")
    assert unfinished.begun(home, JOB, maker="1.0/5") == first
    assert file.read_bytes() == b"half"
    assert unfinished.begun(home, JOB, maker="1.0/6") == first
    assert not file.exists()
    unfinished.forget(home, JOB)
    assert not (home / JOB).exists()


def test_what_names_no_release_is_of_another(tmp_path: Path) -> None:
    home = tmp_path / "home"
    folder = unfinished.unfinished(home, JOB)
    file = unfinished.kept_in(folder, "lanczos")
    assert file
    file.write_bytes(b"of an earlier version")
    unfinished.begun(home, JOB, maker="1.0/5")
    assert not file.exists()


def test_where_nothing_can_be_kept_a_job_is_done_without(tmp_path: Path) -> None:
    assert unfinished.begun(None, JOB, maker="1.0/5") is None
