"""How a request for an analysis came, and what its numbers follow from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from minimascope.contract.schemas import AnalysisRequest

KEY_TAKEN = "idempotency_key_reused"


@dataclass(frozen=True)
class Submission:
    """How a request came, and the hash of what its numbers follow from.

    `published`: bytes of a result that came with it, computed elsewhere.
    """

    idempotency_key: str | None = None
    request_hash: str = ""
    content: str = ""
    owner: str = ""
    published: int | None = None


NO_KEY = Submission()


def submission(request: AnalysisRequest, key: str | None, *, owner: str) -> Submission:
    """Of what is to be computed here."""
    whole = hashlib.sha256(request.model_dump_json().encode()).hexdigest()
    return Submission(_own(key, owner), whole, content_hash(request), owner)


def publication(
    request: AnalysisRequest, content: bytes, key: str | None, *, owner: str
) -> Submission:
    """Of a result that was computed elsewhere: without a content hash, so that it is never given
    as the answer to files and parameters."""
    whole = hashlib.sha256(request.model_dump_json().encode() + content).hexdigest()
    return Submission(_own(key, owner), whole, owner=owner, published=len(content))


def _own(key: str | None, owner: str) -> str | None:
    """A key is one person's: another's same key is another key."""
    return hashlib.sha256(f"{owner}:{key}".encode()).hexdigest() if key and owner else key


def content_hash(request: AnalysisRequest) -> str:
    """What the numbers follow from, beside the release that computed them: files, parameters."""
    content = request.model_dump(mode="json", exclude={"name", "priority", "run", "step"})
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
