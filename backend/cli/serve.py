"""`minimascope serve`: API, dashboard and workers on this machine, one address, one Ctrl-C.

What else answers under the API's address mounts itself through an entry point of the group
`minimascope.mounts`: a function of the application and a client of its API. Workers are processes
of the command `minimascope worker`, so this room imports no other.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import secrets
import socket
import sys
from importlib.metadata import entry_points
from typing import Annotated, Any

import typer

from backend.cli.fleet import Fleet
from backend.cli.stopping import OrderlyServer
from backend.storage.folder_lock import only_server
from minimascope.cli.terminal import AsJson
from minimascope.contract.problems import ProblemError
from minimascope.contract.settings import Settings
from minimascope.service import tracing
from minimascope.service.logs import configure

MOUNTS = "minimascope.mounts"
GRACE_SECONDS = 2
# Pages are made in threads: an answer waits for a few turns of theirs, 5 ms each by default.
SWITCH_SECONDS = 1e-3
BACKLOG = 1024


def command(
    port: Annotated[
        int | None, typer.Option(metavar="N", help="default: MINIMASCOPE_PORT or 8717; 0: any free")
    ] = None,
    host: Annotated[
        str | None, typer.Option(metavar="TEXT", help="default: MINIMASCOPE_HOST or 127.0.0.1")
    ] = None,
    data: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="default: MINIMASCOPE_DATA_DIR")
    ] = None,
    workers: Annotated[
        int, typer.Option(metavar="N", help="for analyses, each with its part of the cores")
    ] = 1,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="workers run elsewhere")] = False,
    child: Annotated[str | None, typer.Option(hidden=True)] = None,
    as_json: AsJson = False,
) -> None:
    """Serve API, dashboard and workers on this machine until Ctrl-C."""
    given = {"port": port, "host": host, "data_dir": data}
    settings = _settings(given, no_worker=no_worker)
    prepare_process()
    configure(settings.log_format)
    tracing.configure(settings, "api")
    address = f"http://{settings.host}:{settings.port}"
    held = only_server(settings.folder(), address=address)
    with held, listen(settings.host, settings.port) as listener:
        os.environ["PYTHONSAFEPATH"] = "1"  # no process of ours imports from this folder
        settings = settings.model_copy(update={"port": listener.getsockname()[1]})
        config = _server_config(settings)
        log_folder = settings.folder() / "logs"
        environment = _worker_environment(settings)
        count = None if no_worker else workers
        keep_out_of_collections()
        with Fleet(environment, log_folder, child=child, analyses=count) as fleet:
            server = OrderlyServer(config, drain=fleet.stop)
            _tell(f"http://{settings.host}:{settings.port}", as_json=as_json)
            server.run(sockets=[listener])


def _tell(address: str, *, as_json: bool) -> None:
    print(json.dumps({"address": address}) if as_json else f"minimascope: {address}", flush=True)


def _settings(given: dict[str, Any], *, no_worker: bool) -> Settings:
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    if settings.worker_token:
        return settings
    if no_worker:
        raise ProblemError(
            "worker_token_required",
            "Without a worker token no worker elsewhere could report to this server.",
            "Set MINIMASCOPE_WORKER_TOKEN here and for every worker.",
        )
    return settings.model_copy(update={"worker_token": secrets.token_urlsafe(32)})


def listen(host: str, port: int) -> socket.socket:
    """Bound before anything else starts; raises ProblemError `port_taken`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # TCP by name: asyncio turns Nagle's algorithm off only where a socket says so, and with it
    # every answer of a kept connection waits 40 ms for the acknowledgement of its first part.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # From here on a browser that comes early waits instead of being turned away.
        listener.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        raise ProblemError(
            "port_taken",
            f"Cannot listen on {host}:{port}: {getattr(error, 'strerror', None) or error}.",
            "Choose another one with --port.",
        ) from error
    return listener


def _compose(settings: Settings) -> Any:
    """The API with what mounts itself, which asks the API inside this process."""
    import httpx

    from backend.app import create_app
    from minimascope.client import AsyncClient

    app = create_app(settings)
    address = f"http://127.0.0.1:{settings.port}"
    token = app.state.services.inner_token
    client = AsyncClient(address, token, transport=httpx.ASGITransport(app=app))
    for mount in entry_points(group=MOUNTS):
        mount.load()(app, client)
    return app


def _worker_environment(settings: Settings) -> dict[str, str]:
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104
    return {
        **os.environ,
        "MINIMASCOPE_DATA_DIR": str(settings.folder().absolute()),
        "MINIMASCOPE_HOST": settings.host,
        "MINIMASCOPE_API_URL": f"http://{host}:{settings.port}",
        "MINIMASCOPE_WORKER_TOKEN": settings.worker_token,
    }


def prepare_process() -> None:
    """For many who ask at once, and for nobody else's eyes."""
    _take_all_descriptors()
    sys.setswitchinterval(SWITCH_SECONDS)
    os.umask(0o077)  # what a service keeps is nobody else's on this machine


def _take_all_descriptors() -> None:
    """A reader of events, an upload, a silent connection: each holds one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def keep_out_of_collections() -> None:
    """Python's collector would walk the 200,000 objects of imports and routes again and again, and
    every answer would wait 0.1 s for it."""
    gc.collect()
    gc.freeze()


def _server_config(settings: Settings) -> Any:
    from backend.http.connections import server_config

    return server_config(_compose(settings), grace=GRACE_SECONDS, proxies=settings.proxies)
