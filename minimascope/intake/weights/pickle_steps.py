"""How many steps a pickle has, counted before anybody follows them.

torch's reader and ours go from opcode to opcode in Python: ten million of them, one byte each, keep
a processor for half a minute. Counting reads lengths alone.
"""

from __future__ import annotations

import pickletools

from minimascope.intake.files.safetensors_format import damaged

# A tensor takes about 30 steps.
STEPS = 1_500_000
# A legacy file of torch.save begins with so many pickles: magic number, protocol, system, the
# object, the keys of its storages. Their bytes follow.
LEGACY, LEGACY_BYTES = 5, 64 << 20
_LENGTHS = {-2: 1, -3: 4, -4: 4, -5: 8}  # pickletools.TAKEN_FROM_ARGUMENT…: bytes of a length
_STOP = ord(".")


def _sizes() -> list[tuple[int, int, int]]:
    """For each byte: bytes of a fixed argument, bytes of a length before one, lines of text.

    A byte that is no opcode ends the count, as it ends every reader.
    """
    sizes = [(-1, 0, 0)] * 256
    for each in pickletools.opcodes:
        count = each.arg.n if each.arg else 0
        lines = 0 if count != pickletools.UP_TO_NEWLINE else 1
        if each.arg and "pair" in each.arg.name:
            lines = 2
        sizes[ord(each.code)] = (max(count, 0), _LENGTHS.get(count, 0), lines)
    return sizes


_SIZES = _sizes()


def count(content: bytes, start: int = 0, *, most: int = STEPS) -> tuple[int, int]:
    """Steps up to the end of the pickle at `start`, `most` + 1 where there are more; where it ends.

    What is cut off or no pickle ends where it stops to make sense: its reader says so.
    """
    place, steps, end = start, 0, len(content)
    while place < end and steps <= most:
        code = content[place]
        fixed, length, lines = _SIZES[code]
        steps, place = steps + 1, place + 1 + fixed
        if length:
            place += length + int.from_bytes(content[place : place + length], "little")
        for _ in range(lines):
            place = content.find(b"\n", place) + 1 or end
        if code == _STOP or fixed < 0:
            break
    return steps, place


def check(*contents: bytes, pickles: int = 1) -> None:
    """Raises ProblemError file_damaged where all of them together have too many steps."""
    total = 0
    for content in contents:
        place = 0
        for _ in range(pickles):
            steps, place = count(content, place)
            total += steps
            if total > STEPS:
                raise damaged(f"its table of tensors has more than {STEPS} steps")
