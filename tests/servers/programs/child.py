"""A small real child: speaks the supervisor's protocol, behaves as its checkpoint's text says.

Text: `sleep S` works for S seconds, `refuse` sends a problem, `crash` exits 3, `memory X` is killed
like by the kernel unless it may plan with X of the memory at most, `poison` kills its worker,
`ranks` loses one of its processes,
`stubborn` ignores SIGTERM, `log PATH` anywhere appends a line at start and end, `vectors` gives
eigenvectors, which a slice then answers with; `parts N each S` is shared among workers. Report and
array both name the run (its pid) that wrote them.
"""

import io
import json
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np

REPORT = {
    "versions": {"child": "1"},
    "seed": 0,
    "dtype": "float64",
    "device": "cpu",
    "wall_seconds": {},
    "checkpoint": {"sha256": "0" * 64, "format": "text", "parameters": 3},
    "data": {"train": {"n": 4, "loss": 0.25, "accuracy": 1.0}, "test": None, "classes": 2},
}


def say(**event: object) -> None:
    print(json.dumps(event), flush=True)


LINES: queue.SimpleQueue[str] = queue.SimpleQueue()


def read_lines() -> None:
    """A job, then replies; without its supervisor this process ends."""
    for line in sys.stdin:
        LINES.put(line)
    os._exit(9)


def array(workdir: Path, name: str, value: np.ndarray) -> None:
    buffer = io.BytesIO()
    np.save(buffer, value)
    path = workdir / f"{name}.npy"
    path.write_bytes(buffer.getvalue())
    say(event="array", name=name, path=str(path))


def report(workdir: Path) -> None:
    path = workdir / "report.json"
    path.write_text(json.dumps({**REPORT, "seed": os.getpid()}))
    say(event="report", path=str(path))


def work(workdir: Path, seconds: float) -> None:
    say(event="stage", stage="spectrum", state="running", seconds=None)
    report(workdir)
    steps = max(1, round(seconds / 0.05))
    for step in range(steps):
        time.sleep(seconds / steps)
        message = f"step {step} at {time.time():.6f}"
        say(event="progress", stage="spectrum", fraction=(step + 1) / steps, message=message)
    array(workdir, "points", np.array([[1.0, np.nan], [2.0, 3.0]], dtype=np.float32))
    array(workdir, "margins", np.array([os.getpid()]))
    say(event="stage", stage="spectrum", state="done", seconds=seconds)
    report(workdir)


def refuse() -> None:
    problem = {"code": "not_weights", "sentence": "'x' is no weights.", "advice": "", "status": 422}
    say(event="problem", problem=problem)


WRONG = ("nonsense", "ranks", "unreadable")


def say_wrong(what: str, workdir: Path) -> None:
    """Says what ends this process, and waits for that."""
    if what == "nonsense":
        say(event="stage", stage="spectrum", state="perhaps")
    elif what == "ranks":
        say(event="rank_lost", sentence="A process of this analysis was lost.")
    else:
        (workdir / "report.json").write_text('{"seed": "none"}')
        say(event="report", path=str(workdir / "report.json"))
    time.sleep(60)


def analysis(words: list[str], workdir: Path, memory_share: float) -> None:
    if "stubborn" in words:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "crash" in words:
        print("exit words", file=sys.stderr)
        sys.exit(3)
    if "memory" in words and memory_share > float(words[words.index("memory") + 1]):
        os.kill(os.getpid(), signal.SIGKILL)
    if "poison" in words:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    for each in WRONG:
        if each in words:
            say_wrong(each, workdir)
    if "late" in words:
        refuse()
        return
    if "parts" in words:
        parts(words, workdir)
    if "vectors" in words:
        array(workdir, "eigenvectors", np.eye(2, 3))
    work(workdir, float(words[words.index("sleep") + 1]) if "sleep" in words else 0.1)


def parts(words: list[str], workdir: Path) -> None:
    """`parts N`: a stage in N shards, of which this process takes what nobody else does."""
    count = int(words[words.index("parts") + 1])
    say(event="shards", shards=[shard(index) for index in range(count)])
    while True:
        say(event="take", stage="margins")
        news = json.loads(LINES.get())
        if any(each["state"] == "failed" for each in news["shards"]):
            say(event="stage", stage="margins", state="failed", seconds=0.0)
            return
        if news["taken"]:
            value = part(words, news["taken"]["index"])
            say(event="answer", shard=news["taken"]["id"], value=value, arrays={})
        elif all(each["state"] == "done" for each in news["shards"]):
            found = [each["result"]["part"] for each in news["shards"]]
            array(workdir, "alignment", np.array(found))
            return
        else:
            time.sleep(0.05)


def shard(index: int) -> dict:
    return {"stage": "margins", "index": index, "question": {}}


def part(words: list[str], index: int) -> dict:
    """One of `parts N`: each takes S of `each S` seconds; `deadly I` kills the worker at part I."""
    log = Path(words[words.index("log") + 1])
    with log.open("a") as file:
        file.write(f"part-{index} {os.getpid()}\n")
    if "deadly" in words and index == int(words[words.index("deadly") + 1]):
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    time.sleep(float(words[words.index("each") + 1]))
    with log.open("a") as file:
        file.write(f"done-{index}\n")
    return {"part": index}


def answer(question: dict, eigenvectors: str, workdir: Path) -> None:
    """A slice: 13 grid points a side crash, a fifth training row is refused."""
    if question["resolution"] == 13:
        sys.exit(3)
    if 4 in (question["points"] or []):
        refuse()
        return
    array(workdir, "slice_alignment", np.load(eigenvectors))
    say(event="result", value={"underflowed": 2})


def line(question: dict, files: set[str]) -> None:
    """A line: flat, over the number of files; 40 steps are refused."""
    if question["request"]["steps"] == 40:
        refuse()
        return
    flat = {"n": 4, "loss": [float(len(files))] * 2, "loss_standard_error": [0.0] * 2}
    split = {**flat, "barrier": {"value": 0.0, "standard_error": 0.0, "alpha": 0.0}}
    curve = {"alpha": [0.0, 1.0], "train": split, "statistics": "none", "distance": 1.0}
    say(event="result", value={"curve": curve})


def main() -> None:
    threading.Thread(target=read_lines, daemon=True).start()
    document = json.loads(LINES.get())
    files = document["files"]
    words = Path(files.get("checkpoint") or files["dataset"]).read_text().split()
    log = Path(words[words.index("log") + 1]) if "log" in words else None
    if document["kind"] == "slice":
        answer(document["question"], document["arrays"]["eigenvectors"], Path(document["workdir"]))
        return
    if document["kind"] == "interpolation":
        line(document["question"], set(files))
        return
    if document["kind"] == "shard":
        say(event="result", value=part(words, document["question"]["index"]))
        return
    if document["kind"] != "analysis":
        if "refuse" in words:
            refuse()
        else:
            summary = {"words": len(words), "names": document["names"]}
            say(event="result", value={"format": "text", "summary": summary, "warnings": []})
        return
    if log:
        with log.open("a") as file:
            file.write(f"start {os.getpid()}\n")
    analysis(words, Path(document["workdir"]), document["memory_share"])
    if log:
        with log.open("a") as file:
            file.write("end\n")


main()
