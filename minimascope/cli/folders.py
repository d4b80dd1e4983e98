"""A folder as one file: what a command, or a person in a browser, would have zipped."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import zipfile
from pathlib import Path

from minimascope.cli.files import Kind
from minimascope.contract.folder_files import (
    DATA,
    LATEST,
    SHARD,
    STATES,
    TABLE,
    TOLD,
    TRAINER,
    WEIGHTS,
    WHOLE,
)
from minimascope.contract.problems import ProblemError

FILES_MOST = 100_000


def packed(folder: Path, kind: Kind) -> Path:
    """The one file of a folder that counts, or a zip of those that do.

    Raises ProblemError no_such_file (nothing there that could be meant, or several).
    """
    folder = _snapshot(folder)
    if kind == "dataset":
        found = [path for path in _files(folder) if path.suffix.lower() in DATA]
        if not found:
            raise _nothing(folder, "no images and no tables")
        return found[0] if len(found) == 1 else _zipped(folder, found)
    shards = _shards(folder)
    if shards:
        return _zipped(folder, shards)
    top = [path for path in sorted(folder.iterdir()) if path.is_file()]
    weights = [path for path in top if path.suffix in WEIGHTS and path.name not in TRAINER]
    if weights:
        kept = [path for path in top if path.suffix in TOLD or path.name in TRAINER]
        return _zipped(folder, [*weights, *kept])
    return _only(
        folder, [path for path in top if path.suffix in WHOLE and path.name not in TRAINER]
    )


def _files(folder: Path) -> list[Path]:
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    if len(found) > FILES_MOST:
        raise _nothing(folder, f"{len(found)} files, more than {FILES_MOST}")
    return [path for path in found if not any(part.startswith(".") for part in path.parts[-2:])]


def _snapshot(folder: Path) -> Path:
    """Of a model in the hub's cache, the snapshot that its main branch names."""
    snapshots = folder / "snapshots"
    if not snapshots.is_dir():
        return folder
    reference = folder / "refs" / "main"
    name = reference.read_text().strip() if reference.is_file() else ""
    there = sorted(path for path in snapshots.iterdir() if path.is_dir())
    own = [path for path in there if path.name == name] or there
    if len(own) != 1:
        raise _nothing(folder, f"{len(own)} snapshots")
    return own[0].resolve()


def _only(folder: Path, found: list[Path]) -> Path:
    """The one checkpoint of a folder; what is one under several names counts once."""
    files = sorted({path.resolve() for path in found})
    if len(files) == 1:
        return files[0]
    if files:
        shown = ", ".join(repr(path.name) for path in found[:6])
        raise _nothing(folder, f"{len(files)} checkpoints, {shown}")
    deeper = sorted(path.name for path in folder.iterdir() if path.is_dir())
    inside = f", only the folders {', '.join(map(repr, deeper[:6]))}" if deeper else ""
    raise _nothing(folder, f"no weights{inside}")


def _nothing(folder: Path, what: str) -> ProblemError:
    return ProblemError(
        "no_such_file",
        f"The folder {str(folder)!r} holds {what}; one is needed.",
        "Name one of them.",
    )


def _shards(folder: Path) -> list[Path]:
    """What many devices saved together: shards of FSDP with their table, or those of DeepSpeed."""
    if any(folder.glob(f"*{SHARD}")):
        return sorted([*folder.glob(f"*{SHARD}"), *folder.glob(TABLE)])
    latest = folder / LATEST
    step = folder / latest.read_text().strip() if latest.is_file() else folder
    found = [path for kind in STATES for path in step.glob(f"*{kind}")]
    return sorted(found) if any(folder.rglob(f"*{STATES[0]}")) else []


def _zipped(folder: Path, files: list[Path]) -> Path:
    """The files as one zip, the same bytes for the same files; gone when Python ends."""
    place = Path(tempfile.mkdtemp(prefix="minimascope-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    path = place / f"{folder.name}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for each in files:
            entry = zipfile.ZipInfo(f"{folder.name}/{each.relative_to(folder).as_posix()}")
            with each.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target, 1 << 20)
    return path
