"""How a job's id travels: Celery messages over Redis, or over a folder without lost messages.

Messages carry a job id and nothing else; the job row in the backend makes delivery exactly once
(docs/decisions). kombu's own filesystem transport lets a consumer read a half-written message, so
both directions are atomic renames here; names that start with a dot are temporaries.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import Any

import kombu.transport
from celery import Celery
from celery.app.amqp import AMQP
from celery.loaders.app import AppLoader
from kombu import Queue
from kombu.transport import filesystem
from kombu.utils.json import dumps, loads
from typing_extensions import override

from minimascope.contract.queues import QUEUES, QueueName
from minimascope.contract.settings import Settings

TASK = "minimascope.run"
ALIAS = "minimascope-folder"
# A redelivered message is harmless (the claim refuses it) but useless, so Redis waits long.
VISIBILITY_SECONDS = 7 * 24 * 3600


def _publish(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    temporary.write_bytes(content)
    os.replace(temporary, path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Channel(filesystem.Channel):
    """kombu's filesystem channel with atomic put, get and bind."""

    @override
    def _put(self, queue: str, payload: Any, **_: Any) -> None:
        name = f"{time.time_ns():020d}_{uuid.uuid4().hex}.{queue}.msg"
        _publish(Path(self.data_folder_out, name), dumps(payload).encode())

    @override
    def _get(self, queue: str) -> Any:
        folder = Path(self.data_folder_in)
        for name in sorted(os.listdir(folder)):
            if name.partition(".")[2] != f"{queue}.msg":
                continue
            taken = folder / f".{uuid.uuid4().hex}.taken"
            try:
                os.rename(folder / name, taken)
            except FileNotFoundError:  # another consumer was first
                continue
            content = taken.read_bytes()
            taken.unlink()
            return loads(content.decode())
        raise Empty

    @override
    def get_table(self, exchange: str) -> list[Any]:
        try:
            content = self._exchange_file(exchange).read_text()
        except FileNotFoundError:
            return []
        return [filesystem.exchange_queue_t(*row) for row in loads(content)]

    @override
    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        path = Path(self._exchange_file(exchange))
        path.parent.mkdir(exist_ok=True)
        row = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        with _locked(path.with_name(".bind.lock")):
            table = self.get_table(exchange)
            if row not in table:
                _publish(path, dumps([row, *table]).encode())


class Transport(filesystem.Transport):
    Channel = Channel


kombu.transport.TRANSPORT_ALIASES[ALIAS] = "minimascope.service.transport:Transport"


def _broker(settings: Settings) -> tuple[str, dict[str, Any]]:
    if settings.broker_url:
        return settings.broker_url, {"visibility_timeout": VISIBILITY_SECONDS}
    folder = settings.folder() / "broker"
    messages, control = folder / "messages", folder / "control"
    for path in (messages, control):
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    options = {
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(control),
        "polling_interval": 0.1,
    }
    return f"{ALIAS}://", options


class Connection(kombu.Connection):
    """Asks a broker that is away every second; kombu's pause grows to half a minute."""

    @override
    def ensure_connection(self, *args: Any, **kwargs: Any) -> Any:
        pauses = {"interval_start": 1, "interval_step": 0, "interval_max": 1}
        return super().ensure_connection(*args, **{**pauses, **kwargs})


class Loader(AppLoader):
    """Celery's own puts the current folder first while it imports modules."""

    @override
    def import_from_cwd(self, module: str, imp: Any = None, package: str | None = None) -> Any:
        return importlib.import_module(module, package)


class Amqp(AMQP):
    Connection = Connection


def celery_app(settings: Settings) -> Any:
    """The Celery application both sides share: JSON ids, early acknowledgement, no results."""
    broker, options = _broker(settings)
    app = Celery("minimascope", broker=broker, amqp=Amqp, loader=Loader)
    app.conf.update(
        accept_content=["json"],
        broker_connection_max_retries=None,  # for ever
        broker_connection_retry_on_startup=True,
        broker_transport_options=options,
        task_acks_late=False,
        task_default_queue="analyses",
        task_ignore_result=True,
        task_queues=[Queue(name) for name in QUEUES],
        task_serializer="json",
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_prefetch_multiplier=1,
        worker_send_task_events=False,
    )
    return app


def send(app: Any, job: str, queue: QueueName) -> None:
    """Sends one job id; raises kombu's OperationalError where the broker does not answer."""
    app.send_task(TASK, args=(job,), queue=queue, ignore_result=True, retry=False)


def waiting(app: Any, queue: QueueName) -> int:
    """Messages in a queue that no worker has taken yet."""
    with app.connection_for_read() as connection:
        try:
            declared = connection.default_channel.queue_declare(queue, passive=True)
        except connection.channel_errors:  # Redis forgets a queue with its last message
            return 0
        return int(declared.message_count)
