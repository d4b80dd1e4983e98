"""Whether database, store and broker of these settings work, in words."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from urllib.parse import urlsplit

from backend.analyses.repository import AnalysisRepository
from backend.storage.database import database_url, open_database
from backend.storage.files import Store
from minimascope.contract.settings import Settings
from minimascope.service import transport


def _place(url: str) -> str:
    """A URL without its password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


def database(settings: Settings) -> str:
    url = database_url(settings)
    engine = open_database(url)
    try:
        count = len(AnalysisRepository(engine).analyses(limit=200, cursor=None)[0])
    finally:
        engine.dispose()
    return f"{_place(url)}, {'200 or more' if count == 200 else count} analyses"


def store(settings: Settings) -> str:
    folder = settings.folder() / "store"
    content = uuid.uuid4().bytes
    made = Store(folder, settings.store_url)
    with made.incoming(limit=len(content)) as incoming:
        incoming.write(content)
        path = made.blob(incoming.sha256)
        incoming.keep(path)
    made.delete_blob(path.name)
    bucket = f", behind it {_place(settings.store_url)}" if settings.store_url else ""
    return f"{folder}, {shutil.disk_usage(folder).free / 2**30:.1f} GiB free{bucket}"


def broker(settings: Settings) -> str:
    app = transport.celery_app(settings)
    try:
        waiting = sum(transport.waiting(app, queue) for queue in transport.QUEUES)
    finally:
        app.close()
    where = _place(settings.broker_url) if settings.broker_url else "a folder of this machine"
    return f"{where}, {waiting} messages wait"


CHECKS: dict[str, Callable[[Settings], str]] = {
    "database": database,
    "store": store,
    "broker": broker,
}
