"""`minimascope worker`: takes jobs of a server elsewhere or on this machine.

Two processes: a small one that watches, and the Celery worker, which starts again when it ends or
freezes. `serve` watches its own workers itself and starts them with `--watched`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Annotated, cast

import typer

from minimascope.contract.problems import ProblemError
from minimascope.contract.queues import QUEUES, QueueName
from minimascope.contract.settings import Settings
from minimascope.service.watched import WATCH_SECONDS, Watched
from workers import device as devices

# Beyond what a job takes to be given back (workers.delivery); containers are given 30 s.
STOP_SECONDS = 25.0


def command(
    queues: Annotated[
        str, typer.Option(metavar="A,B,...", help=f"of {','.join(QUEUES)}", show_default=False)
    ] = ",".join(QUEUES),
    server: Annotated[
        str | None, typer.Option(metavar="URL", help="default: MINIMASCOPE_API_URL")
    ] = None,
    device: Annotated[
        str, typer.Option(metavar="auto|cpu|cuda:N", help="what analyses run on")
    ] = "auto",
    several: Annotated[
        str,
        typer.Option(
            "--devices",
            metavar="cuda:0,cuda:1,...",
            help="an analysis shares these, a process each (cpu,cpu: two processes)",
            show_default=False,
        ),
    ] = "",
    watched: Annotated[bool, typer.Option("--watched", hidden=True)] = False,
    pulse: Annotated[int | None, typer.Option(hidden=True)] = None,
    nice: Annotated[int, typer.Option(hidden=True)] = 0,
    child: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Work off jobs of a server elsewhere or on this machine, until it is told to stop."""
    if server:  # every process of this worker has to know whom it serves
        os.environ["MINIMASCOPE_API_URL"] = server
    asked = _queues(queues)
    ranks = devices.choose_several(several) if several else []
    if not ranks:
        devices.choose(device)
    served = devices.served(asked)
    if not served:
        sentence = "There is no GPU here for the queue 'gpu'."
        raise ProblemError("no_gpu", sentence, "Give --queues inspections,analyses.")
    if watched:
        os.nice(nice)
        threading.Thread(target=_end_with_parent, daemon=True).start()
        _work(served, pulse, child, ranks)
    else:
        _watch(queues, child, several)


def _work(queues: list[QueueName], pulse: int | None, child: str | None, ranks: list[str]) -> None:
    from minimascope.service import tracing
    from workers.celery_app import run_worker
    from workers.process.supervisor import COMMAND

    settings = Settings()
    tracing.configure(settings, "worker")
    command = (sys.executable, child) if child else COMMAND
    run_worker(settings, queues, command=command, pulse=pulse, devices=ranks)


def _watch(queues: str, child: str | None, several: str) -> None:
    """Until SIGTERM or Ctrl-C, which the worker is told and given time to hand its job back."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    command = [sys.executable, "-P", "-m", "minimascope", "worker", "--watched"]
    command += [f"--queues={queues}", *([f"--child={child}"] if child else [])]
    command += [f"--devices={several}"] if several else []
    worker = Watched(command, environment=dict(os.environ))
    worker.start()
    while not stopping.wait(WATCH_SECONDS):
        worker.look()
    worker.tell_to_stop()
    worker.stop(STOP_SECONDS)


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
