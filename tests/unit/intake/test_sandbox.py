"""What a process inside the sandbox can still do: compute, and nothing else."""

import os
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from minimascope.contract.problems import ProblemError
from minimascope.intake.sandbox import sandbox, seccomp
from minimascope.intake.values.checkpoint import convert_checkpoint


def inside(action: Callable[[], object]) -> str:
    """The error a sandboxed child meets when it performs `action`, "" if it succeeds."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            sandbox.enter(memory_bytes=256 << 20, cpu_seconds=5, file_bytes=1 << 20)
            try:
                action()
                said = b""
            except BaseException as error:  # its name is the answer
                said = type(error).__name__.encode()
            os.write(writing, said)
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(pid, 0)
    with os.fdopen(reading, "rb") as pipe:
        return pipe.read().decode()


def test_every_layer_is_reported_and_at_least_seccomp_or_landlock_holds() -> None:
    layers = sandbox.active_layers()
    assert set(layers) == {"limits", "namespaces", "no_new_privs", "landlock", "seccomp"}
    assert layers["limits"]
    assert layers["seccomp"] or layers["landlock"]


def test_computing_and_threads_are_allowed() -> None:
    assert inside(lambda: sum(range(1000))) == ""
    assert inside(lambda: threading.Thread(target=sum, args=([1],)).start()) == ""


@pytest.mark.parametrize(
    "action",
    [
        os.fork,
        lambda: os.execv("/bin/true", ["true"]),
        lambda: subprocess.run(["/bin/true"], check=True),
        lambda: socket.socket(socket.AF_INET),
        lambda: socket.socketpair(),
        lambda: os.kill(os.getppid(), 0),
        lambda: os.open("/etc/passwd", os.O_RDONLY),
        lambda: os.listdir("/"),
    ],
    ids=["fork", "exec", "spawn", "socket", "socketpair", "kill", "read", "list"],
)
def test_processes_sockets_signals_and_foreign_files_are_refused(
    action: Callable[[], object],
) -> None:
    assert inside(action) == "PermissionError"


def test_no_file_is_made_changed_linked_or_removed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("kept")
    for action in (
        lambda: (tmp_path / "made").write_text("x"),
        lambda: kept.open("r+").write("x"),
        lambda: (tmp_path / "link").symlink_to("/etc/passwd"),
        lambda: os.link(kept, tmp_path / "hard"),
        lambda: os.truncate(kept, 0),
        lambda: kept.unlink(),
        lambda: (tmp_path / "folder").mkdir(),
    ):
        assert inside(action) == "PermissionError"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert kept.read_text() == "kept"


def test_memory_is_capped() -> None:
    assert inside(lambda: bytearray(1 << 30)) == "MemoryError"


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_is_whole_instructions_that_end_in_a_return(machine: str) -> None:
    code = seccomp.program(machine)
    assert len(code) % 8 == 0
    assert len(code) // 8 < 4096  # BPF_MAXINSNS
    assert code[-8:-6] == b"\x06\x00"


@pytest.mark.parametrize(
    ("host", "api_url", "layer", "code"),
    [
        ("0.0.0.0", "", True, None),
        ("0.0.0.0", "", False, "torch_file_refused"),
        ("127.0.0.1", "https://minima.example.org", False, "torch_file_refused"),
        ("127.0.0.1", "http://localhost:8717", False, None),
    ],
)
def test_a_server_for_others_without_landlock_and_seccomp_opens_no_torch_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    api_url: str,
    layer: bool,
    code: str | None,
) -> None:
    monkeypatch.setenv("MINIMASCOPE_HOST", host)
    monkeypatch.setenv("MINIMASCOPE_API_URL", api_url)
    found = {**sandbox.active_layers(), "landlock": 0, "seccomp": layer}
    monkeypatch.setattr(sandbox, "active_layers", lambda: found)
    torch.save({"weight": torch.ones(2, 2)}, tmp_path / "a.pt")
    save_file({"weight": torch.ones(2, 2)}, tmp_path / "a.safetensors")
    codes = []
    for name in ("a.pt", "a.safetensors"):
        try:
            convert_checkpoint(tmp_path / name, output=None)
            codes.append(None)
        except ProblemError as problem:
            codes.append(problem.code)
    assert codes == [code, None]
