"""The API without dashboard and workers; everything from MINIMASCOPE_*."""

import contextlib

import uvicorn

from backend.app import create_app
from backend.http.connections import server_config
from minimascope.cli.serve import _listen
from minimascope.contract.settings import Settings

settings = Settings()
with _listen(settings.host, settings.port) as listener:
    config = server_config(create_app(settings), grace=1)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])
