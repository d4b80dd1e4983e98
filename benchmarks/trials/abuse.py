"""One person asks for everything at once; another works as before. How much slower?"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import random
import signal
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import httpx

from benchmarks.trials.traffic import MIB, PIECE, TUS, quantile
from tests.servers.deployment import Deployment

# Blocks with the abuser and without, of so many rounds each.
BLOCKS, ROUNDS, UPLOAD_EVERY, SETTLES = 6, 24, 3, 3.0
DRIPS = 100
KINDS = ("list", "me", "upload")
Times = dict[str, list[float]]
Counted = Any  # a shared integer of multiprocessing


def _user(deployment: Deployment, name: str) -> str:
    with deployment.client() as client:
        made = client._http.post("/users", json={"name": name, "scope": "write"})
        return str(made.raise_for_status().json()["token"])


def _text(size: int) -> bytes:
    """New bytes each time, which the stand-in child takes for words without a meaning."""
    return random.randbytes(50).hex().encode() + b"x" * (size - 100)


def _drips(url: str, token: str, count: int) -> list[socket.socket]:
    """Uploads of which a byte comes now and then."""
    parts = urlsplit(url)
    head = (
        f"POST /api/v1/datasets HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: 1000000\r\n\r\n"
    )
    found = []
    for _ in range(count):
        connection = socket.create_connection((parts.hostname, parts.port))
        connection.sendall(head.encode())
        found.append(connection)
    return found


async def _again(ask: Any, answered: Counted) -> None:
    """For ever, whatever is answered."""
    while True:
        with contextlib.suppress(httpx.HTTPError):
            await ask()
            answered.value += 1
        await asyncio.sleep(0)


class Abuser:
    """Uploads without end, plans, lists, announcements, drips: more than a page would ask for."""

    def __init__(self, client: httpx.AsyncClient, drips: list[socket.socket]) -> None:
        self.client, self.drips = client, drips
        self.body: dict[str, str] = {}

    async def begin(self) -> None:
        content = _text(100)
        for kind in ("checkpoints", "datasets"):
            sha = (await self.client.post(f"/{kind}", content=content)).json()["id"]
            self.body = {"checkpoint": sha, "train": sha}

    async def upload(self) -> None:
        await self.client.post("/datasets", content=_text(8 * MIB))

    async def announce(self) -> None:
        await self.client.post("/uploads", headers={**TUS, "upload-length": str(1 << 30)})

    async def transfer(self) -> None:
        length = {**TUS, "upload-length": str(8 * MIB)}
        made = await self.client.post("/uploads", headers=length)
        if made.status_code == 201:
            place = made.headers["location"].removeprefix("/api/v1")
            piece = {**PIECE, "upload-offset": "0"}
            await self.client.patch(place, headers=piece, content=_text(8 * MIB))

    async def plan(self) -> None:
        await self.client.post("/plans", json=self.body)

    async def submit(self) -> None:
        await self.client.post("/analyses", json=self.body)

    async def look(self) -> None:
        await self.client.get("/analyses", params={"limit": 200})

    async def drip(self) -> None:
        for connection in self.drips:
            with contextlib.suppress(OSError):
                connection.sendall(b"x")
        await asyncio.sleep(5)


async def _abuse(url: str, token: str, answered: Counted) -> None:
    async with httpx.AsyncClient(
        base_url=f"{url}/api/v1",
        headers={"authorization": f"Bearer {token}"},
        limits=httpx.Limits(max_connections=400),
        timeout=120,
    ) as client:
        one = Abuser(client, _drips(url, token, DRIPS))
        await one.begin()
        work = [one.upload] * 16 + [one.transfer] * 8 + [one.plan] * 40 + [one.look] * 24
        work += [one.submit] * 8 + [one.announce, one.drip]
        await asyncio.gather(*(_again(each, answered) for each in work))


def _abuser(url: str, token: str, answered: Counted) -> None:
    os.nice(19)  # another machine's processor in truth
    asyncio.run(_abuse(url, token, answered))


def _rounds(client: httpx.Client, found: Times) -> float:
    """How long they took. What somebody who works there waits for goes to `found`, by kind, in
    seconds; an upload is looked into."""
    began = time.monotonic()
    for number in range(ROUNDS):
        asks = {
            "list": lambda: client.get("/analyses"),
            "me": lambda: client.get("/me"),
            "upload": lambda: client.post("/datasets", content=_text(1000)),
        }
        if number % UPLOAD_EVERY:
            del asks["upload"]
        for kind, ask in asks.items():
            asked = time.monotonic()
            ask().raise_for_status()
            found[kind].append(time.monotonic() - asked)
            time.sleep(0.05)
    return time.monotonic() - began


def one_abuser() -> dict[str, Any]:
    """p95 of another person's list, look and inspected upload, alone and beside the abuser, who is
    stopped and goes on in turns: what else the machine does is then in both."""
    with Deployment() as deployment:
        deployment.start_redis()
        deployment.start_api()
        deployment.start_worker("worker-inspections", "inspections")
        deployment.start_worker("worker-analyses", "analyses")
        deployment.await_workers(2)
        bob, mallory = _user(deployment, "bob"), _user(deployment, "mallory")
        alone: Times = {kind: [] for kind in KINDS}
        beside: Times = {kind: [] for kind in KINDS}
        spawned = multiprocessing.get_context("spawn")
        answered = spawned.Value("q", 0, lock=False)
        arguments = (deployment.url, mallory, answered)
        abuser = spawned.Process(target=_abuser, args=arguments, daemon=True)
        abused = count = 0.0
        headers = {"authorization": f"Bearer {bob}"}
        base = f"{deployment.url}/api/v1"
        with httpx.Client(base_url=base, headers=headers, timeout=120) as client:
            _rounds(client, {kind: [] for kind in KINDS})  # warm
            abuser.start()
            assert abuser.pid
            time.sleep(10)
            for _ in range(BLOCKS):
                before = answered.value
                abused += _rounds(client, beside)
                count += answered.value - before
                os.kill(abuser.pid, signal.SIGSTOP)
                time.sleep(SETTLES)
                _rounds(client, alone)
                os.kill(abuser.pid, signal.SIGCONT)
                time.sleep(SETTLES)
        abuser.kill()
        abuser.join()
    figures = {"abuser_answers_a_second": round(count / abused, 1)}
    return {**figures, **_figures(alone, beside)}


def _figures(alone: Times, beside: Times) -> dict[str, Any]:
    load = round(os.getloadavg()[0], 1)
    figures: dict[str, Any] = {"asked": {k: len(v) for k, v in alone.items()}, "load": load}
    for kind in KINDS:
        before, during = quantile(alone[kind], 0.95), quantile(beside[kind], 0.95)
        figures[f"{kind}_alone_p95_ms"] = round(1000 * before, 1)
        figures[f"{kind}_beside_p95_ms"] = round(1000 * during, 1)
        figures[f"{kind}_times"] = round(during / before, 2)
    return figures


TRIALS = {"one_abuser": one_abuser}
