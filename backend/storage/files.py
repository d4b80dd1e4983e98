"""Content-addressed files and results on local disk, with a bucket behind it where one is set.

`blobs/<ab>/<sha256>` holds uploads, `results/<analysis>/` a report and its arrays. A name becomes
visible only whole: temporary file, fsync, rename. File names of users never become paths.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from pathlib import Path

from backend.storage.bucket import Bucket
from backend.storage.incoming import Incoming, Partial, full_disk_is_507, no_room
from backend.storage.own_folder import OwnFolder, clear_orphans
from backend.storage.reserve import Reserve
from minimascope.contract.arrays import ARRAYS
from minimascope.contract.problems import ProblemError

SHA256 = re.compile(r"[0-9a-f]{64}")
JOB_ID = re.compile(r"[0-9a-f]{32}")


class Store:
    """Everything big that the service keeps, below one folder."""

    def __init__(self, folder: Path, url: str = "") -> None:
        """The disk that fills up is that of `folder`, beside which the database lies."""
        self._folder, self.reserve = folder, Reserve(folder)
        self._bucket = Bucket(url, folder) if url else None
        for name in ("blobs", "results", "incoming", "partial"):
            (folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        self._incoming = OwnFolder(folder / "incoming")

    def clear_incoming(self) -> None:
        """Removes what killed processes left half received, and nothing of one that lives."""
        clear_orphans(self._folder / "incoming")

    def check_room(self) -> None:
        """Raises ProblemError `storage_full` where the room that is left is for removals."""
        if not self.reserve.take():
            raise no_room("The disk of the server is full.")

    def incoming(self, *, limit: int) -> Incoming:
        self.check_room()
        with full_disk_is_507():
            return Incoming(self._incoming.path(), limit=limit, bucket=self._bucket)

    def put(self, path: Path, content: bytes) -> None:
        """A whole file at once."""
        with self.incoming(limit=len(content)) as incoming:
            incoming.write(content)
            incoming.keep(path)

    def partial(self, transfer: str) -> Partial:
        if not JOB_ID.fullmatch(transfer):
            raise ProblemError("no_such_transfer", "That is no transfer's id.")
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
            raise ProblemError("no_such_blob", "That is no upload's id.")
        return self._folder / "blobs" / identifier[:2] / identifier

    def delete_blob(self, identifier: str) -> None:
        self.blob(identifier).unlink(missing_ok=True)
        if self._bucket:
            self._bucket.delete(self.blob(identifier))

    def result(self, analysis: str) -> Path:
        if not JOB_ID.fullmatch(analysis):
            raise ProblemError("no_such_analysis", "That is no analysis's id.")
        return self._folder / "results" / analysis

    def report(self, analysis: str) -> Path:
        return self.result(analysis) / "report.json"

    def array(self, analysis: str, name: str) -> Path:
        if name not in ARRAYS:
            raise ProblemError(
                "no_such_array",
                f"No array is called {name[:80]!r}.",
                f"The names are {', '.join(ARRAYS)}.",
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

    def result_bytes(self) -> dict[str, int]:
        """Bytes by analysis or slice; what several share (see `link_result`) counts in parts."""
        sizes: dict[str, int] = {}
        if self._bucket:
            for path, size in self._bucket.sizes(self._folder / "results"):
                sizes[path.parent.name] = sizes.get(path.parent.name, 0) + size
            return sizes
        for path in self._folder.glob("results/*/*"):
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                status = path.stat()
                share = status.st_size // status.st_nlink
                sizes[path.parent.name] = sizes.get(path.parent.name, 0) + share
        return sizes

    def forget_cached(self, *, unused_since: float) -> None:
        """Frees the local disk of what the bucket has and nobody read for long."""
        if not self._bucket:
            return
        for path in (*self._folder.glob("blobs/*/*"), *self._folder.glob("results/*/*")):
            status = path.stat()
            if max(status.st_atime, status.st_mtime) < unused_since:
                path.unlink(missing_ok=True)
