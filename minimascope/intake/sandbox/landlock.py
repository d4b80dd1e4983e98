"""Landlock: the kernel's own file and network rules for one process, by system call.

The parser gets read access to a few folders and nothing else: no file made, changed, linked or
removed, no TCP port. Interface: linux/landlock.h, ABI 1 (Linux 5.13) onwards.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Sequence

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_PR_SET_NO_NEW_PRIVS = 38

_libc = ctypes.CDLL(None, use_errno=True)


def landlock_abi() -> int:
    """The kernel's Landlock ABI version, 0 where there is none. Changes nothing."""
    version = _libc.syscall(
        _CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG)
    )
    return max(int(version), 0)


def _ruleset_attributes(abi: int) -> bytes:
    """`struct landlock_ruleset_attr` naming every access this ABI can forbid."""
    files = (1 << 13) - 1
    for since, bit in ((2, 13), (3, 14), (5, 15)):  # refer, truncate, ioctl on devices
        if abi >= since:
            files |= 1 << bit
    network = 0b11 if abi >= 4 else 0
    scoped = 0b11 if abi >= 6 else 0
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    return struct.pack("=QQQ", files, network, scoped)[:size]


def _allow_reading(ruleset: int, path: str) -> None:
    try:
        folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights = _READ_FILE | _READ_DIR if os.path.isdir(path) else _READ_FILE
        rule = struct.pack("=Qi", rights, folder)
        _libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(folder)


def no_new_privileges() -> bool:
    """No later exec gains rights; also what unprivileged Landlock and seccomp ask for."""
    return bool(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)


def restrict(readable: Sequence[str]) -> int:
    """Leaves this process read access beneath `readable` alone; the ABI used, 0 if not active."""
    abi = landlock_abi()
    if abi < 1:
        return 0
    attributes = _ruleset_attributes(abi)
    ruleset = int(
        _libc.syscall(
            _CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0)
        )
    )
    if ruleset < 0:
        return 0
    for path in readable:
        _allow_reading(ruleset, path)
    done = _libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)
    return abi if done else 0
