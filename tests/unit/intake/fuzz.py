"""Damaged copies of good files: each is a valid load or a refusal with a stable code, in time.

Seeded mutations: bytes changed anywhere or in the header, truncation, a stretch removed or
doubled, numbers of a text header replaced, one record of a zip damaged with its checksum made
right again. A checkpoint that still loads is built and run once.
`python -m tests.unit.intake.fuzz --copies 1000 --output fuzz.json` keeps a row a format and writes
the table beside it; pieces may be made one by one (`--formats pt,pt2`).
"""

from __future__ import annotations

import argparse
import datetime
import io
import json
import platform
import random
import re
import resource
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.networks.checks import check_pair
from minimascope.intake.sandbox.parser_process import stop
from minimascope.intake.values.checkpoint import read_checkpoint
from minimascope.intake.values.dataset import Dataset, read_dataset
from minimascope.objective.named import LOSSES
from tests.unit.intake import fuzz_files as made

CODES = {
    *("file_damaged", "pickle_refused", "not_a_checkpoint", "unsupported_format", "deflate_bomb"),
    *("tensor_refused", "nan_weights", "operator_refused", "not_a_dataset", "nan_data"),
    *("dataset_missing_arrays", "label_missing", "empty_data"),
    *("sandbox_memory", "labels_out_of_range"),
    *("architecture_missing", "architecture_invalid", "architecture_mismatch"),
    *("input_shape_mismatch", "output_shape_mismatch", "outputs_not_finite"),
    *("order_open", "adapter_without_base", "part_of_a_checkpoint", "split_missing"),
    *("sizes_differ", "fixed_batch", "batch_dependent"),
}
MLP = {"family": "mlp", "activation": "relu"}
INPUTS, LABELS = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)), torch.arange(5) % 3


def run_checkpoint(path: Path, workdir: Path) -> None:
    checkpoint = read_checkpoint(path, workdir=workdir)
    whole = checkpoint.graph is not None or checkpoint.config is not None
    built = build_network(checkpoint, None if whole else MLP)
    inputs = torch.zeros(5, 1, 8, 8) if checkpoint.config else INPUTS
    check_pair(built, Dataset(inputs, LABELS), None, loss=LOSSES["cross_entropy"])


def run_reading(path: Path, workdir: Path) -> None:
    read_checkpoint(path, workdir=workdir)


def run_dataset(path: Path, workdir: Path) -> None:
    read_dataset(path, workdir=workdir)


Run = Callable[[Path, Path], None]
FILES: dict[str, tuple[Callable[[Path], bytes], Run]] = {
    "pt": (lambda _: made.saved(), run_checkpoint),
    "legacy": (lambda _: made.saved(legacy=True), run_checkpoint),
    "objects": (lambda _: made.objects(), run_checkpoint),
    "whole network": (lambda _: made.whole(), run_checkpoint),
    "safetensors": (lambda _: save(made.network().state_dict()), run_checkpoint),
    "shards": (lambda _: made.shards(), run_checkpoint),
    "huggingface": (lambda _: made.hugging(), run_checkpoint),
    "pt2": (made.program, run_checkpoint),
    "npz": (lambda _: made.arrays(), run_dataset),
    "csv": (lambda _: made.table(), run_dataset),
    "parquet": (lambda _: made.parquet(), run_dataset),
    "images": (lambda _: made.images(), run_dataset),
    "torchscript": (lambda _: made.script(), run_checkpoint),
    "reparametrised": (lambda _: made.normed(), run_checkpoint),
    "adapter and base": (lambda _: made.adapter(), run_checkpoint),
    "fp8": (lambda _: made.short(), run_checkpoint),
    "FSDP": (lambda _: made.sharded("fsdp"), run_checkpoint),
    "ZeRO": (lambda _: made.sharded("zero_3"), run_reading),
    "torch data": (lambda _: made.pair(), run_dataset),
    "arrow": (lambda _: made.arrow(), run_dataset),
    "tables": (lambda _: made.tables(), run_dataset),
    "decimal comma": (lambda _: made.commas(), run_dataset),
    "splits": (lambda _: made.splits(), run_dataset),
}
_ODD = (b"0", b"-1", b"1", b"65537", b"4294967296", b"1152921504606846976", b"null", b"1e9", b"[]")


def change_bytes(content: bytearray, chance: random.Random, end: int) -> bytearray:
    for _ in range(chance.randint(1, 8)):
        content[chance.randrange(min(end, len(content)))] = chance.randrange(256)
    return content


def replace_number(content: bytearray, chance: random.Random) -> bytearray:
    """One number of the text in it becomes another; its length may change."""
    found = list(re.finditer(rb"(?<=[ :,\[(])\d{1,12}", content))
    if found:
        place = chance.choice(found)
        content[place.start() : place.end()] = chance.choice(_ODD)
    return content


def damage(whole: bytes, chance: random.Random) -> bytes:
    content, kind = bytearray(whole), chance.randrange(6)
    if not content or kind == 0:
        return bytes(change_bytes(content, chance, 1 << 30)) if content else b"\0"
    if kind == 1:
        return bytes(change_bytes(content, chance, 300))
    if kind == 2:
        del content[chance.randrange(len(content)) :]
        return bytes(content)
    if kind in (3, 4):
        return bytes(replace_number(content, chance))
    start = chance.randrange(len(content))
    stretch = slice(start, start + chance.randrange(64))
    content[stretch] = content[stretch] * chance.choice((0, 2))
    return bytes(content)


def mutated(whole: bytes, chance: random.Random) -> bytes:
    """A damaged copy; of a zip, every other time one record damaged inside a sound zip."""
    if not whole.startswith(b"PK") or chance.random() < 0.5:
        return damage(whole, chance)
    with zipfile.ZipFile(io.BytesIO(whole)) as source:
        files = {name: source.read(name) for name in source.namelist()}
    victim = chance.choice(list(files))
    files[victim] = damage(files[victim], chance)
    return made.archive(files)


@dataclass
class Outcome:
    """What became of the damaged copies of one format."""

    loaded: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest: float = 0.0


def fuzz(name: str, *, copies: int, folder: Path) -> Outcome:
    """Damages, sends and counts; a fault is an exception that is no ProblemError.

    The good file goes first: it must load, and the parser process is warm from then on.
    """
    make, run = FILES[name]
    whole, chance, outcome = make(folder), random.Random(name), Outcome()
    path = folder / "upload"
    path.write_bytes(whole)
    run(path, folder)
    for place in range(copies):
        path.write_bytes(mutated(whole, chance))
        start = time.perf_counter()
        try:
            run(path, folder)
            outcome.loaded += 1
        except ProblemError as problem:
            outcome.refused[problem.code] += 1
        except Exception as error:
            outcome.faults.append(f"copy {place}: {type(error).__name__}: {str(error)[:200]}")
        outcome.slowest = max(outcome.slowest, time.perf_counter() - start)
    return outcome


def held(found: Outcome) -> bool:
    """The promise of the intake; time is held by the sandbox, whose timeout is no such code."""
    return not found.faults and set(found.refused) <= CODES


def told(found: Outcome) -> dict[str, Any]:
    """The row of one format, as JSON values."""
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    return {
        "loaded": found.loaded,
        "refused": dict(found.refused.most_common()),
        "faults": found.faults,
        "slowest_seconds": round(found.slowest, 2),
        "parser_peak_gib": round(peak, 2),
    }


def report(rows: dict[str, dict[str, Any]], copies: int) -> str:
    """The table as Markdown."""
    lines = [
        "# Fuzzing the intake",
        "",
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, {copies} seeded copies a format, torch "
        f"{torch.__version__}, Python {platform.python_version()}, {platform.machine()}. "
        "`make fuzz` repeats it. A checkpoint that still loads is built and run once. No copy "
        "reached the sandbox's limit of 10 s (it would be refused as sandbox_timeout). The slowest "
        "is by the wall clock of a machine shared with other work; memory is the largest resident "
        "size of a parser process, torch included.",
        "",
        "| format | loaded | refused | faults | slowest, s | memory, GiB | codes |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        codes = ", ".join(f"{code} {count}" for code, count in row["refused"].items())
        refused = sum(row["refused"].values())
        lines.append(
            f"| {name} | {row['loaded']} | {refused} | {len(row['faults'])} | "
            f"{row['slowest_seconds']} | {row['parser_peak_gib']} | {codes} |"
        )
    return "\n".join(lines) + "\n"


def kept(path: Path, rows: dict[str, dict[str, Any]], copies: int) -> None:
    """Adds the rows to those of earlier pieces, and writes the table of all."""
    known = json.loads(path.read_text()) if path.exists() else {}
    every = {**known, **rows}
    path.write_text(json.dumps(every, indent=1) + "\n")
    path.with_suffix(".md").write_text(report({n: every[n] for n in FILES if n in every}, copies))


def main() -> int:
    """Exit 1 where there was a fault, an unknown code or a file that took too long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=1000)
    parser.add_argument("--formats", default=",".join(FILES), help="separated by commas")
    parser.add_argument("--output", type=Path, metavar="fuzz.json", help="rows are added to it")
    args = parser.parse_args()
    torch.set_num_threads(1)
    good = True
    for name in args.formats.split(","):
        with tempfile.TemporaryDirectory() as folder:
            found = fuzz(name, copies=args.copies, folder=Path(folder))
        stop()  # its memory is counted when it has ended
        print(name, found.loaded, dict(found.refused), *found.faults[:5], sep="\n  ", flush=True)
        if args.output:
            kept(args.output, {name: told(found)}, args.copies)
        good = good and held(found)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
