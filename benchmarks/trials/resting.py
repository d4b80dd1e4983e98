"""`minimascope serve` that nobody uses, the first job after that, and small jobs in a row."""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from minimascope.client import Client
from minimascope.contract.parameters import Parameters
from minimascope.contract.schemas import AnalysisRequest
from tests.cases.analyses import CNN, digit_images, digits_network, save
from tests.servers.analyses import until
from tests.servers.serve import Served

IDLE_SECONDS = 60.0
CHILD, PARSER = "workers.process.child", "parser_server"
ROUNDS, SIZE = 5, 120
SETTLED_SECONDS = 15.0  # for parsers to have imported everything


def _served(folder: Path, **settings: str) -> Served:
    given = {"TOKEN": "t", "DEMO_DIR": str(folder / "none"), **settings}
    return Served(folder / "data", given, quiet=False)


def _named(served: Served) -> dict[str, int]:
    """Proportional set size in MiB of everything `serve` started, by what it is."""
    found: Counter[str] = Counter()
    for pid in [served.process.pid, *served.descendants()]:
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        size = next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        found[_role(command)] += size / 1024
    return {role: round(size) for role, size in found.items()}


def _role(command: str) -> str:
    for role, mark in (("children", CHILD), ("parsers", PARSER), ("workers", "--watched")):
        if mark in command:
            return role
    return "drawings" if "multiprocessing" in command else "api"


def _ready(served: Served) -> float:
    """Seconds until two children import torch, while somebody looks at the list again and again."""
    begun = time.monotonic()
    while time.monotonic() < begun + 120:
        _visit(served)
        commands = [Path(f"/proc/{pid}/maps") for pid in served.descendants() if _is_child(pid)]
        if len(commands) == 2 and all("libtorch_cpu" in each.read_text() for each in commands):
            break
        time.sleep(0.05)
    return time.monotonic() - begun


def _visit(served: Served) -> None:
    httpx.get(f"{served.url}/api/v1/analyses", headers={"authorization": "Bearer t"}, timeout=60)


def _is_child(pid: int) -> bool:
    try:
        return CHILD in Path(f"/proc/{pid}/cmdline").read_bytes().decode()
    except OSError:
        return False


def idle() -> dict[str, Any]:
    """Memory while somebody is there and a minute after the last request; from a visit to children
    that import torch, and seconds of an analysis sent at that moment, and of the next one."""
    with tempfile.TemporaryDirectory() as made, _served(Path(made)) as served:
        _ready(served)
        time.sleep(SETTLED_SECONDS)
        _visit(served)
        time.sleep(SETTLED_SECONDS)
        awake = _named(served)
        time.sleep(IDLE_SECONDS)
        resting = _named(served)
        _saved(Path(made) / "first")  # what this process imports is no part of it
        woken = _ready(served)
        with served.client() as client:
            opened = _first_job(client, Path(made))
            time.sleep(1.0)
            warm = _first_job(client, Path(made))
    return {
        "awake_mib": awake | {"all": sum(awake.values())},
        "resting_mib": resting | {"all": sum(resting.values())},
        "visit_to_children_s": round(woken, 2),
        "first_analysis_after_visit_s": round(opened, 2),
        "next_analysis_s": round(warm, 2),
        "at_most_500_mib": sum(resting.values()) <= 500,
    }


def cold_first_job() -> dict[str, Any]:
    """A script's first analysis on a service that rests, with nobody seen before it."""
    with tempfile.TemporaryDirectory() as made, _served(Path(made)) as served:
        time.sleep(IDLE_SECONDS)
        _saved(Path(made) / "first")
        with served.client() as client:
            first = _first_job(client, Path(made))
            following = _first_job(client, Path(made))
    return {"first_s": round(first, 2), "next_s": round(following, 2)}


def _first_job(client: Client, folder: Path, *, jobs: int = 1) -> float:
    """Seconds of the analyses of so many small networks, whose files lie ready."""
    made = [_saved(folder / f"{time.monotonic_ns()}") for _ in range(jobs)]
    begun = time.monotonic()
    names = [_submitted(client, each) for each in made]
    for name in names:
        assert until(client, name).state == "done"
    return time.monotonic() - begun


def _saved(folder: Path) -> Path:
    """A network of its own each time, so that none is answered from another's results."""
    folder.mkdir()
    images, labels = digit_images()
    network = digits_network(images[:SIZE], labels[:SIZE], steps=60)
    for parameter in network.parameters():
        parameter.data *= 1 + 1e-6 * random.random()
    save(folder, network, (images[:SIZE], labels[:SIZE]))
    return folder


def _submitted(client: Client, folder: Path) -> str:
    checkpoint = client.store("checkpoint", folder / "model.pt").id
    train = client.store("dataset", folder / "train.npz").id
    asked = Parameters.model_validate({"architecture": CNN, "stages": ["spectrum"], "top_k": 8})
    return client.submit(AnalysisRequest(checkpoint=checkpoint, train=train, parameters=asked)).id


def in_a_row() -> dict[str, Any]:
    """Two small analyses sent one after the other, over twice one alone; medians of turns."""
    one, two = [], []
    with (
        tempfile.TemporaryDirectory() as made,
        _served(Path(made)) as served,
        served.client() as client,
    ):
        _first_job(client, Path(made))
        for _ in range(ROUNDS):
            one.append(_first_job(client, Path(made)))
            two.append(_first_job(client, Path(made), jobs=2))
    alone, pair = statistics.median(one), statistics.median(two)
    return {
        "one_s": round(alone, 2),
        "two_s": round(pair, 2),
        "ratio": round(pair / (2 * alone), 2),
        "at_most_1.2": pair <= 2.4 * alone,
    }


TRIALS = {"idle": idle, "cold_first_job": cold_first_job, "in_a_row": in_a_row}
