"""Whether database, store, broker and workers of these settings are good, in words.

Nothing is changed here: a database of an earlier version stays as it is.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from urllib.parse import urlsplit

from backend.analyses.repository import AnalysisRepository
from backend.jobs.workers.repository import WorkerRepository
from backend.operations import watch
from backend.storage.database import (
    Engine,
    connect,
    damage_in_words,
    database_url,
    quick_check,
    revisions,
    sqlite_file,
)
from backend.storage.files import Store
from backend.storage.folder_lock import server_of
from minimascope.contract.problems import ProblemError
from minimascope.contract.settings import Settings
from minimascope.service import transport


def _place(url: str) -> str:
    """A URL without its password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


def _bad(sentence: str, advice: str = "") -> ProblemError:
    return ProblemError("not_ready", sentence, advice)


def database(settings: Settings) -> str:
    url, file = database_url(settings), sqlite_file(settings)
    if file and not file.exists():
        return f"{_place(url)}, made at the first start"
    engine = connect(url)
    try:
        with damage_in_words():
            quick_check(engine)
            return f"{_place(url)}, {_schema(engine)}"
    finally:
        engine.dispose()


def _schema(engine: Engine) -> str:
    found, newest = revisions(engine)
    if found is None:
        return "empty"
    if found != newest:
        return f"of an earlier version (schema {found}, brought to {newest} at the next start)"
    count = len(AnalysisRepository(engine).analyses(limit=200, cursor=None)[0])
    return f"{'200 or more' if count == 200 else count} analyses"


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
    wrong = [each for each in watch.of_disk(folder) if not each.ok]
    if wrong:
        raise _bad(wrong[0].sentence, "Delete analyses and uploads, or give it a larger disk.")
    free = next(watch.of_disk(folder)).figures["free_bytes"]
    return f"{folder}, {free / 2**30:.1f} GiB free{bucket}"


def broker(settings: Settings) -> str:
    app = transport.celery_app(settings)
    try:
        waiting = sum(transport.waiting(app, queue) for queue in transport.QUEUES)
    finally:
        app.close()
    where = _place(settings.broker_url) if settings.broker_url else "a folder of this machine"
    return f"{where}, {waiting} messages wait"


def workers(settings: Settings) -> str:
    """Those that a server of these settings has heard of in the last minute."""
    file = sqlite_file(settings)
    if file and not file.exists():
        return "none yet"
    engine = connect(database_url(settings))
    try:
        if revisions(engine)[0] is None:
            return "none yet"
        found = WorkerRepository(engine).workers(seen_since=watch.seen_since())
    finally:
        engine.dispose()
    if not found and not settings.database_url and not server_of(settings.folder()):
        return "none, as no server runs here"
    wrong = [each.sentence for each in watch.of_workers(found) if not each.ok]
    if wrong:
        raise _bad(" ".join(wrong), "Start workers of this version: `minimascope worker`.")
    counted = (f"{count} for {queue}" for queue, count in watch.by_queue(found).items() if count)
    return ", ".join(counted)


CHECKS: dict[str, Callable[[Settings], str]] = {
    "database": database,
    "store": store,
    "broker": broker,
    "workers": workers,
}
