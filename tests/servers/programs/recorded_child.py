"""A child that answers as a real one did when it was recorded.

Usage: recorded_child.py ANSWERS ANALYSES. ANSWERS holds an answer a kind of job, or one for the
user's own name of the file (`inspect_dataset-iris.json`). ANALYSES holds what happened in each
analysis, by the name of its checkpoint: `told.json`, `report.json` and arrays. Planes are not
recorded but computed, by the real handler.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

ANSWERS, ANALYSES = (Path(argument) for argument in sys.argv[1:3])
REFUSED = b"not a"  # how a file begins that no reader takes


def say(**event: object) -> None:
    print(json.dumps(event), flush=True)


LINES: queue.SimpleQueue[str] = queue.SimpleQueue()


def read_lines() -> None:
    """A job, then nothing; without its supervisor this process ends."""
    for line in sys.stdin:
        LINES.put(line)
    os._exit(9)


def recorded(kind: str, names: list[str]) -> dict[str, Any]:
    """The answer for one of these names, or the one for any."""
    places = [ANSWERS / f"{kind}-{Path(name).stem}.json" for name in names]
    place = next((each for each in places if each.exists()), ANSWERS / f"{kind}.json")
    return dict(json.loads(place.read_text()))


def refusal(name: str) -> dict[str, Any]:
    return {
        "code": "unreadable_checkpoint",
        "sentence": f"{name} is not a checkpoint: it starts with “not a”.",
        "advice": "Give a .safetensors file or a state dict.",
        "status": 422,
    }


def answer(kind: str, names: dict[str, str], files: dict[str, str], stages: list[str]) -> None:
    for role, path in files.items():
        if Path(path).read_bytes().startswith(REFUSED):
            say(event="problem", problem=refusal(names[role]))
            return
    value = recorded(kind, list(names.values()))
    if kind == "plan":  # what needs the spectrum brings its cost along
        wanted = {*stages} | ({"spectrum"} if {*stages} - {"gap"} else set())
        costs = value["stage_seconds"]
        value["stage_seconds"] = {stage: costs[stage] for stage in costs if stage in wanted}
    say(event="result", value=value)


def analysis(name: str, workdir: Path) -> None:
    """Tells what was told: stages, a report and its arrays, then an end, a problem or nothing."""
    folder = ANALYSES / name if (ANALYSES / name).exists() else ANALYSES / "default"
    told = json.loads((folder / "told.json").read_text())
    time.sleep(told["pause"])
    if (folder / "report.json").exists():
        shutil.copy(folder / "report.json", workdir)
        say(event="report", path=str(workdir / "report.json"))
    for array in folder.glob("*.npy"):
        shutil.copy(array, workdir)
        say(event="array", name=array.stem, path=str(workdir / array.name))
    for event in told["events"]:
        say(**event)
    if told["ends"] == "never":
        while True:  # in turns: one that never wakes counts as frozen
            time.sleep(0.5)


def plane(document: dict[str, Any], workdir: Path) -> None:
    """Computed, by the real child's own code: the first one here loads torch."""
    from workers.process.child import run
    from workers.publishing import SupervisorPublisher

    run(document, SupervisorPublisher(sys.stdout, workdir), queue.SimpleQueue())


def main() -> None:
    """Job after job; an analysis is the last, as in the real child."""
    threading.Thread(target=read_lines, daemon=True).start()
    while True:
        document = json.loads(LINES.get())
        kind, names, workdir = document["kind"], document["names"], Path(document["workdir"])
        if kind == "analysis":
            analysis(Path(names["checkpoint"]).stem, workdir)
            return
        if kind == "slice":
            plane(document, workdir)
            continue
        stages = (document["parameters"] or {}).get("stages", [])
        answer(kind, names, document["files"], stages)
        say(event="end")


main()
