"""A stored result as an answer: its ETag, the form that was asked for, its bytes streamed.

ETags follow from the content, so every API process gives the same ones. They are weak (RFC 9110,
8.8.1): the same tag stands for the bytes and for their gzip.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import zipfile
from collections.abc import Iterator, Mapping
from functools import lru_cache
from io import RawIOBase
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import numpy as np
from fastapi import Header, Response
from fastapi.responses import StreamingResponse
from typing_extensions import Buffer, override

from minimascope.contract.problems import ProblemError

MAX_JSON_ELEMENTS = 2_000_000
CHUNK = 1 << 20
NPY, NPZ, JSON = "application/octet-stream", "application/zip", "application/json"
Match = Annotated[str | None, Header(alias="If-None-Match")]


@lru_cache(maxsize=4096)
def _digest(path: Path, inode: int, size: int, changed: int) -> str:
    """Of a file as it was at that change; a stored file is replaced, never written into."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def _file_digest(path: Path) -> str:
    status = os.stat(path)
    return _digest(path, status.st_ino, status.st_size, status.st_mtime_ns)


def _headers(tag: str) -> dict[str, str]:
    return {"etag": f'W/"{tag}"', "cache-control": "private, no-cache", "vary": "Accept"}


def _known(tag: str, match: str | None) -> Response | None:
    """304 where the asker has this very content (weak comparison, RFC 9110, 13.1.2)."""
    known = [each.strip().removeprefix("W/").strip('"') for each in (match or "").split(",")]
    if tag in known or known == ["*"]:
        vary = {"vary": "Accept, Accept-Encoding"}  # as the whole answer would say
        return Response(status_code=304, headers={**_headers(tag), **vary})
    return None


def document(content: bytes, match: str | None) -> Response:
    """JSON text, or 304."""
    tag = hashlib.sha256(content).hexdigest()[:32]
    return _known(tag, match) or Response(content, media_type=JSON, headers=_headers(tag))


def array(name: str, path: Path, *, accept: str, match: str | None) -> Response:
    """A stored .npy as it is, or as JSON; raises FileNotFoundError and `too_large_for_json`."""
    as_json = prefers_json(accept)
    tag = f"{_file_digest(path)}-{'json' if as_json else 'npy'}"
    if known := _known(tag, match):
        return known
    if as_json:
        return Response(_as_json(name, path), media_type=JSON, headers=_headers(tag))
    file = path.open("rb")
    # The open file's own length: a later attempt may replace the name meanwhile.
    headers = {**_headers(tag), "content-length": str(os.fstat(file.fileno()).st_size)}
    return StreamingResponse(_read(file), media_type=NPY, headers=headers)


def archive(paths: Mapping[str, Path], *, name: str, match: str | None) -> Response:
    """Arrays by name as .npz, written while it is read; raises FileNotFoundError."""
    parts = "".join(f"{each} {_file_digest(path)}\n" for each, path in paths.items())
    tag = f"{hashlib.sha256(parts.encode()).hexdigest()[:32]}-npz"
    if known := _known(tag, match):
        return known
    # Opened before the first byte goes out: what is deleted meanwhile is still read whole.
    files = {each: path.open("rb") for each, path in paths.items()}
    headers = {**_headers(tag), "content-disposition": f'attachment; filename="{name}.npz"'}
    return StreamingResponse(_zipped(files), media_type=NPZ, headers=headers)


def prefers_json(accept: str) -> bool:
    """Whether `Accept` names JSON, and the bytes of .npy not more than it."""
    weights: dict[str, float] = {}
    for part in accept.split(","):
        kind, *parameters = [each.strip() for each in part.split(";")]
        quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        try:
            weights[kind.lower()] = float(quality)
        except ValueError:
            weights[kind.lower()] = 0.0
    return weights.get(JSON, 0.0) > 0 and weights[JSON] >= weights.get(NPY, 0.0)


def _jsonable(values: Any) -> Any:
    if isinstance(values, list):
        return [_jsonable(value) for value in values]
    return None if isinstance(values, float) and not math.isfinite(values) else values


def _as_json(name: str, path: Path) -> bytes:
    found: np.ndarray[Any, Any] = np.load(path, allow_pickle=False, mmap_mode="r")
    if found.size > MAX_JSON_ELEMENTS:
        raise ProblemError(
            "too_large_for_json",
            f"{name} has {found.size} elements; JSON ends at {MAX_JSON_ELEMENTS}.",
            f"Ask for {NPY} (.npy).",
        )
    shape, data = list(found.shape), _jsonable(found.tolist())
    return json.dumps(
        {"name": name, "dtype": str(found.dtype), "shape": shape, "data": data}
    ).encode()


def _read(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK):
            yield chunk


class _Outlet(RawIOBase):
    """A file that only takes; `taken` empties it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, part: Buffer, /) -> int:
        self._parts.append(bytes(part))
        return len(self._parts[-1])

    def taken(self) -> bytes:
        whole = b"".join(self._parts)
        self._parts.clear()
        return whole


def _zipped(files: Mapping[str, BinaryIO]) -> Iterator[bytes]:
    """Stored, not compressed; no time of day in it, so the same arrays are the same bytes."""
    outlet = _Outlet()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_STORED) as target:
        for name, file in files.items():
            member = zipfile.ZipInfo(f"{name}.npy")
            member.file_size = os.fstat(file.fileno()).st_size
            with target.open(member, "w") as entry:
                for chunk in _read(file):
                    entry.write(chunk)
                    yield outlet.taken()
    yield outlet.taken()
