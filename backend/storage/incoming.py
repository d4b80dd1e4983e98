"""Files on their way in: written under a temporary name, visible only whole and durable."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from backend.storage.bucket import Bucket
from minimascope.contract.problems import ProblemError


@contextmanager
def full_disk_is_507() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise no_room("The disk of the server is full.") from error


def no_room(sentence: str) -> ProblemError:
    advice = "Delete uploads or analyses that are no longer needed."
    return ProblemError("storage_full", sentence, advice)


def _settle(path: Path) -> None:
    """Makes a rename durable."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class Incoming:
    """A file being received; `keep` makes it visible, leaving the block without it removes it."""

    def __init__(self, folder: Path, *, limit: int, bucket: Bucket | None = None) -> None:
        self._path, self._bucket = folder / uuid.uuid4().hex, bucket
        self._limit = limit
        self._hash = hashlib.sha256()
        self._file = self._path.open("xb")
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # What `keep` made durable is written; anything else may fail once more on a full disk.
        with contextlib.suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)

    def write(self, *parts: bytes) -> None:
        """Raises ProblemError `too_large` (413) or `storage_full` (507)."""
        self.size += sum(map(len, parts))
        if self.size > self._limit:
            raise ProblemError(
                "too_large",
                f"The file is larger than the limit of {self._limit} bytes.",
                "Raise MINIMASCOPE_MAX_UPLOAD_BYTES on the server.",
            )
        with full_disk_is_507():
            self._file.writelines(parts)
        for part in parts:
            self._hash.update(part)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def keep(self, path: Path) -> None:
        with full_disk_is_507():
            self._file.flush()
            os.fsync(self._file.fileno())
            path.parent.mkdir(parents=True, exist_ok=True)
        if self._bucket:
            self._bucket.put(self._path, path)
        os.replace(self._path, path)
        _settle(path)


class Partial:
    """A file that grows over several requests; see `backend.uploads.tus_endpoints`."""

    def __init__(self, path: Path, bucket: Bucket | None = None) -> None:
        self._path, self._bucket = path, bucket
        self._file: BinaryIO | None = None

    def create(self) -> None:
        with full_disk_is_507():
            self._path.touch(exist_ok=False)

    @contextmanager
    def opened(self, size: int) -> Iterator[Self]:
        """For writing after the first `size` bytes; whatever lies beyond is cut off."""
        with full_disk_is_507(), self._path.open("r+b") as file:
            file.truncate(size)
            file.seek(size)
            self._file = file
            try:
                yield self
            finally:
                self._file = None

    def write(self, parts: Sequence[bytes], digest: hashlib._Hash | None = None) -> None:
        """And adds them to the digest, where one is wanted."""
        assert self._file
        with full_disk_is_507():
            self._file.writelines(parts)
        if digest is not None:
            for part in parts:
                digest.update(part)

    def settle(self) -> None:
        """Everything written is durable."""
        assert self._file
        with full_disk_is_507():
            self._file.flush()
            os.fsync(self._file.fileno())

    def sha256(self) -> str:
        with self._path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def keep(self, path: Path) -> None:
        """Makes it visible under its final name too; the same bytes may be there already."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if self._bucket:
            self._bucket.put(self._path, path)
        with contextlib.suppress(FileExistsError):
            os.link(self._path, path)
        _settle(path)

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)
