"""How a request for an analysis came, and what its numbers follow from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from minimascope import __version__
from minimascope.contract.report import ESTIMATOR_VERSION
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
    key = f"{owner}:{key}"[:200] if key and owner else key
    whole = hashlib.sha256(request.model_dump_json().encode()).hexdigest()
    return Submission(key, whole, content_hash(request), owner)


def content_hash(request: AnalysisRequest) -> str:
    """What the numbers follow from: files, parameters and the estimators' version."""
    content = request.model_dump(mode="json", exclude={"name", "priority"})
    text = json.dumps([ESTIMATOR_VERSION, __version__, content], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
