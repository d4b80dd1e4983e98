"""Bad input is exit 2 with one line; the good way needs a server (see test_server_commands)."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from minimascope.cli import main

FREE = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["upload", "/no/such.pt"], "no file '/no/such.pt'"),
        (["weights", "/no/such.pt"], "no file '/no/such.pt'"),
        (["wait", "x", "--server", FREE], "No minimascope server answers"),
        (["report", "x", "--server", FREE], "No minimascope server answers"),
        (["worker", "--queues", "other"], "no queue 'other'"),
        (["worker", "--device", "tpu"], "'tpu' is no device"),
        (["serve", "--port", "70000"], "Cannot listen on 127.0.0.1:70000"),
        (["serve", "--port", "0", "--no-worker"], "Set MINIMASCOPE_WORKER_TOKEN"),
        (["submit", "--checkpoint", "a", "--train", "b", "--top-k", "many"], "'many'"),
        (["submit", "--checkpoint", "a", "--train", "b", "--lambdas", "1,-2"], "-2"),
        (["submit", "--checkpoint", "a", "--train", "b", "--architecture", "{"], "no JSON object"),
        (["submit", "--checkpoint", "a", "--train", "b", "--stages", "all"], "all"),
        (["submit", "--checkpoint", "a", "--train", "b", "--server", FREE], "no file 'a'"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    argv: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert words in err


@pytest.mark.parametrize("argv", [[], ["nothing"], ["upload"], ["submit", "--checkpoint", "a"]])
def test_a_wrong_command_line_is_one_line_and_exit_2(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_taken_port_is_one_line_and_exit_2(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "minimascope", "serve", f"--port={port}"]
        ended = subprocess.run(
            [*command, f"--data={tmp_path}"], capture_output=True, text=True, check=False
        )
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}: Address already in use" in ended.stderr


def test_doctor_says_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINIMASCOPE_DATA_DIR", str(tmp_path))
    main(["doctor"])
    lines = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    names = ["minimascope", "python", "torch", "sandbox", "database", "store", "broker"]
    names.append("workers")
    assert [name for _, name, _ in lines] == names
    assert {state for state, name, _ in lines if name != "sandbox"} == {"ok"}


def test_doctor_names_what_is_broken_and_exits_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINIMASCOPE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MINIMASCOPE_BROKER_URL", "redis://127.0.0.1:9/0")
    assert main(["doctor"]) == 1
    [line] = [x for x in capsys.readouterr().out.splitlines() if x.startswith("BAD broker")]
    assert "refused" in line


def test_a_stage_without_meaning_is_said_and_the_others_are_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(20, 3, generator=generator)
    weights = {"0.weight": torch.randn(1, 3, generator=generator), "0.bias": torch.zeros(1)}
    checkpoint, train, output = (tmp_path / name for name in ("m.pt", "d.npz", "r.json"))
    torch.save(weights, checkpoint)
    np.savez(train, X=inputs.numpy(), y=inputs.sum(dim=1).numpy())
    argv = ["analyze", f"--checkpoint={checkpoint}", f"--train={train}", f"--output={output}"]
    spec = '{"family": "sequential", "layers": [["Linear", 3, 1]]}'
    assert (
        main([*argv, "--architecture", spec, "--loss", "mse", "--weight-decay", "0.1", "--quiet"])
        == 0
    )
    said = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in said] == ["boundary, margins"]
    assert all("regression has no decision boundary" in line for line in said)
    report = json.loads(output.read_text())
    assert report["gap"] is not None
    assert report["boundary"] is None
