"""`minimascope serve`: API, dashboard and workers on this machine, one address, one Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import resource
import secrets
import socket
import sys
from typing import Any

from minimascope.cli.fleet import Fleet
from minimascope.cli.options import Subparsers
from minimascope.contract.problems import ProblemError
from minimascope.contract.settings import Settings
from minimascope.service import tracing
from minimascope.service.logs import configure

GRACE_SECONDS = 2
# Pages are made in threads: an answer waits for a few turns of theirs, 5 ms each by default.
SWITCH_SECONDS = 1e-3
BACKLOG = 1024


def register(subparsers: Subparsers) -> None:
    command = subparsers.add_parser("serve", help="API, dashboard and workers on this machine")
    command.add_argument("--port", type=int, help="default: MINIMASCOPE_PORT or 8717; 0: any free")
    command.add_argument("--host", help="default: MINIMASCOPE_HOST or 127.0.0.1")
    command.add_argument("--data", metavar="FOLDER", help="default: MINIMASCOPE_DATA_DIR")
    command.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="workers for analyses, each with its part of the cores (default 1: one with all)",
    )
    command.add_argument("--no-worker", action="store_true", help="workers run elsewhere")
    command.add_argument("--child", help=argparse.SUPPRESS)


def _settings(args: argparse.Namespace) -> Settings:
    given = {"port": args.port, "host": args.host, "data_dir": args.data}
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    if settings.worker_token:
        return settings
    if args.no_worker:
        raise ProblemError(
            "worker_token_required",
            "Without a worker token no worker elsewhere could report to this server.",
            "Set MINIMASCOPE_WORKER_TOKEN here and for every worker.",
        )
    return settings.model_copy(update={"worker_token": secrets.token_urlsafe(32)})


def _listen(host: str, port: int) -> socket.socket:
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
    """The API with the dashboard at its root, which asks the API inside this process."""
    import httpx

    from backend.app import create_app
    from dashboard.app import mount_dashboard
    from minimascope.client import AsyncClient

    app = create_app(settings)

    address = f"http://127.0.0.1:{settings.port}"
    token = app.state.service.inner_token
    client = AsyncClient(address, token, transport=httpx.ASGITransport(app=app))
    mount_dashboard(app, client)
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


def _take_all_descriptors() -> None:
    """A reader of events, an upload, a silent connection: each holds one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _keep_out_of_collections() -> None:
    """Python's collector would walk the 200,000 objects of imports and routes again and again, and
    every answer would wait 0.1 s for it."""
    gc.collect()
    gc.freeze()


def run(args: argparse.Namespace) -> int:
    settings = _settings(args)
    _take_all_descriptors()
    sys.setswitchinterval(SWITCH_SECONDS)
    configure(settings.log_format)
    tracing.configure(settings, "api")
    listener = _listen(settings.host, settings.port)
    with listener:
        settings = settings.model_copy(update={"port": listener.getsockname()[1]})
        server = _server(settings)
        log_folder = settings.folder() / "logs"
        fleet: contextlib.AbstractContextManager[object] = (
            contextlib.nullcontext()
            if args.no_worker
            else Fleet(
                _worker_environment(settings),
                log_folder,
                child=args.child,
                analyses=args.workers,
            )
        )
        _keep_out_of_collections()
        with fleet:
            print(f"minimascope: http://{settings.host}:{settings.port}", flush=True)
            # uvicorn stops in order on Ctrl-C and then raises it once more.
            with contextlib.suppress(KeyboardInterrupt):
                server.run(sockets=[listener])
    return 0


def _server(settings: Settings) -> Any:
    import uvicorn

    from backend.http.connections import server_config

    return uvicorn.Server(server_config(_compose(settings), grace=GRACE_SECONDS))
