"""Why an upload is refused: too large, no room, empty, other bytes than announced, unreadable.

What is wrong with a file's content a worker says, having opened it (`minimascope/intake`); the
sentence comes back with the inspection and is raised here.
"""

from __future__ import annotations

from backend.storage.incoming import no_room
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import Upload

NO_ROOM = "The upload does not fit into the storage quota."


def refuse_beyond_quota(size: int, *, room: int) -> None:
    """Raises ProblemError `storage_full` (507)."""
    if size > room:
        raise no_room(NO_ROOM)


def refuse_empty(size: int) -> None:
    """Raises ProblemError `empty_file`."""
    if size == 0:
        raise ProblemError("empty_file", "The uploaded file is empty.")


def refuse_beyond_limit(length: int, *, limit: int) -> None:
    """Raises ProblemError `too_large` (413) for a length that was announced."""
    if length > limit:
        raise ProblemError(
            "too_large",
            f"{length} bytes are more than the limit of {limit}.",
            "Raise MINIMASCOPE_MAX_UPLOAD_BYTES on the server.",
        )


def refuse_beyond_announced(received: int, *, announced: int) -> None:
    """Raises ProblemError `too_large` (413) where more comes than was announced."""
    if received > announced:
        raise ProblemError("too_large", f"More than the announced {announced} bytes came.")


def refuse_unreadable(upload: Upload) -> None:
    """Raises the ProblemError with which a worker refused the file."""
    if upload.inspection.state == "refused":
        if upload.inspection.problem:
            raise ProblemError.from_dict(upload.inspection.problem)
        raise ProblemError("refused", "The file was refused.")
