"""What a process inside the sandbox can still do: compute, and nothing else."""

import os
import resource
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from minimascope.contract.problems import ProblemError
from minimascope.contract.settings import Settings
from minimascope.intake.sandbox import sandbox, seccomp
from minimascope.intake.values.checkpoint import convert_checkpoint
from workers.cli import worker


def inside(action: Callable[[], object]) -> str:
    """The error a sandboxed child meets when it performs `action`, "" if it succeeds."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            # As for a parser of its own: files that tests left open would leave it no room for any.
            os.closerange(3, writing)
            os.closerange(writing + 1, 4096)
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
    assert set(layers) == set(sandbox.NAMES)
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


def test_no_name_time_right_or_attribute_is_changed_even_of_what_is_open(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("kept")
    before = kept.stat()
    with kept.open("rb") as opened:
        for action in (
            lambda: os.utime(kept, (1, 1)),
            lambda: os.utime(opened.fileno(), (1, 1)),
            lambda: os.chmod(kept, 0o777),
            lambda: os.fchmod(opened.fileno(), 0o777),
            lambda: os.fchown(opened.fileno(), 0, 0),
            lambda: os.setxattr(kept, "user.x", b"1"),
            lambda: os.setxattr(opened.fileno(), "user.x", b"1"),
            lambda: os.removexattr(opened.fileno(), "user.x"),
        ):
            assert inside(action) == "PermissionError"
    assert kept.stat() == before


def test_other_processes_keep_their_limits_and_places() -> None:
    parent = os.getpid()
    own = resource.getrlimit(resource.RLIMIT_NOFILE)
    for action in (
        lambda: resource.prlimit(parent, resource.RLIMIT_NOFILE, (10, 10)),
        lambda: resource.prlimit(parent, resource.RLIMIT_NOFILE),
        lambda: os.setpriority(os.PRIO_PROCESS, parent, 19),
        lambda: os.sched_setaffinity(parent, {0}),
        lambda: os.sched_setscheduler(parent, os.SCHED_IDLE, os.sched_param(0)),
        lambda: os.setpgid(parent, parent),
        os.setsid,
        lambda: os.setuid(0),
    ):
        assert inside(action) == "PermissionError"
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == own
    assert inside(lambda: resource.getrlimit(resource.RLIMIT_NOFILE)) == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give its rights away")
def test_a_worker_of_root_parses_as_a_user_who_owns_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where only root may read Python's own code (~/.pyenv), it stays root.
    readable = all(map(sandbox._open_to_all, sandbox.code_folders()))
    assert bool(sandbox.active_layers()["own_user"]) is readable
    monkeypatch.setattr(sandbox, "code_folders", lambda: ("/usr/lib",))
    secret = tmp_path / "secret"
    secret.write_text("x")
    secret.chmod(0o600)

    def looked() -> None:
        assert os.getresuid() == (0, 0, 0)

    assert inside(looked) == "AssertionError"
    assert inside(secret.read_text) == "PermissionError"


def test_every_process_of_a_worker_knows_the_server_that_it_serves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MINIMASCOPE_API_URL", "")
    monkeypatch.setattr(worker, "_watch", lambda *_: None)
    worker.command(queues="inspections", server="https://minima.example.org")
    assert Settings().serves_others()


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
