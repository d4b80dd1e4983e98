"""Is it alive, is it ready, what is it doing."""

from __future__ import annotations

import os
import shutil
import time
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from backend.service import Here, Service
from minimascope import __version__

router = APIRouter(tags=["operations"])


@router.get("/health/live")
async def live() -> dict[str, str]:
    """Answers while the process does."""
    return {"status": "ok", "version": __version__}


def _checks(service: Service) -> dict[str, dict[str, Any]]:
    folder = service.settings.folder()
    checks: dict[str, dict[str, Any]] = {}
    try:
        service.repository.queue_figures(now=time.time())
        checks["database"] = {"ok": True}
    except Exception as error:
        checks["database"] = {"ok": False, "reason": type(error).__name__}
    free = shutil.disk_usage(folder).free
    checks["store"] = {"ok": os.access(folder, os.W_OK), "free_bytes": free}
    return checks


@router.get("/health/ready")
def ready(service: Here, response: Response) -> dict[str, Any]:
    """503 where the database or the store would refuse work."""
    checks = _checks(service)
    good = all(check["ok"] for check in checks.values())
    response.status_code = 200 if good else 503
    return {"status": "ok" if good else "unavailable", "checks": checks}


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(service: Here) -> Response:
    """Prometheus text: jobs by kind and state, age of the oldest queued job."""
    figures, age = service.repository.queue_figures(now=time.time())
    registry = CollectorRegistry()
    jobs = Gauge("minimascope_jobs", "Jobs by state", ["kind", "state"], registry=registry)
    for (kind, state), count in figures.items():
        jobs.labels(kind, state).set(count)
    Gauge("minimascope_queue_age_seconds", "Age of the oldest queued job", registry=registry).set(
        age
    )
    Gauge("minimascope_stored_bytes", "Bytes of uploads", registry=registry).set(
        service.repository.stored_bytes()
    )
    return Response(generate_latest(registry), media_type="text/plain; version=0.0.4")
