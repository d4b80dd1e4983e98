"""`minimascope worker`: one Celery worker process for a server elsewhere or on this machine."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from typing import cast

from minimascope.cli.options import Subparsers
from minimascope.problems import ProblemError
from minimascope.queues import QUEUES, QueueName
from minimascope.settings import Settings


def register(subparsers: Subparsers) -> None:
    command = subparsers.add_parser("worker", help="work off jobs of a server")
    command.add_argument("--queues", default=",".join(QUEUES), help="default: both")
    command.add_argument("--server", metavar="URL", help="default: MINIMASCOPE_API_URL")
    command.add_argument("--device", default="cpu", metavar="cpu|cuda:N")
    command.add_argument("--with-parent", action="store_true", help=argparse.SUPPRESS)
    command.add_argument("--child", help=argparse.SUPPRESS)


def _queues(text: str) -> list[QueueName]:
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in QUEUES:
            sentence = f"There is no queue {name!r}; there are {' and '.join(QUEUES)}."
            raise ProblemError("unknown_queue", sentence)
    return cast(list[QueueName], names or list(QUEUES))


def _choose_device(device: str) -> None:
    """The child sees one GPU or none; this process never touches it."""
    kind, _, number = device.partition(":")
    if kind not in ("cpu", "cuda") or not (number or "0").isdigit():
        raise ProblemError("unknown_device", f"{device!r} is no device: cpu, cuda or cuda:N.")
    if kind == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    elif number:
        os.environ["CUDA_VISIBLE_DEVICES"] = number


def _end_with_parent() -> None:
    """stdin is a pipe whose other end only the parent holds."""
    while os.read(0, 1):  # not sys.stdin: its lock would be held when the interpreter ends
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def run(args: argparse.Namespace) -> int:
    from workers.app import run_worker
    from workers.supervisor import COMMAND

    settings = Settings()
    if args.server:
        settings = settings.model_copy(update={"api_url": args.server})
    queues = _queues(args.queues)
    _choose_device(args.device)
    if args.with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    run_worker(settings, queues, command=(sys.executable, args.child) if args.child else COMMAND)
    return 0
