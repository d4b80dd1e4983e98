"""The application: API under /api/v1, ready for a dashboard at /."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware

from backend.analyses import endpoints as analyses
from backend.analyses import events, publishing, results
from backend.analyses.demo import demo_folder, import_demo
from backend.analyses.runs import endpoints as runs
from backend.auth import endpoints as auth
from backend.auth import sharing_endpoints as sharing
from backend.auth.authentication import Authentication
from backend.auth.login import login_routes
from backend.auth.permissions import READER
from backend.http import documents, errors, reference_page
from backend.http.middleware import RequestBoundary
from backend.http.openapi import describe
from backend.http.representations import NPY
from backend.jobs import endpoints as jobs
from backend.jobs.leases.reaper import reaping
from backend.jobs.shards import endpoints as shards
from backend.jobs.workers import endpoints as workers
from backend.operations import endpoints as operations
from backend.operations import health, metrics
from backend.operations.audit import AccessLog
from backend.questions import descents, interpolations, slices
from backend.retention import endpoints as retention
from backend.retention.periodic_removal import sweep
from backend.retention.room import RoomForRemovals
from backend.services import Services, create_services
from backend.uploads import tus_endpoints as tus
from backend.uploads.endpoints import labels, upload_router, weights
from minimascope import __version__
from minimascope.client.calls import PREFIX
from minimascope.contract.settings import Settings
from minimascope.service import tracing

# Spans of requests alone; they go nowhere unless minimascope.service.tracing is configured.
TELEMETRY: TelemetryConfig = {
    "operation_spans": False,
    "metrics": False,
    "logs": False,
    "exclude": tracing.quiet,
}


ROUTERS = (
    upload_router("checkpoint"),
    upload_router("dataset"),
    retention.removal_router("checkpoint"),
    retention.removal_router("dataset"),
    labels,
    weights,
    tus.router,
    analyses.router,
    analyses.plans,
    analyses.architectures,
    results.router,
    publishing.router,
    runs.router,
    slices.router,
    interpolations.router,
    descents.router,
    events.router,
    auth.router,
    sharing.router,
    operations.router,
    retention.router,
    health.router,
    metrics.router,
    jobs.router,
    workers.router,
    shards.router,
)


def _api(services: Services) -> FastAPI:
    """Who may do what stands at each route; see `backend.auth.permissions`."""
    api = FastAPI(
        title="minimascope",
        version=__version__,
        description="What kind of minimum did training find, and will it generalize?",
        docs_url=None,
        redoc_url=None,
    )
    services_by_name = ("settings", "auth", "jobs", "uploads", "analyses", "questions")
    for name in (*services_by_name, "operations", "retention"):
        setattr(api.state, name, getattr(services, name))
    errors.install(api)
    for router in ROUTERS:
        api.include_router(router)
    api.include_router(reference_page.router, dependencies=[READER])
    reference_page.mount_assets(api)
    describe(api)
    api.add_middleware(
        GZipMiddleware,
        minimum_size=1024,
        compresslevel=5,
        # Floating-point numbers hardly shrink, and a large array would keep a core busy.
        exclude_content_types=(*DEFAULT_EXCLUDED_CONTENT_TYPES, NPY),
    )
    return api


def create_app(settings: Settings) -> FastAPI:
    """The root application; `backend` serves only `/api/v1` of it."""
    services = create_services(settings)
    store = services.store

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(store.reserve.take)
        await asyncio.to_thread(store.clear_incoming)
        await asyncio.to_thread(import_demo, services.engine, store, demo_folder(settings))
        sweeping = functools.partial(sweep, services.engine, services.uploads, services.jobs)
        async with reaping(services.jobs, sweeping):
            yield
        services.close()

    app = FastAPI(
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        telemetry=TELEMETRY,
    )
    app.state.services = services
    errors.install(app)
    app.mount(PREFIX, _api(services))
    documents.mount(app)
    app.router.routes.extend(login_routes(services.credentials))
    # The last one added is the outermost.
    app.add_middleware(RoomForRemovals, reserve=store.reserve)
    app.add_middleware(
        Authentication,
        settings=settings,
        repository=services.auth,
        credentials=services.credentials,
        inner_token=services.inner_token,
        visits=services.jobs.visits,
    )
    app.add_middleware(RequestBoundary)
    app.add_middleware(AccessLog, repository=services.operations)
    return app
