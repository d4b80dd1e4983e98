"""Content-addressed files and results on local disk, with a bucket behind it where one is set.

`blobs/<ab>/<sha256>` holds uploads, `results/<analysis>/` a report and its arrays. A name becomes
visible only whole: temporary file, fsync, rename. File names of users never become paths.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from backend.objects import Bucket
from minimascope.arrays import ARRAYS
from minimascope.problems import ProblemError

SHA256 = re.compile(r"[0-9a-f]{64}")
JOB_ID = re.compile(r"[0-9a-f]{32}")


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
    return ProblemError("storage_full", sentence, advice, status=507)


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

    def write(self, chunk: bytes) -> None:
        """Raises ProblemError `too_large` (413) or `storage_full` (507)."""
        self.size += len(chunk)
        if self.size > self._limit:
            raise ProblemError(
                "too_large",
                f"The file is larger than the limit of {self._limit} bytes.",
                "Raise MINIMASCOPE_MAX_UPLOAD_BYTES on the server.",
                status=413,
            )
        with full_disk_is_507():
            self._file.write(chunk)
        self._hash.update(chunk)

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
    """A file that grows over several requests; see `backend.transfers`."""

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

    def write(self, part: bytes) -> None:
        assert self._file
        with full_disk_is_507():
            self._file.write(part)

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


class Store:
    """Everything big that the service keeps, below one folder."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self._folder = folder
        self._bucket = Bucket(url, folder) if url else None
        for name in ("blobs", "results", "incoming", "partial"):
            (folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)

    def clear_incoming(self) -> None:
        """Removes what a killed process left half received."""
        for path in (self._folder / "incoming").iterdir():
            path.unlink(missing_ok=True)

    def incoming(self, *, limit: int) -> Incoming:
        with full_disk_is_507():
            return Incoming(self._folder / "incoming", limit=limit, bucket=self._bucket)

    def partial(self, transfer: str) -> Partial:
        if not JOB_ID.fullmatch(transfer):
            raise ProblemError("no_such_transfer", "That is no transfer's id.", status=404)
        return Partial(self._folder / "partial" / transfer, self._bucket)

    def have(self, path: Path) -> Path:
        """The path of a file to read, fetched where only the bucket has it; FileNotFoundError.

        Uploads never change; of a result the bucket is asked whether it did.
        """
        immutable = path.is_relative_to(self._folder / "blobs")
        if self._bucket and not (immutable and path.exists()):
            self._bucket.fetch(path)
        if not path.exists():
            raise FileNotFoundError(path)
        return path

    def blob(self, identifier: str) -> Path:
        """Where the bytes of an upload are; raises ProblemError where the id is no sha256."""
        if not SHA256.fullmatch(identifier):
            raise ProblemError("no_such_blob", "That is no upload's id.", status=404)
        return self._folder / "blobs" / identifier[:2] / identifier

    def delete_blob(self, identifier: str) -> None:
        self.blob(identifier).unlink(missing_ok=True)
        if self._bucket:
            self._bucket.delete(self.blob(identifier))

    def result(self, analysis: str) -> Path:
        if not JOB_ID.fullmatch(analysis):
            raise ProblemError("no_such_analysis", "That is no analysis's id.", status=404)
        return self._folder / "results" / analysis

    def report(self, analysis: str) -> Path:
        return self.result(analysis) / "report.json"

    def array(self, analysis: str, name: str) -> Path:
        if name not in ARRAYS:
            raise ProblemError(
                "no_such_array",
                f"No array is called {name[:80]!r}.",
                f"The names are {', '.join(ARRAYS)}.",
                status=404,
            )
        return self.result(analysis) / f"{name}.npy"

    def link_result(self, analysis: str, source: str) -> None:
        """The same report and arrays under another analysis; the bytes are shared."""
        target, temporary = self.result(analysis), self.result(analysis).with_suffix(".linking")
        if self._bucket:
            for name in self._bucket.names(self.result(source)):
                self.have(self.result(source) / name)
                self._bucket.copy(self.result(source) / name, target / name)
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.copytree(self.result(source), temporary, copy_function=os.link)
        os.replace(temporary, target)

    def delete_result(self, analysis: str) -> None:
        folder = self.result(analysis)
        shutil.rmtree(folder, ignore_errors=True)
        if self._bucket:
            self._bucket.delete(*(folder / name for name in self._bucket.names(folder)))

    def forget_cached(self, *, unused_since: float) -> None:
        """Frees the local disk of what the bucket has and nobody read for long."""
        if not self._bucket:
            return
        for path in (*self._folder.glob("blobs/*/*"), *self._folder.glob("results/*/*")):
            status = path.stat()
            if max(status.st_atime, status.st_mtime) < unused_since:
                path.unlink(missing_ok=True)
