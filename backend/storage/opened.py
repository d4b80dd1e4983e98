"""What a service keeps, opened beside it: for the commands that work on a server's own machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from backend.storage.database import connect, damage_in_words, database_url, migrate
from backend.storage.files import Store
from minimascope.contract.settings import Settings


@contextmanager
def opened(settings: Settings, *, migrated: bool = True) -> Iterator[tuple[Engine, Store]]:
    """Database, at the newest migration unless told otherwise, and store of these settings."""
    os.umask(0o077)
    engine = connect(database_url(settings))
    try:
        with damage_in_words():
            if migrated:
                migrate(engine)
            yield engine, Store(settings.folder() / "store", settings.store_url)
    finally:
        engine.dispose()
