"""`minimascope worker`: one Celery worker process for a server elsewhere or on this machine."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from typing import cast

from minimascope.cli.options import Subparsers
from minimascope.contract.problems import ProblemError
from minimascope.contract.queues import QUEUES, QueueName
from minimascope.contract.settings import Settings
from minimascope.service import tracing

NICE = 10


def register(subparsers: Subparsers) -> None:
    command = subparsers.add_parser("worker", help="work off jobs of a server")
    command.add_argument("--queues", default=",".join(QUEUES), help="default: all")
    command.add_argument("--server", metavar="URL", help="default: MINIMASCOPE_API_URL")
    command.add_argument("--device", default="auto", metavar="auto|cpu|cuda:N")
    command.add_argument("--with-parent", action="store_true", help=argparse.SUPPRESS)
    command.add_argument("--child", help=argparse.SUPPRESS)


def _queues(text: str) -> list[QueueName]:
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in QUEUES:
            sentence = f"There is no queue {name!r}; there are {', '.join(QUEUES)}."
            raise ProblemError("unknown_queue", sentence)
    return cast(list[QueueName], names or list(QUEUES))


def _end_with_parent() -> None:
    """stdin is a pipe whose other end only the parent holds."""
    while os.read(0, 1):  # not sys.stdin: its lock would be held when the interpreter ends
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def run(args: argparse.Namespace) -> int:
    if args.with_parent:
        # Pages are looked at on the same machine: where both want its cores, they go first.
        os.nice(NICE)
    from workers import device
    from workers.celery_app import run_worker
    from workers.process.supervisor import COMMAND

    settings = Settings()
    tracing.configure(settings, "worker")
    if args.server:
        settings = settings.model_copy(update={"api_url": args.server})
    asked = _queues(args.queues)
    device.choose(args.device)
    queues = device.served(asked)
    if not queues:
        sentence = "There is no GPU here for the queue 'gpu'."
        raise ProblemError("no_gpu", sentence, "Give --queues inspections,analyses.")
    if args.with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    run_worker(settings, queues, command=(sys.executable, args.child) if args.child else COMMAND)
    return 0
