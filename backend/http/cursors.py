"""Opaque cursors of keyset-paged lists: the last row's (created_at, id)."""

from __future__ import annotations

import base64
import json
import math
import re

from minimascope.contract.problems import ProblemError

Cursor = tuple[float, str]
IDENTIFIER = re.compile("[0-9a-f]{32,64}")


def encode(cursor: Cursor | None) -> str | None:
    if cursor is None:
        return None
    return base64.urlsafe_b64encode(json.dumps(cursor).encode()).decode()


def decode(text: str | None) -> Cursor | None:
    """Raises ProblemError `invalid_cursor` where the text is not one of ours."""
    if text is None:
        return None
    try:
        created_at, identifier = json.loads(base64.b64decode(text, altchars=b"-_", validate=True))
        if not (math.isfinite(float(created_at)) and IDENTIFIER.fullmatch(identifier)):
            raise ValueError(identifier)
        return float(created_at), identifier
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ProblemError(
            "invalid_cursor", f"{text[:80]!r} is not a cursor of this list."
        ) from error
