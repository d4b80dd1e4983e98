"""The API as `serve` runs it, without the dashboard: half the time to start.

Usage: api.py [--port=PORT] [CHILD]; with CHILD its two workers too. Settings from MINIMASCOPE_*.
Prints its address when it is bound.
"""

import argparse
import os

from backend.app import create_app
from backend.cli.fleet import Fleet
from backend.cli.serve import keep_out_of_collections, listen, prepare_process
from backend.cli.stopping import OrderlyServer
from backend.http.connections import server_config
from minimascope.contract.settings import Settings

prepare_process()
parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int)
parser.add_argument("child", nargs="?")
asked = parser.parse_args()
settings = Settings() if asked.port is None else Settings(port=asked.port)
listener = listen(settings.host, settings.port)
settings = settings.model_copy(update={"port": listener.getsockname()[1]})
url = f"http://127.0.0.1:{settings.port}"
environment = {**os.environ, "MINIMASCOPE_API_URL": url}
config = server_config(create_app(settings), grace=1)
keep_out_of_collections()
count = 1 if asked.child else None
logs = settings.folder() / "logs"
with listener, Fleet(environment, logs, child=asked.child, analyses=count) as fleet:
    print(url, flush=True)
    OrderlyServer(config, drain=fleet.stop).run(sockets=[listener])
