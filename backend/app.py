"""The application: API under /api/v1, ready for a dashboard at /."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import Depends, FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware

from backend.analyses import endpoints as analyses
from backend.analyses import events as live
from backend.analyses import results
from backend.analyses.demo import import_demo
from backend.auth import endpoints as users
from backend.auth.authentication import Doors
from backend.auth.login import login_routes
from backend.auth.permissions import guard
from backend.http import errors
from backend.http.middleware import Security, check_bind
from backend.http.openapi import describe
from backend.http.reference_page import mount_reference
from backend.http.representations import NPY
from backend.jobs import internal_endpoints as internal
from backend.jobs.leases.reaper import reaping
from backend.jobs.shards import endpoints as shards
from backend.operations import health
from backend.questions import interpolations, slices
from backend.repositories import Repository
from backend.retention import service as retention
from backend.service import Service
from backend.storage.database import database_url, open_database
from backend.storage.files import Store
from backend.uploads import tus as transfers
from backend.uploads.endpoints import labels, upload_router
from minimascope import __version__
from minimascope.client.calls import PREFIX
from minimascope.contract.problems import ProblemError
from minimascope.contract.settings import Settings
from minimascope.service import tracing
from minimascope.service.transport import celery_app

# Spans of requests alone; they go nowhere unless minimascope.service.tracing is configured.
TELEMETRY: TelemetryConfig = {
    "operation_spans": False,
    "metrics": False,
    "logs": False,
    "exclude": tracing.quiet,
}


def _api(service: Service) -> FastAPI:
    api = FastAPI(
        title="minimascope",
        version=__version__,
        description="What kind of minimum did training find, and will it generalize?",
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(guard)],
    )
    api.state.service = service
    errors.install(api)
    for router in (
        upload_router("checkpoint"),
        upload_router("dataset"),
        labels,
        transfers.router,
        analyses.router,
        analyses.plans,
        analyses.architectures,
        results.router,
        slices.router,
        interpolations.router,
        live.router,
        users.router,
        retention.router,
        health.router,
        internal.router,
        shards.router,
    ):
        api.include_router(router)
    mount_reference(api)
    describe(api)
    api.add_middleware(
        GZipMiddleware,
        minimum_size=1024,
        compresslevel=5,
        # Floating-point numbers hardly shrink, and a large array would keep a core busy.
        exclude_content_types=(*DEFAULT_EXCLUDED_CONTENT_TYPES, NPY),
    )
    return api


def create_service(settings: Settings) -> Service:
    """Opens database (migrated), store and broker; raises ProblemError on a forbidden bind."""
    repository = Repository(open_database(database_url(settings)))
    try:
        check_bind(settings, has_users=repository.has_users())
    except ProblemError:
        repository.close()
        raise
    store = Store(settings.folder() / "store", settings.store_url)
    return Service(settings, repository, store, celery_app(settings))


def create_app(settings: Settings) -> FastAPI:
    """The root application; `backend` serves only `/api/v1` of it."""
    service = create_service(settings)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(service.store.clear_incoming)
        await asyncio.to_thread(import_demo, service.repository, service.store, settings.demo_dir)
        async with reaping(service):
            yield
        service.repository.close()

    app = FastAPI(
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        telemetry=TELEMETRY,
    )
    app.state.service = service
    errors.install(app)
    app.mount(PREFIX, _api(service))
    doors = Doors(settings, service.repository)
    app.router.routes.extend(login_routes(doors))
    app.add_middleware(Security, settings=settings, doors=doors, service=service)
    return app
