"""upload, submit, wait and report against a real server, worker and child."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minimascope.cli import main
from tests.servers.serve import Served

Output = pytest.CaptureFixture[str]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "good.pt").write_text("sleep 1.5")
    (tmp_path / "vectors.pt").write_text("vectors sleep 0.1")
    (tmp_path / "crash.pt").write_text("crash")
    (tmp_path / "refused.pt").write_text("refuse")
    (tmp_path / "train.npz").write_bytes(b"data")
    return tmp_path


def submitted(running: Served, files: Path, checkpoint: str, capsys: Output) -> str:
    command = ["submit", "--checkpoint", str(files / checkpoint), "--name", "from a script"]
    command += ["--train", str(files / "train.npz"), "--lambdas", "1e-3,1e-2", "--top-k", "4"]
    command += ["--architecture", '{"family": "mlp", "activation": "relu"}']
    assert main([*command, "--server", running.url]) == 0
    return capsys.readouterr().out.strip()


def test_a_script_goes_from_file_to_report(running: Served, files: Path, capsys: Output) -> None:
    identifier = submitted(running, files, "good.pt", capsys)
    assert main(["wait", identifier, "--server", running.url]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "done"
    report, arrays = files / "report.json", files / "arrays.npz"
    command = ["report", identifier, "--output", str(report), "--arrays", str(arrays)]
    assert main([*command, "--server", running.url]) == 0
    assert json.loads(report.read_text())["data"]["train"]["n"] == 4
    with np.load(arrays) as archive:
        assert archive["points"].shape == (2, 2)
    with running.client() as client:
        parameters = client.analysis(identifier).parameters
    assert (parameters.lambdas, parameters.top_k) == ([1e-3, 1e-2], 4)
    assert parameters.architecture == {"family": "mlp", "activation": "relu"}


def test_a_script_asks_for_a_plane(running: Served, files: Path, capsys: Output) -> None:
    identifier = submitted(running, files, "vectors.pt", capsys)
    assert main(["wait", identifier, "--server", running.url]) == 0
    command = ["slice", identifier, "--plane", "points", "--server", running.url]
    output = files / "slice.npz"
    assert main([*command, "--points", "0,1,2", "--output", str(output)]) == 0
    with np.load(output) as archive:
        assert archive["slice_alignment"].shape == (2, 3)
    capsys.readouterr()
    assert main([*command, "--points", "0,1", "--output", str(output)]) == 2
    assert capsys.readouterr().err.startswith("minimascope slice: --points takes 3 values")


def test_a_script_asks_for_the_line_between_two(
    running: Served, files: Path, capsys: Output
) -> None:
    pair = [submitted(running, files, name, capsys) for name in ("good.pt", "vectors.pt")]
    for identifier in pair:
        assert main(["wait", identifier, "--server", running.url]) == 0
    capsys.readouterr()
    output = files / "line.json"
    command = ["interpolate", *pair, "--server", running.url]
    assert main([*command, "--output", str(output)]) == 0
    assert capsys.readouterr().out == "train: barrier 0 ± 0 nats at α = 0 (n = 4)\n"
    assert json.loads(output.read_text())["alpha"] == [0, 1]
    assert main([*command, "--steps", "5"]) == 2
    assert "multiple of 4" in capsys.readouterr().err


def test_wait_for_a_failure_is_exit_1_with_its_sentence(
    running: Served, files: Path, capsys: Output
) -> None:
    identifier = submitted(running, files, "crash.pt", capsys)
    assert main(["wait", identifier, "--server", running.url]) == 1
    assert "stopped unexpectedly" in capsys.readouterr().err


def test_a_refused_upload_is_exit_2_and_a_good_one_prints_its_id(
    running: Served, files: Path, capsys: Output
) -> None:
    assert main(["upload", str(files / "refused.pt"), "--server", running.url]) == 2
    assert capsys.readouterr().err == "minimascope upload: 'x' is no weights.\n"
    assert main(["upload", str(files / "good.pt"), "--server", running.url]) == 0
    identifier = capsys.readouterr().out.strip()
    command = ["submit", "--checkpoint", identifier, "--train", str(files / "train.npz")]
    assert main([*command, "--server", running.url]) == 0
    assert main(["wait", capsys.readouterr().out.strip(), "--server", running.url]) == 0


def test_compare_prints_one_column_an_analysis(
    running: Served, files: Path, capsys: Output
) -> None:
    ids = [submitted(running, files, "good.pt", capsys) for _ in range(2)]
    for identifier in ids:
        assert main(["wait", identifier, "--server", running.url]) == 0
    capsys.readouterr()
    assert main(["compare", *ids, "--server", running.url]) == 0
    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert rows["id"].split() == ids
    assert rows["state"].split() == ["done", "done"]
    assert main(["compare", "0" * 32, "--server", running.url]) == 2


def test_a_worker_whose_parent_is_gone_ends(running: Served, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "minimascope", "worker", "--watched"]
    worker = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env={"MINIMASCOPE_DATA_DIR": str(tmp_path), "MINIMASCOPE_API_URL": running.url},
    )
    assert worker.stdin
    worker.stdin.close()
    assert worker.wait(20) in (0, -15)
