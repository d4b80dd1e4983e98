"""Who asks: a principal with a scope. An open loopback server knows one, who may do everything."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from minimascope.contract.schemas import Scope

EVERYONE = "*"
# The id of somebody without a login who came by a shared link.
GUEST = "guest"


@dataclass(frozen=True)
class Limits:
    """What one person may use; None: as much as the settings give everybody."""

    quota_bytes: int | None = None
    uploads_per_minute: int | None = None
    high_priority: bool = False


@dataclass(frozen=True)
class Principal:
    """`id` owns what it makes; the server's own token is "" and sees everything.

    `shares`: analysis and key of the links it opened (`backend.auth.share_links`). `token`: the id
    of the token it came with, where it is a user's.
    """

    id: str
    name: str
    scope: Scope
    shares: tuple[tuple[str, str], ...] = ()
    limits: Limits = Limits()
    token: str = ""

    @property
    def owner(self) -> str | None:
        """Whose rows it sees; None: all."""
        return None if self.scope == "admin" else self.id

    @property
    def may_go_first(self) -> bool:
        """Whether the priority `high` is theirs to ask for."""
        return self.scope == "admin" or self.limits.high_priority


@dataclass(frozen=True)
class Credential:
    """A principal, and what signs the sessions of its token."""

    principal: Principal
    key: str


SERVER = Principal("", "server", "admin")
# What a worker's endpoints see: the fencing tokens of its jobs say the rest.
WORKERS = Principal("", "worker", "worker")
# Whoever reaches a server that asks nobody who they are: loopback, no token, no users.
ANYONE = Principal("", "anyone", "admin")
# A probe or a scraper: health and figures, nothing of anybody's.
PROBE = Principal(GUEST, "probe", "read")
METRICS = Principal(GUEST, "metrics", "metrics")
# Set around every request, so that the dashboard, which asks the API from inside this process,
# asks in the name of whoever opened the page.
ACTING: ContextVar[Principal | None] = ContextVar("acting", default=None)


async def _principal(request: Request) -> Principal:
    principal: Principal = request.scope["minimascope.principal"]
    return principal


Who = Annotated[Principal, Depends(_principal)]
