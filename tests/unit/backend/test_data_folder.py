"""The data folder: one server, nobody else's eyes, damage named, logs kept short."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from backend.analyses.submission import submission
from backend.cli.log_files import rotate
from backend.jobs.leases import reaper
from backend.operations.backup import backup
from backend.storage.database import connect, database_url, migrate, open_database, revisions
from backend.storage.files import Store
from backend.storage.folder_lock import only_server, server_of
from minimascope.cli import main
from minimascope.contract.schemas import AnalysisRequest
from minimascope.contract.settings import Settings
from tests.unit.backend.in_process import analysis, api

ROOT = {"authorization": "Bearer root"}
HOLDS = """
import sys, time
from pathlib import Path
from backend.storage.files import Store
with Store(Path(sys.argv[1])).incoming(limit=100) as incoming:
    incoming.write(b"half of it")
    incoming._file.flush()
    print("holds", flush=True)
    sys.stdin.read()
    incoming.keep(Path(sys.argv[1]) / "kept")
"""


def arriving(folder: Path) -> list[Path]:
    return [path for path in (folder / "incoming").rglob("*") if path.is_file()]


def test_a_second_server_leaves_the_first_ones_uploads_alone(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout
        assert first.stdout.readline().strip() == "holds"
        Store(tmp_path).clear_incoming()
        assert len(arriving(tmp_path)) == 1
        first.communicate("")
        assert first.returncode == 0
    assert (tmp_path / "kept").read_bytes() == b"half of it"


def test_what_a_killed_server_left_is_removed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout
        first.stdout.readline()
        first.kill()
    assert len(arriving(tmp_path)) == 1
    Store(tmp_path).clear_incoming()
    assert arriving(tmp_path) == []


def test_a_second_server_says_who_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINIMASCOPE_DATA_DIR", str(tmp_path))
    assert server_of(tmp_path) == ""
    with only_server(tmp_path, address="http://127.0.0.1:8717"):
        assert "http://127.0.0.1:8717" in server_of(tmp_path)
        for command in (["serve", "--port", "0"], ["restore", __file__]):
            assert main(command) == 2
            said = capsys.readouterr().err
            assert said.count("\n") == 1
            assert f"process {os.getpid()}, http://127.0.0.1:8717" in said
    assert server_of(tmp_path) == ""


def damage(file: Path, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at : at + 2000] = b"\xff" * 2000
    file.write_bytes(content)


def test_a_damaged_database_says_restore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINIMASCOPE_DATA_DIR", str(tmp_path))
    settings = Settings()
    open_database(database_url(settings)).dispose()
    file = tmp_path / "minimascope.sqlite"
    damage(file, 0)  # its very head
    assert main(["users", "list"]) == 2
    said = capsys.readouterr().err
    assert "damaged" in said
    assert "minimascope restore" in said
    assert main(["doctor"]) == 1
    assert "minimascope restore" in capsys.readouterr().out


def test_a_database_damaged_while_it_is_served_says_restore(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, service):
            for _ in range(200):
                analysis(service, "")
            service.engine.dispose()  # the log is written into the file
            file = tmp_path / "minimascope.sqlite"
            for at in range(4096, file.stat().st_size - 4096, 4096):
                damage(file, at)
            answer = await client.get("/analyses", headers=ROOT)
            assert (answer.status_code, answer.json()["code"]) == (503, "database_damaged")
            assert "minimascope restore" in answer.json()["advice"]

    asyncio.run(run())


def test_doctor_leaves_an_earlier_database_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINIMASCOPE_DATA_DIR", str(tmp_path))
    engine = connect(database_url(Settings()))
    migrate(engine, "0005")
    main(["doctor"])
    assert "schema 0005" in capsys.readouterr().out
    assert revisions(engine)[0] == "0005"
    engine.dispose()


def test_a_setting_that_cannot_be_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINIMASCOPE_PORT", "abc")
    assert main(["analyses"]) == 2
    capsys.readouterr()
    for command in (["serve"], ["doctor"], ["users", "list"], ["report", "0" * 32]):
        assert main(command) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "MINIMASCOPE_PORT = 'abc'" in said


def test_files_are_nobody_elses(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)  # as an admin may have made it
    before = os.umask(0o022)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MINIMASCOPE_DATA_DIR", str(tmp_path))
            assert main(["users", "list"]) == 0
            (tmp_path / "minimascope.sqlite").chmod(0o644)  # as an earlier version left it
            assert main(["users", "list"]) == 0
    finally:
        os.umask(before)
    for path in tmp_path.rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_only_what_should_be_there_is_missing_from_a_backup(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (_, service):
            analysis(service, "")
            cancelled = analysis(service, "")
            service.analyses.repository.cancel(cancelled, now=1.0)
            figures = backup(service.engine, service.store, tmp_path / "b.tar")
            assert figures["missing"] == 0

    asyncio.run(run())


def test_a_long_idempotency_key_is_not_cut() -> None:
    request = AnalysisRequest(checkpoint="c", train="t")
    keys = ["k" * 199 + end for end in "ab"]
    found = {submission(request, key, owner="o" * 32).idempotency_key for key in keys}
    assert len(found) == 2
    assert all(key and len(key) <= 200 for key in found)


def test_logs_are_kept_short(tmp_path: Path) -> None:
    path = tmp_path / "worker-analyses.log"
    with path.open("ab") as log:
        log.write(b"old\n" * 1000)
        log.flush()
        rotate(tmp_path, most=1000)
        log.write(b"new\n")
        log.flush()
        assert path.read_bytes() == b"new\n"
    assert (tmp_path / "worker-analyses.log.1").stat().st_size == 4000


def test_answers_are_kept_by_nobody(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, _):
            for path in ("/analyses", "/me", "/health/ready", "/users"):
                answer = await client.get(path, headers=ROOT)
                kept = answer.headers["cache-control"]
                assert kept in ("no-store", "private, no-cache"), path

    asyncio.run(run())


def test_a_reaper_that_fails_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def fails(*_: object) -> bool:
        calls.append(1)
        if len(calls) > 3:
            return True
        raise RuntimeError("the disk is gone")

    monkeypatch.setattr(reaper, "reap", fails)

    async def run() -> None:
        started = api(tmp_path, lease_seconds=0.05)
        async with started as (_, service), reaper.reaping(service.jobs, lambda: None):
            while len(calls) < 6:
                await asyncio.sleep(0.02)

    with caplog.at_level(logging.WARNING, "minimascope.reaper"):
        asyncio.run(run())
    told = [record for record in caplog.records if "failed" in record.message]
    assert len(told) == 1
    assert any("succeed again" in record.message for record in caplog.records)
