"""How a request for an analysis came, and what its numbers follow from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from minimascope.contract.schemas import AnalysisRequest

KEY_TAKEN = "idempotency_key_reused"


@dataclass(frozen=True)
class Submission:
    """How a request came, and the hash of what its numbers follow from."""

    idempotency_key: str | None = None
    request_hash: str = ""
    content: str = ""
    owner: str = ""


NO_KEY = Submission()


def submission(request: AnalysisRequest, key: str | None, *, owner: str) -> Submission:
    """A key is one person's: another's same key is another key."""
    if key and owner:
        key = hashlib.sha256(f"{owner}:{key}".encode()).hexdigest()
    whole = hashlib.sha256(request.model_dump_json().encode()).hexdigest()
    return Submission(key, whole, content_hash(request), owner)


def content_hash(request: AnalysisRequest) -> str:
    """What the numbers follow from, beside the release that computed them: files, parameters."""
    content = request.model_dump(mode="json", exclude={"name", "priority"})
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
