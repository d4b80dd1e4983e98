"""What tus 1.0 says in headers: versions, offsets, metadata, checksums."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Annotated, cast, get_args

from fastapi import Header

from backend.uploads.transfers.repository import Transfer
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import UploadKind

VERSION = "1.0.0"
EXTENSIONS = "creation,checksum,expiration,termination"
OFFSET_TYPE = "application/offset+octet-stream"
Resumable = Annotated[str, Header(alias="Tus-Resumable", max_length=20)]


async def check_version(version: Resumable = VERSION) -> None:
    """A request without one is taken as of this version; raises ProblemError (412)."""
    if version != VERSION:
        sentence = f"This server speaks tus {VERSION}, not {version!r}."
        raise ProblemError("wrong_tus_version", sentence)


def tus_headers(transfer: Transfer | None = None) -> dict[str, str]:
    headers = {"tus-resumable": VERSION, "cache-control": "no-store"}
    if transfer:
        expires = datetime.fromtimestamp(transfer.expires_at, UTC)
        headers |= {
            "upload-offset": str(transfer.received),
            "upload-length": str(transfer.length),
            "upload-expires": format_datetime(expires, usegmt=True),
        }
    return headers


def parse_metadata(text: str) -> dict[str, str]:
    """`name base64, name base64`; raises ProblemError `invalid_metadata`."""
    try:
        pairs = [part.split() for part in text.split(",") if part.strip()]
        return {
            pair[0]: base64.b64decode("".join(pair[1:]), validate=True).decode() for pair in pairs
        }
    except (binascii.Error, UnicodeDecodeError, IndexError) as error:
        sentence = f"Upload-Metadata cannot be read: {text[:80]!r}."
        raise ProblemError("invalid_metadata", sentence) from error


def upload_kind(metadata: dict[str, str]) -> UploadKind:
    kind = metadata.get("kind", "checkpoint")
    if kind not in get_args(UploadKind):
        sentence = f"{kind[:80]!r} is no kind of upload."
        raise ProblemError("invalid_metadata", sentence, "Give checkpoint or dataset.")
    return cast(UploadKind, kind)


def wanted_digest(checksum: str) -> bytes | None:
    """The announced sha256 of this piece."""
    if not checksum:
        return None
    algorithm, _, digest = checksum.partition(" ")
    try:
        if algorithm == "sha256":
            return base64.b64decode(digest, validate=True)
    except binascii.Error:
        pass
    sentence = f"Upload-Checksum {checksum[:80]!r} is no sha256 in base64."
    raise ProblemError("invalid_checksum", sentence)
