"""`/metrics` for Prometheus, and beside it the alerts and the dashboard that read it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from backend.auth.permissions import METRICS
from backend.jobs.service import Jobs, JobService
from backend.operations import watch
from backend.operations.health import conditions, living_workers
from backend.operations.repository import Operations, OperationsRepository

router = APIRouter(tags=["operations"])
SHIPPED = Path(__file__).parent / "monitoring"
TEXT: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {}}}}


@router.get("/metrics", response_class=Response, responses=TEXT, dependencies=[METRICS])
def metrics(jobs: Jobs, operations: Operations) -> Response:
    """Prometheus text: jobs by state, queue age and waits, seconds by stage, OOMs, what is watched.

    Histograms and counters are those of this API process since it started. For admins, the scope
    `metrics` and MINIMASCOPE_METRICS_TOKEN.
    """
    registry = CollectorRegistry()
    _watched(jobs, operations, registry)
    try:
        _queues(operations, registry)
    except Exception:  # the database is away: `minimascope_ok` says so
        registry = CollectorRegistry()
        _watched(jobs, operations, registry)
    text = generate_latest(registry) + generate_latest(jobs.metrics.registry)
    return Response(text, media_type="text/plain; version=0.0.4")


@router.get(
    "/metrics/alerts.yml", response_class=FileResponse, responses=TEXT, dependencies=[METRICS]
)
def alerts() -> FileResponse:
    """Alert rules for Prometheus (`rule_files`)."""
    return FileResponse(SHIPPED / "alerts.yml", media_type="text/plain")


@router.get("/metrics/dashboard.json", response_class=FileResponse, dependencies=[METRICS])
def dashboard() -> FileResponse:
    """A dashboard for Grafana (Dashboards, New, Import)."""
    return FileResponse(SHIPPED / "dashboard.json", media_type="application/json")


def _queues(operations: OperationsRepository, registry: CollectorRegistry) -> None:
    figures, age = operations.queue_figures(now=time.time())
    count_of = Gauge("minimascope_jobs", "Jobs by state", ["kind", "state"], registry=registry)
    for (kind, state), count in figures.items():
        count_of.labels(kind, state).set(count)
    Gauge("minimascope_queue_age_seconds", "Age of the oldest queued job", registry=registry).set(
        age
    )
    Gauge("minimascope_stored_bytes", "Bytes of uploads", registry=registry).set(
        operations.stored_bytes()
    )


def _watched(
    jobs: JobService, operations: OperationsRepository, registry: CollectorRegistry
) -> None:
    """What the living workers say of themselves, and every condition of `/health/ready`."""
    found = living_workers(jobs)
    workers = Gauge(
        "minimascope_workers",
        "Workers of this release heard of within a minute",
        ["queue"],
        registry=registry,
    )
    for queue, count in watch.by_queue(found).items():
        workers.labels(queue).set(count)
    Gauge(
        "minimascope_out_of_memory",
        "Times that living workers ran out of memory and tried again with half the batch",
        registry=registry,
    ).set(sum(int(each.get("out_of_memory", 0)) for each in found))
    good = Gauge(
        "minimascope_ok", "1 where a check of readiness holds", ["check"], registry=registry
    )
    free = Gauge("minimascope_free_bytes", "Room on the disk of the data folder", registry=registry)
    for each in conditions(jobs, operations, found):
        good.labels(each.name).set(each.ok)
        if "free_bytes" in each.figures:
            free.set(each.figures["free_bytes"])
