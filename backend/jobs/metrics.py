"""What `/metrics` counts in this process, beside what it reads from the database."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from backend.jobs.job import Ended

SECONDS = (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000)


class JobMetrics:
    """One per application: several may live in one test process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._stages = Histogram(
            "minimascope_stage_seconds",
            "Time an analysis spent in a stage",
            ["stage"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._wait = Histogram(
            "minimascope_queue_wait_seconds",
            "From submission to the first claim",
            ["kind"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._ended = Counter(
            "minimascope_jobs_ended",
            "Jobs that ended, by outcome",
            ["kind", "state", "code"],
            registry=self.registry,
        )
        self._lost = Counter(
            "minimascope_attempts_lost",
            "Attempts whose worker was lost or gave the job back",
            registry=self.registry,
        )
        self._products = Histogram(
            "minimascope_products_per_second",
            "Hessian-vector products a second, of analyses that ended",
            buckets=(1, 10, 100, 1000, 10_000, 100_000),
            registry=self.registry,
        )

    def ended(self, job: Ended) -> None:
        self._ended.labels(job.kind, job.state, job.code).inc()
        self._wait.labels(job.kind).observe(job.waited)
        for stage, seconds in job.stages.items():
            self._stages.labels(stage).observe(seconds)

    def lost(self, attempts: int) -> None:
        self._lost.inc(attempts)

    def products(self, per_second: float) -> None:
        self._products.observe(per_second)
