"""Arrays of an .npz: the zip and the .npy headers are read here, pickled objects never."""

from __future__ import annotations

import math
import zipfile
import zlib
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from minimascope.contract.problems import ProblemError
from minimascope.intake.files.formats import pickle_refused, records
from minimascope.intake.files.safetensors_format import damaged

ARRAY_BYTES = 1 << 30
READ_BYTES = 16 << 20


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, Any]:
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    return read(file)


def _read_array(archive: zipfile.ZipFile, record: zipfile.ZipInfo) -> np.ndarray:
    """One .npy record; its shape must agree with its length before anything is read."""
    name = record.filename[:100]
    with archive.open(record) as file:
        try:
            shape, fortran, dtype = _header(file)
        except (ValueError, EOFError, SyntaxError, TypeError) as error:
            raise damaged(f"array {name!r} has no readable .npy header") from error
        if dtype.hasobject:
            refusal = pickle_refused(f"holds array {name!r} as pickled Python objects")
            refusal.advice = "Save numbers or texts: X.astype(float), y.astype(int) or str."
            raise refusal
        if dtype.kind not in "fiubUS":
            raise ProblemError(
                "not_a_dataset",
                f"Array {name!r} has dtype {dtype}, which is neither numbers nor texts.",
                "Save inputs as float32 or float64, labels as integers.",
            )
        size = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or size != record.file_size - file.tell():
            raise damaged(f"array {name!r} claims shape {list(shape)} with other bytes behind it")
        data = bytearray(size)  # writable: what is stored as float32 needs no second copy
        if _fill(file, data) != size:
            raise damaged(f"the file ends inside array {name!r}")
    return np.frombuffer(data, dtype=dtype).reshape(shape, order="F" if fortran else "C")


def _fill(file: IO[bytes], data: bytearray) -> int:
    """Reads until `data` is full or the file ends; how many bytes came."""
    view, reached = memoryview(data), 0
    while reached < len(data) and (chunk := file.read(min(READ_BYTES, len(data) - reached))):
        view[reached : reached + len(chunk)] = chunk
        reached += len(chunk)
    return reached


def read_npz(source: BinaryIO) -> dict[str, np.ndarray]:
    """All arrays of an .npz by name.

    Raises ProblemError: pickle_refused (object arrays), deflate_bomb (above 1 GiB unpacked or
    far above the file's size), file_damaged, not_a_dataset (dtype).
    """
    entries = records(source)
    total = sum(entry.file_size for entry in entries)
    if total > ARRAY_BYTES:
        raise ProblemError(
            "deflate_bomb",
            f"The arrays unpack to {total} bytes, more than {ARRAY_BYTES}.",
            "Send a subset of the data.",
        )
    try:
        with zipfile.ZipFile(source) as archive:
            return {
                entry.filename.removesuffix(".npy"): _read_array(archive, entry)
                for entry in entries
            }
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as error:
        raise damaged("an array in it cannot be unpacked") from error
