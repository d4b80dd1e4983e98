"""seccomp: a filter of system calls a parser of files has no business making.

Refused with EPERM: starting programs or processes, sockets, signals to others, their limits and
their scheduling, tracing, mounts, namespaces, kernel modules, memory shared by key, and opening any
file for writing or changing any name, time, right or attribute on disk.
Threads stay allowed. The filter is classic BPF over `struct seccomp_data` (linux/seccomp.h).
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_KILL, _ERRNO, _ALLOW = 0x8000_0000, 0x0005_0000, 0x7FFF_0000
_OFFSET_NUMBER, _OFFSET_ARCH, _OFFSET_ARGUMENTS = 0, 4, 16
_X32_BIT = 0x4000_0000
_CLONE_THREAD = 0x0001_0000
_WRITE_FLAGS = 0x1 | 0x2 | 0x40 | 0x200  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC

_AUDIT_ARCH = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
# Numbers of asm/unistd_64.h and asm-generic/unistd.h, grouped by what they would do.
_REFUSED = {
    "x86_64": (
        *(57, 58, 59, 322),  # fork vfork execve execveat
        *(41, 42, 43, 44, 46, 49, 50, 53, 288),  # sockets
        *(62, 200, 234, 129, 297, 424, 434, 438),  # signals to others, pidfd
        *(101, 310, 311, 298, 321, 323, 425),  # ptrace, other memory, perf, bpf, uffd, io_uring
        *(155, 161, 165, 166, 272, 308, 428, 429, 430, 442),  # roots, mounts, namespaces
        *(135, 167, 175, 246, 248, 249, 250, 304, 313, 319),  # kernel, keys, handles, memfd
        *(76, 82, 83, 84, 85, 86, 87, 88, 90, 92, 133),  # names and modes by path
        *(258, 259, 260, 263, 264, 265, 266, 268, 316, 452),  # the same, by folder
        *(91, 93, 94, 132, 235, 261, 280),  # modes, owners and times of what is open or named
        *(188, 189, 190, 197, 198, 199, 463, 466, 469),  # extended attributes
        *(109, 112, 126, 141, 142, 144, 203, 251, 256, 279, 312, 314, 440, 448),  # others' running
        *(105, 106, 113, 114, 116, 117, 119, 122, 123),  # who this process is
        *(29, 30, 31, 64, 65, 66, 68, 69, 70, 71, 220, 240, 241),  # System V and POSIX queues
        *(159, 164, 227, 305),  # clocks
    ),
    "aarch64": (
        *(221, 281),
        *(198, 199, 200, 201, 202, 203, 206, 211, 242),
        *(129, 130, 131, 138, 240, 424, 434, 438),
        *(117, 270, 271, 241, 280, 282, 425),
        *(39, 40, 41, 51, 97, 268, 428, 429, 430, 442),
        *(92, 104, 105, 217, 218, 219, 224, 265, 273, 279),
        *(33, 34, 35, 36, 37, 38, 45, 53, 54, 276, 452),
        *(52, 55, 88),
        *(5, 6, 7, 14, 15, 16, 463, 466, 469),
        *(154, 157, 91, 140, 118, 119, 122, 30, 238, 239, 272, 274, 440, 448),
        *(143, 144, 145, 146, 147, 149, 151, 152, 159),
        *(180, 181, 186, 187, 188, 189, 190, 191, 192, 193, 194, 195, 196),
        *(112, 170, 171, 266),
    ),
}
_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE3, _OPENAT2 = 435, 437
_OPENAT = {"x86_64": 257, "aarch64": 56}
_PRLIMIT = {"x86_64": 302, "aarch64": 261}
_ANY_BIT = 0xFFFF_FFFF
_OPEN = {"x86_64": (2,), "aarch64": ()}

_libc = ctypes.CDLL(None, use_errno=True)


def _instruction(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)


def _refuse(number: int, error: int) -> bytes:
    return _instruction(_JUMP_EQUAL, number, 0, 1) + _instruction(_RETURN, _ERRNO | error)


def _judge_argument(number: int, argument: int, bits: int, *, allowed_if_set: bool) -> bytes:
    """Decides call `number` by whether any of `bits` is set in its argument."""
    set_, unset = (
        (_ALLOW, _ERRNO | errno.EPERM) if allowed_if_set else (_ERRNO | errno.EPERM, _ALLOW)
    )
    return b"".join(
        (
            _instruction(_JUMP_EQUAL, number, 0, 4),
            _instruction(_LOAD, _OFFSET_ARGUMENTS + 8 * argument),
            _instruction(_JUMP_ANY_BIT, bits, 1, 0),
            _instruction(_RETURN, unset),
            _instruction(_RETURN, set_),
        )
    )


def program(machine: str) -> bytes:
    """The filter for one machine type, as an array of `struct sock_filter`."""
    parts = [
        _instruction(_LOAD, _OFFSET_ARCH),
        _instruction(_JUMP_EQUAL, _AUDIT_ARCH[machine], 1, 0),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _OFFSET_NUMBER),
        _instruction(_JUMP_AT_LEAST, _X32_BIT, 0, 1),  # the x32 numbers would slip past the list
        _instruction(_RETURN, _ERRNO | errno.EPERM),
        _refuse(_CLONE3, errno.ENOSYS),  # its flags are behind a pointer: libc falls back to clone
        _refuse(_OPENAT2, errno.ENOSYS),
        _judge_argument(_CLONE[machine], 0, _CLONE_THREAD, allowed_if_set=True),
        _judge_argument(_OPENAT[machine], 2, _WRITE_FLAGS, allowed_if_set=False),
    ]
    # Its own limits (pid 0) a thread looks at when it starts; no other process's.
    parts.append(_judge_argument(_PRLIMIT[machine], 0, _ANY_BIT, allowed_if_set=False))
    parts += [_judge_argument(n, 1, _WRITE_FLAGS, allowed_if_set=False) for n in _OPEN[machine]]
    parts += [_refuse(number, errno.EPERM) for number in _REFUSED[machine]]
    return b"".join([*parts, _instruction(_RETURN, _ALLOW)])


def restrict() -> bool:
    """Installs the filter on this process for good; False where it cannot be."""
    machine = platform.machine()
    if machine not in _AUDIT_ARCH:
        return False
    code = program(machine)
    instructions = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("@HP", len(code) // 8, ctypes.addressof(instructions))
    return bool(_libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, header, 0, 0) == 0)
