"""`/metrics` for Prometheus."""

from __future__ import annotations

import time

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from backend.auth.permissions import ADMIN
from backend.jobs.service import Jobs, JobService
from backend.operations.health import living_workers
from backend.operations.repository import Operations

router = APIRouter(tags=["operations"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}},
    dependencies=[ADMIN],
)
def metrics(jobs: Jobs, operations: Operations) -> Response:
    """Prometheus text: jobs by state, queue age and waits, seconds by stage, OOMs, products.

    Histograms and counters are those of this API process since it started.
    """
    figures, age = operations.queue_figures(now=time.time())
    registry = CollectorRegistry()
    count_of = Gauge("minimascope_jobs", "Jobs by state", ["kind", "state"], registry=registry)
    for (kind, state), count in figures.items():
        count_of.labels(kind, state).set(count)
    Gauge("minimascope_queue_age_seconds", "Age of the oldest queued job", registry=registry).set(
        age
    )
    Gauge("minimascope_stored_bytes", "Bytes of uploads", registry=registry).set(
        operations.stored_bytes()
    )
    _workers_figures(jobs, registry)
    text = generate_latest(registry) + generate_latest(jobs.metrics.registry)
    return Response(text, media_type="text/plain; version=0.0.4")


def _workers_figures(jobs: JobService, registry: CollectorRegistry) -> None:
    """What the living workers say of themselves."""
    found = living_workers(jobs)
    Gauge("minimascope_workers", "Workers heard of within a minute", registry=registry).set(
        len(found)
    )
    Gauge(
        "minimascope_out_of_memory",
        "Times that living workers ran out of memory and tried again with half the batch",
        registry=registry,
    ).set(sum(int(each.get("out_of_memory", 0)) for each in found))
