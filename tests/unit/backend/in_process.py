"""The API without a socket and without workers, and people who ask it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from backend.app import create_app
from backend.auth.users import new_user
from backend.jobs.job import NewJob
from backend.services import Services
from minimascope.contract.schemas import AnalysisRequest, Scope
from minimascope.contract.settings import Settings

SITE = "http://server.example:8717"
NOBODYS = "0" * 32


@asynccontextmanager
async def api(tmp_path: Path, **settings: Any) -> AsyncIterator[tuple[httpx.AsyncClient, Services]]:
    """A server for others, with the token `root`; no workers, so inspections stay pending."""
    known = {"data_dir": tmp_path, "host": "0.0.0.0", "token": "root", "worker_token": "w"}
    app = create_app(Settings(inspect_wait_seconds=0, **{**known, **settings}))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=f"{SITE}/api/v1") as client:
        yield client, app.state.services
    app.state.services.close()


def joined(service: Services, name: str, scope: Scope = "write") -> dict[str, str]:
    """Headers of a new user."""
    return {"authorization": f"Bearer {new_user(service.auth, name, scope).token}"}


async def user_id(service: Services, name: str) -> str:
    return next(user.id for user in service.auth.users() if user.name == name)


def analysis(service: Services, owner: str, checkpoint: str = "c" * 64) -> str:
    job = NewJob("analysis", checkpoint, {"files": {}}, stages=("spectrum",), owner=owner)
    request = AnalysisRequest(name=owner[:5], checkpoint=checkpoint, train="t" * 64)
    service.analyses.repository.add_analysis(request, job, now=time.time())
    return job.id
