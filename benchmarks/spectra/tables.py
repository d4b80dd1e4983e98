"""Rows of the comparison as Markdown and JSON, and the machine they were measured on."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from spectra.clock import Timed

Row = dict[str, Any]


def earlier(folder: Path, date: str) -> Row | None:
    """Results of the same day, so that long workloads can be run question by question."""
    path = folder / f"spectrum-{date}.json"
    return json.loads(path.read_text()) if path.exists() else None


def row(name: str, runs: list[Timed[Any]], *, question: str, error: float | None) -> Row:
    done = [run for run in runs if run.value is not None]
    return {
        "tool": name,
        "question": question,
        "cpu": median([run.cpu for run in done or runs]),
        "wall": median([run.wall for run in done or runs]),
        "rounds": len(runs),
        "error": error,
        "finished": bool(done),
    }


def table(rows: list[Row], error: str) -> list[Row]:
    """Adds ratios to our CPU seconds and prints the rows as Markdown."""
    print(f"| {rows[0]['question']} | CPU s | wall s | ratio | {error} |\n|---|---|---|---|---|")
    for each in rows:
        each["ratio"] = each["cpu"] / rows[0]["cpu"]
        more = "" if each["finished"] else "> "
        shown = "–" if each["error"] is None else f"{each['error']:.1e}"
        print(
            f"| {each['tool']} | {more}{each['cpu']:.2f} | {each['wall']:.2f} "
            f"| {more}{each['ratio']:.1f} | {shown} |",
            flush=True,
        )
    print(flush=True)
    return rows


def machine(threads: int) -> Row:
    versions: Row = {}
    packages = ("torch", "scipy", "numpy", "hessian-eigenthings", "pyhessian")
    for package in (*packages, "curvlinops-for-pytorch"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "missing"
    model = "unknown"
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(": ")[2] if names else platform.processor()
    load = [round(each, 1) for each in os.getloadavg()]
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "threads": threads,
        "load": load,
        "python": platform.python_version(),
        "versions": versions,
    }


def write(folder: Path, date: str, results: Row, parts: Sequence[str]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"spectrum-{date}.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / f"spectrum-{date}.md").write_text(markdown(results, parts))


def markdown(results: Row, parts: Sequence[str]) -> str:
    about = results["machine"]
    lines = [
        f"# Hessian spectra side by side, {results['date']}\n",
        f"{about['cpu']}, {about['threads']} thread(s), load {about['load']}; Python "
        f"{about['python']}; "
        + ", ".join(f"{name} {number}" for name, number in about["versions"].items())
        + ". CPU seconds are medians of interleaved runs in one process; `>`: stopped at the "
        "limit. Ratio: CPU seconds over ours.\n",
    ]
    for each in results["workloads"].values():
        lines += [f"## {each['workload']}\n", *each["missing"]]
        lines.append(
            "| question | tool | CPU s | wall s | ratio | error |\n|---|---|---|---|---|---|"
        )
        for part in parts:
            lines += [line(entry) for entry in each.get(part, [])]
        lines.append("")
        if (plan := each.get("plan")) is None:
            continue
        lines.append(
            f"Plan ({plan['route']}): {plan['products'][0]} products and "
            f"{plan['seconds'][0]:.2f} s predicted, {plan['products'][1]} and "
            f"{plan['seconds'][1]:.2f} s (wall) happened.\n"
        )
    return "\n".join(lines).rstrip() + "\n"


def line(entry: Row) -> str:
    more = "" if entry["finished"] else "> "
    error = "–" if entry["error"] is None else f"{entry['error']:.1e}"
    ratio = f"{more}{entry['ratio']:.1f}"
    cpu, wall = f"{more}{entry['cpu']:.2f}", f"{entry['wall']:.2f}"
    return f"| {entry['question']} | {entry['tool']} | {cpu} | {wall} | {ratio} | {error} |"
