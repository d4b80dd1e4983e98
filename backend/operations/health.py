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
from minimascope.service import transport

SEEN_SECONDS = 60.0
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
    try:
        transport.waiting(service.celery, "analyses")
        checks["broker"] = {"ok": True}
    except Exception as error:  # kombu wraps only some brokers' errors
        checks["broker"] = {"ok": False, "reason": type(error).__name__}
    return checks


def _workers(service: Service) -> list[dict[str, Any]]:
    """Workers heard of within a minute: queues, device, sandbox layers, seconds since."""
    now = time.time()
    try:
        found = service.repository.workers(seen_since=now - SEEN_SECONDS)
    except Exception:  # the database's own check says why
        return []
    return [
        {**{k: v for k, v in each.items() if k != "seen_at"}, "age_seconds": now - each["seen_at"]}
        for each in found
    ]


@router.get("/health/ready")
def ready(service: Here, response: Response) -> dict[str, Any]:
    """503 where the database or the store would refuse work.

    A broker that is away only delays jobs. `workers` lists those heard of in the last minute
    with their sandbox layers; a layer that is false or 0 is missing on that machine.
    """
    checks = _checks(service)
    good = checks["database"]["ok"] and checks["store"]["ok"]
    response.status_code = 200 if good else 503
    status = "ok" if good else "unavailable"
    return {"status": status, "checks": checks, "workers": _workers(service)}


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(service: Here) -> Response:
    """Prometheus text: jobs by state, queue age and waits, seconds by stage, OOMs, products.

    Histograms and counters are those of this API process since it started.
    """
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
    _workers_figures(service, registry)
    text = generate_latest(registry) + generate_latest(service.figures.registry)
    return Response(text, media_type="text/plain; version=0.0.4")


def _workers_figures(service: Service, registry: CollectorRegistry) -> None:
    """What the living workers say of themselves."""
    found = _workers(service)
    Gauge("minimascope_workers", "Workers heard of within a minute", registry=registry).set(
        len(found)
    )
    Gauge(
        "minimascope_out_of_memory",
        "Times that living workers ran out of memory and tried again with half the batch",
        registry=registry,
    ).set(sum(int(each.get("out_of_memory", 0)) for each in found))
