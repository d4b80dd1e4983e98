"""The sandbox around every parse: what a process that opens a stranger's file may still do.

Layers, each used where the machine has it and reported where not: resource limits, a user of its
own (a worker of root gives its rights away), an empty user + network + IPC namespace, no_new_privs,
Landlock (read-only view of the Python code) and seccomp. A parser gets its input, output and answer
as open descriptors, so it needs no path.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
import sysconfig
from functools import lru_cache
from pathlib import Path

from minimascope.intake.sandbox import landlock, seccomp

Layers = dict[str, bool | int]
NAMES = ("limits", "own_user", "namespaces", "no_new_privs", "landlock", "seccomp")
OWN_USERS, NOBODY = 2_000_000_000, 65534

_NEW_USER, _NEW_NETWORK, _NEW_IPC = 0x1000_0000, 0x4000_0000, 0x0800_0000
_PR_SET_PDEATHSIG, _SIGKILL = 1, 9

_libc = ctypes.CDLL(None, use_errno=True)


def _address_space() -> int:
    """Bytes of address space this process holds now (torch alone maps gigabytes)."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def limit_resources(*, memory_bytes: int, cpu_seconds: int, file_bytes: int) -> bool:
    """Caps memory beyond what is mapped already, CPU time, size of the output and open files."""
    limits = {
        resource.RLIMIT_AS: _address_space() + memory_bytes,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_CORE: 0,
    }
    try:
        for what, cap in limits.items():
            resource.setrlimit(what, (cap, cap))
        # At the hard limit the kernel kills without saying why, as for memory.
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 5))
    except (ValueError, OSError):
        return False
    return True


def become_nobody() -> int:
    """The user this process is from now on, who owns nothing and runs nothing else; 0: unchanged.

    Only root can, and only where everybody may read Python's code, which may be imported late.
    """
    if os.geteuid() != 0 or not all(map(_open_to_all, code_folders())):
        return 0
    for user in (OWN_USERS + os.getpid(), NOBODY):  # a container may map few users
        try:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
        except OSError:
            continue
        return user
    return 0


def _open_to_all(folder: str) -> bool:
    path = Path(folder).resolve()
    return all(each.stat().st_mode & 0o005 == 0o005 for each in (path,)) and all(
        each.stat().st_mode & 0o001 for each in path.parents
    )


def leave_namespaces() -> bool:
    """An own user, network and IPC namespace: no interface, no address, no capability outside."""
    return bool(_libc.unshare(_NEW_USER | _NEW_NETWORK | _NEW_IPC) == 0)


def own_program(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of this very installation, in any environment and folder.

    Nothing of the current folder is imported (-P). The folder that holds `minimascope` comes last:
    it may be site-packages, where a package could stand before one of Python's own.
    """
    root = str(Path(__file__).resolve().parents[3])
    start = f"import runpy, sys; sys.path.append({root!r})"
    run = f"runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    return [sys.executable, "-P", "-c", f"{start}; {run}", *arguments]


def code_folders() -> tuple[str, ...]:
    """Where Python's and the packages' code lies: a late import inside the parser still works."""
    paths = sysconfig.get_paths()
    return tuple(sorted({paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")}))


def enter(*, memory_bytes: int, cpu_seconds: int, file_bytes: int) -> Layers:
    """Shuts this process in for good. Returns the layers that took hold.

    Call it in a process made for one file: nothing undoes it. `landlock` is the ABI version.
    """
    limits = limit_resources(
        memory_bytes=memory_bytes, cpu_seconds=cpu_seconds, file_bytes=file_bytes
    )
    own_user = become_nobody()
    _libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)  # forgotten with a change of user
    return {
        "limits": limits,
        "own_user": own_user,
        "namespaces": leave_namespaces(),
        "no_new_privs": landlock.no_new_privileges(),
        "landlock": landlock.restrict(code_folders()),
        "seccomp": seccomp.restrict(),
    }


@lru_cache(maxsize=1)
def active_layers() -> Layers:
    """The layers this machine really gives, found by entering the sandbox in a spare process.

    Keys: limits, namespaces, no_new_privs, seccomp (bool), landlock (ABI version, 0 if absent),
    own_user (its number, 0 where the parser stays the worker's user).
    Loads no torch; about 0.1 s the first time, then remembered.
    """
    done = subprocess.run(  # noqa: S603 - our own module, no user text
        own_program("minimascope.intake.sandbox.sandbox"),
        capture_output=True,
        timeout=30,
        env={"PATH": os.defpath},
        check=False,
    )
    try:
        return {str(name): value for name, value in json.loads(done.stdout).items()}
    except ValueError:
        return dict.fromkeys(NAMES, False)


def may_open_torch_files() -> bool:
    """True where Landlock or seccomp holds: what keeps a fault of torch's unpickler harmless."""
    layers = active_layers()
    return bool(layers["landlock"] or layers["seccomp"])


if __name__ == "__main__":
    found = enter(memory_bytes=1 << 28, cpu_seconds=10, file_bytes=1 << 20)
    sys.stdout.write(json.dumps(found))
