"""Many at once: uploads, readers of events, rows in the list."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import multiprocessing
import os
import random
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.servers.analyses import submitted, until
from tests.servers.deployment import Deployment

MIB = 1 << 20
TUS = {"tus-resumable": "1.0.0"}
PIECE = {**TUS, "content-type": "application/offset+octet-stream"}


def quantile(values: list[float], q: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def _memory(pid: int, name: str) -> int:
    """VmRSS or VmHWM of a process, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def _cpu_seconds(pid: int) -> float:
    """Of a process and all its threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _content(number: int, mib: int) -> Iterator[bytes]:
    """Different bytes for every number, made without work."""
    block = random.Random(number).randbytes(MIB)
    yield from (block for _ in range(mib))


async def _chunks(number: int, mib: int) -> AsyncIterator[bytes]:
    for block in _content(number, mib):
        yield block


async def _store(client: httpx.AsyncClient, number: int, mib: int) -> int:
    """Odd ones as one body, even ones as a tus transfer."""
    if number % 2:
        answer = await client.post(
            "/datasets", params={"name": f"{number}.npz"}, content=_chunks(number, mib)
        )
        return answer.status_code
    headers = {**TUS, "upload-length": str(mib * MIB)}
    made = await client.post("/uploads", headers=headers)
    place = made.headers["location"].removeprefix("/api/v1")
    headers = {**PIECE, "upload-offset": "0"}
    answer = await client.patch(place, headers=headers, content=_chunks(number, mib))
    return answer.status_code


def _upload_all(url: str, token: str, count: int, mib: int, results: Any) -> None:
    async def run() -> list[int | str]:
        limits = httpx.Limits(max_connections=count)
        headers = {"authorization": f"Bearer {token}"}
        client = httpx.AsyncClient(
            base_url=f"{url}/api/v1", headers=headers, limits=limits, timeout=600
        )
        async with client:
            jobs = [_store(client, number, mib) for number in range(count)]
            done = await asyncio.gather(*jobs, return_exceptions=True)
        return [repr(each) if isinstance(each, BaseException) else each for each in done]

    results.put(asyncio.run(run()))


def _live(probe: httpx.Client) -> float:
    """Seconds until the answer; a twentieth of a second passes to the next question."""
    asked = time.monotonic()
    probe.get("/health/live").raise_for_status()
    taken = time.monotonic() - asked
    time.sleep(0.05)
    return taken


def uploads(count: int = 50, mib: int = 64) -> dict[str, Any]:
    """`count` uploads at once; meanwhile somebody asks for /health/live, as before they came."""
    settings = {"MINIMASCOPE_INSPECT_WAIT_SECONDS": "0"}
    with Deployment(settings=settings) as deployment:
        deployment.start_redis()
        deployment.start_api()
        pid = deployment.processes["api"].pid
        token, before = deployment.environment["MINIMASCOPE_TOKEN"], _memory(pid, "VmRSS")
        spawned = multiprocessing.get_context("spawn")
        results = spawned.Queue()
        sender = spawned.Process(
            target=_upload_all, args=(deployment.url, token, count, mib, results)
        )
        with httpx.Client(base_url=f"{deployment.url}/api/v1", timeout=60) as probe:
            alone = [_live(probe) for _ in range(200)]
        begun = time.monotonic()
        sender.start()
        health: list[float] = []
        with httpx.Client(base_url=f"{deployment.url}/api/v1", timeout=60) as probe:
            while results.empty():
                health.append(_live(probe))
        taken, answers = time.monotonic() - begun, results.get()
        sender.join()
        stored = sum(
            path.stat().st_size for path in (deployment.folder / "data/store/blobs").rglob("?" * 64)
        )
        return {
            "uploads": count,
            "mib_each": mib,
            "errors": sum(answer not in (201, 202, 204) for answer in answers),
            "stored_mib": stored // MIB,
            "seconds": round(taken, 1),
            "memory_growth_mib": (_memory(pid, "VmHWM") - before) // MIB,
            "health_alone_p95_ms": round(1000 * quantile(alone, 0.95), 1),
            "health_p95_ms": round(1000 * quantile(health, 0.95), 1),
            "health_longest_ms": round(1000 * max(health), 1),
            "health_requests": len(health),
        }


def resume(times: int = 3, mib: int = 48) -> dict[str, Any]:
    """kill -9 of the API at random offsets of one tus upload; the client goes on each time."""
    content = b"".join(_content(0, mib))
    kills = sorted(random.sample(range(mib * MIB), times))
    repeated, offset = 0, 0
    with Deployment(settings={"MINIMASCOPE_INSPECT_WAIT_SECONDS": "0"}) as deployment:
        deployment.start_redis()
        deployment.start_api()
        headers = {"authorization": f"Bearer {deployment.environment['MINIMASCOPE_TOKEN']}"}
        with httpx.Client(base_url=f"{deployment.url}/api/v1", headers=headers) as client:
            known = f"kind {base64.b64encode(b'dataset').decode()}"
            asked = {**TUS, "upload-length": str(len(content)), "upload-metadata": known}
            place = client.post("/uploads", headers=asked).headers["location"]
            place = place.removeprefix("/api/v1")
            for kill in [*kills, None]:
                end = len(content) if kill is None else kill

                def body(begin: int = offset, end: int = end, kill: bool = kill is not None):
                    for at in range(begin, end, MIB):
                        yield content[at : min(at + MIB, end)]
                    if kill:
                        deployment.kill("api")
                        yield content[end:]

                try:
                    client.patch(
                        place, headers={**PIECE, "upload-offset": str(offset)}, content=body()
                    )
                except httpx.TransportError:
                    deployment.start_api()
                    found = client.head(place, headers=TUS).headers["upload-offset"]
                    repeated += end - int(found)
                    offset = int(found)
            status = client.get(place).json()
    return {
        "mib": mib,
        "killed_at": kills,
        "sent_again_bytes": repeated,
        "whole": status["upload"] == hashlib.sha256(content).hexdigest(),
    }


async def _read(client: httpx.AsyncClient, identifier: str, delays: list[float]) -> str:
    """Delays between a stand-in child's word and this reader; the last state heard."""
    state, path = "", f"/api/v1/analyses/{identifier}/events"
    async with client.stream("GET", path) as stream:
        async for line in stream.aiter_lines():
            if not line.startswith("data:"):
                continue
            now, data = time.time(), json.loads(line[5:])
            message = data.get("message", "")
            if message.startswith("step") and data.get("state") is None:
                delays.append(now - float(message.split()[-1]))
            state = data.get("state") or state
    return state


def events(readers: int = 200, analyses: int = 2, seconds: int = 40) -> dict[str, Any]:
    """Readers over running analyses: the time from the child's word to each reader."""
    with Deployment(lease=15.0) as deployment:
        deployment.start_redis()
        deployment.start_api()
        for number in range(analyses):
            deployment.start_worker(f"worker-{number}")
        deployment.await_workers(analyses)
        with deployment.client() as client:
            made = [submitted(client, f"sleep {seconds}") for _ in range(analyses)]
            for identifier in made:
                until(client, identifier, "running")
        token = deployment.environment["MINIMASCOPE_TOKEN"]
        delays: list[float] = []

        async def run() -> list[str]:
            limits = httpx.Limits(max_connections=readers)
            headers = {"authorization": f"Bearer {token}"}
            client = httpx.AsyncClient(
                base_url=deployment.url, headers=headers, limits=limits, timeout=120
            )
            async with client:
                jobs = [_read(client, made[n % analyses], delays) for n in range(readers)]
                return await asyncio.gather(*jobs)

        states = asyncio.run(run())
        return {
            "readers": readers,
            "ended_well": sum(state == "done" for state in states),
            "events": len(delays),
            "delay_median_ms": round(1000 * statistics.median(delays)),
            "delay_p95_ms": round(1000 * quantile(delays, 0.95)),
            "delay_longest_ms": round(1000 * max(delays)),
        }


# Rows are made inside the database: number, id, time; most are done, some failed, few wait.
NUMBERS = {
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count}) ",
    "postgresql": "WITH s(n) AS (SELECT generate_series(1, {count})) ",
}
IDENTIFIER = {"sqlite": "lower(hex(randomblob(16)))", "postgresql": "md5(n::text)"}
JOBS = """INSERT INTO jobs (id, kind, queue, subject, document, state, attempt, lease_until,
 sent_at, cancel, version, progress, message, stages, arrays, created_at, finished_at)
{numbers} SELECT {identifier}, 'analysis', 'analyses', 's', '{{}}',
 CASE WHEN n % 100 < 94 THEN 'done' WHEN n % 100 < 97 THEN 'failed' WHEN n % 100 < 99
 THEN 'cancelled' ELSE 'queued' END, 1, 0, 1.7e9, {false}, 1, 1.0, 'done',
 '[{{"stage": "spectrum", "state": "done", "seconds": 1.0}}]', '["points"]',
 1.7e9 + 300.0 * n, 1.7e9 + 300.0 * n FROM s"""
ANALYSES = """INSERT INTO analyses (id, name, checkpoint, train, parameters, created_at,
 request_hash)
 SELECT id, 'resnet run ' || CAST(CAST((created_at - 1.7e9) / 300.0 AS INTEGER) AS VARCHAR(20)),
 'c', 't', '{}', created_at, '' FROM jobs"""


def fill(url: str, count: int) -> None:
    """`count` analyses straight into the database."""
    from sqlalchemy import text

    from backend.storage.database import open_database

    engine = open_database(url)
    kind = engine.dialect.name
    jobs = JOBS.format(
        numbers=NUMBERS[kind].format(count=count),
        identifier=IDENTIFIER[kind],
        false="0" if kind == "sqlite" else "false",
    )
    with engine.execution_options(write=True).begin() as connection:
        connection.execute(text(jobs))
        connection.execute(text(ANALYSES))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    engine.dispose()


def _deep(client: httpx.Client, pages: int) -> str:
    """A cursor some pages in."""
    cursor = None
    for _ in range(pages):
        query = {"limit": 200, **({"cursor": cursor} if cursor else {})}
        cursor = client.get("/analyses", params=query).json()["next"]
    return str(cursor)


def _timed(client: httpx.Client, params: dict[str, Any], times: int) -> list[float]:
    taken = []
    for _ in range(times):
        asked = time.monotonic()
        client.get("/analyses", params=params).raise_for_status()
        taken.append(time.monotonic() - asked)
    return taken


def lists(count: int = 100_000, times: int = 40) -> dict[str, Any]:
    """Pages of a list of 100,000 on both databases: first, deep, by state, by part of the name."""
    figures: dict[str, Any] = {"rows": count}
    for database in ("sqlite", "postgresql"):
        settings = {}
        with Deployment(settings=settings, database=database) as deployment:
            url = deployment.environment.get("MINIMASCOPE_DATABASE_URL", "")
            if not url:
                (deployment.folder / "data").mkdir()
                url = f"sqlite:///{deployment.folder / 'data' / 'minimascope.sqlite'}"
            fill(url, count)
            deployment.start_redis()
            deployment.start_api()
            headers = {"authorization": f"Bearer {deployment.environment['MINIMASCOPE_TOKEN']}"}
            base = f"{deployment.url}/api/v1"
            with httpx.Client(base_url=base, headers=headers, timeout=60) as client:
                queries: dict[str, dict[str, Any]] = {
                    "first": {},
                    "deep": {"cursor": _deep(client, 100)},
                    "failed": {"state": "failed"},
                    "running": {"state": "running"},
                    "name": {"q": "run 777"},
                    "absent_name": {"q": "no such name"},
                }
                begun = _cpu_seconds(deployment.processes["api"].pid)
                taken = {name: _timed(client, asked, times) for name, asked in queries.items()}
                spent = _cpu_seconds(deployment.processes["api"].pid) - begun
            everything = [each for part in taken.values() for each in part]
            figures[database] = {
                "p95_ms": round(1000 * quantile(everything, 0.95), 1),
                "median_ms": round(1000 * statistics.median(everything), 1),
                "api_cpu_ms_each": round(1000 * spent / len(everything), 1),
                **{f"{k}_p95_ms": round(1000 * quantile(v, 0.95), 1) for k, v in taken.items()},
            }
    return figures


TRIALS: dict[str, Callable[[], dict[str, Any]]] = {
    each.__name__: each for each in (uploads, resume, events, lists)
}
