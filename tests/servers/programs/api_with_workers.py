"""The API and its two workers as `serve` runs them, without the dashboard.

Usage: server.py PORT CHILD; settings from MINIMASCOPE_*. Prints its address when it listens.
"""

import contextlib
import os
import sys

import uvicorn

from backend.app import create_app
from backend.http.connections import server_config
from minimascope.cli.fleet import Fleet
from minimascope.cli.serve import _listen
from minimascope.contract.settings import Settings

settings = Settings(port=int(sys.argv[1]))
listener = _listen(settings.host, settings.port)
settings = settings.model_copy(update={"port": listener.getsockname()[1]})
url = f"http://127.0.0.1:{settings.port}"
environment = {**os.environ, "MINIMASCOPE_API_URL": url}
config = server_config(create_app(settings), grace=1)
with listener, Fleet(environment, settings.folder() / "logs", child=sys.argv[2]):
    print(url, flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])
