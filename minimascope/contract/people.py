"""Documents about people: users, their tokens, what they use and may use, what they did."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from minimascope.contract.names import seen
from minimascope.contract.schemas import Document, Scope, UploadKind

Name = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[\w.@-]+$")]
Label = Annotated[str, Field(max_length=60), AfterValidator(seen)]
Bytes = Annotated[int, Field(ge=0, lt=2**63)]
PerMinute = Annotated[int, Field(ge=0, lt=2**31)]
# null: as long as the server's settings say; 0: without an end.
Days = Annotated[float, Field(ge=0, le=36500, allow_inf_nan=False)] | None


class UserLimits(Document):
    """What one person may use; null: as much as the server's settings give everybody."""

    quota_bytes: Bytes | None = None
    uploads_per_minute: PerMinute | None = None
    high_priority: bool = False


class User(Document):
    """Somebody with tokens. A `worker` may only take jobs and deliver results; `metrics` may only
    read figures."""

    id: str
    name: str
    scope: Scope
    created_at: datetime
    revoked_at: datetime | None = None
    limits: UserLimits = UserLimits()


class UserRequest(Document):
    name: Name
    scope: Scope = "write"
    days: Days = None


class Token(Document):
    """One of a user's tokens, without itself."""

    id: str
    label: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class TokenRequest(Document):
    label: Label = ""
    days: Days = None


class NewToken(Document):
    """`secret` is shown this once; only its hash is kept."""

    token: Token
    secret: str


class TokenPage(Document):
    items: list[Token]
    next: str | None = None


class NewUser(Document):
    """The token is shown this once; only its hash is kept."""

    user: User
    token: str
    expires_at: datetime | None = None


class UserPage(Document):
    items: list[User]
    next: str | None = None


class Usage(Document):
    """What one person holds: stored uploads, unfinished ones, jobs that wait or run."""

    name: str
    stored_bytes: int = 0
    uploads: int = 0
    arriving_bytes: int = 0
    transfers: int = 0
    queued: int = 0
    running: int = 0


class UsagePage(Document):
    items: list[Usage]
    next: str | None = None


class Removed(Document):
    """What was ended of a person's: unfinished uploads given up, jobs cancelled."""

    transfers: int
    jobs: int


class AuditEntry(Document):
    """Who changed something, and how it was answered."""

    at: datetime
    user: str
    method: str
    path: str
    status: int
    address: str
    request_id: str


class AuditPage(Document):
    items: list[AuditEntry]
    next: str | None = None


class ShareRequest(Document):
    """How long a link is good; null: as long as the server's settings say."""

    days: Annotated[float, Field(gt=0, le=3650, allow_inf_nan=False)] | None = None


class Share(Document):
    """Whoever has the key may read the analysis until then: `?share=KEY` behind its address."""

    key: str
    expires_at: datetime | None = None


class OpenTransfer(Document):
    """An upload in pieces that has not ended, and whose it is."""

    id: str
    kind: UploadKind
    name: str
    owner: str
    length: int
    received: int
    expires_at: datetime


class TransferPage(Document):
    items: list[OpenTransfer]
    next: str | None = None
