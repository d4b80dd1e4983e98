"""Analyses that ship with the product, so that the first screen is never empty."""

from __future__ import annotations

import io
import json
import logging
import time
import zipfile
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from backend.analyses.repository import AnalysisRepository
from backend.auth.principal import EVERYONE
from backend.jobs.job import NewJob
from backend.jobs.repository import JobRepository
from backend.storage.database import Engine
from backend.storage.files import Store
from backend.uploads.repository import UploadRepository
from minimascope.contract.arrays import ARRAYS
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import Report
from minimascope.contract.schemas import (
    AnalysisChange,
    AnalysisRequest,
    Inspection,
    Upload,
    UploadKind,
)
from minimascope.contract.settings import Settings

log = logging.getLogger("minimascope.demo")
SHIPPED = Path(__file__).parents[1] / "demos"


def demo_folder(settings: Settings) -> Path:
    """Where the demo minima are: MINIMASCOPE_DEMO_DIR, or what ships with the service."""
    return settings.demo_dir or SHIPPED


def _upload(uploads: UploadRepository, store: Store, kind: UploadKind, path: Path) -> str:
    content = path.read_bytes()
    identifier = sha256(content).hexdigest()
    store.put(store.blob(identifier), content)
    now = time.time()
    upload = Upload(
        id=identifier,
        kind=kind,
        name=f"{path.parent.name}-{path.name}",
        size=len(content),
        created_at=datetime.fromtimestamp(now, UTC),
        inspection=Inspection(state="ok", format=path.suffix.lstrip(".")),
    )
    uploads.add_upload(upload, None, now=now, owner=EVERYONE)
    return identifier


def _arrays(store: Store, analysis: str, path: Path) -> list[str]:
    names: list[str] = []
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            name = member.removesuffix(".npy")
            if name in ARRAYS:
                store.put(store.array(analysis, name), archive.read(member))
                names.append(name)
    return names


def _import_one(engine: Engine, store: Store, folder: Path) -> str:
    """The id it has; one that is there already stays as it is."""
    content = (folder / "report.json").read_bytes()
    Report.model_validate_json(content)
    asked = json.load(io.BytesIO((folder / "request.json").read_bytes()))
    told = AnalysisChange(notes=asked.pop("notes", ""))
    files = {
        role: _upload(UploadRepository(engine), store, kind, folder / name)
        for role, kind, name in (
            ("checkpoint", "checkpoint", "checkpoint.safetensors"),
            ("train", "dataset", "train.npz"),
            ("test", "dataset", "test.npz"),
        )
        if (folder / name).exists()
    }
    request = AnalysisRequest.model_validate({"name": folder.name, **asked, **files})
    # The same demo in the same place gets the same id: a restart imports nothing twice.
    identifier = sha256(f"demo/{folder.name}".encode() + content).hexdigest()[:32]
    if JobRepository(engine).has_job(identifier):
        return identifier
    job = NewJob(
        "analysis",
        request.checkpoint,
        {"files": files},
        stages=tuple(request.parameters.stages),
        id=identifier,
        owner=EVERYONE,
    )
    store.put(store.report(identifier), content)
    arrays = _arrays(store, identifier, folder / "arrays.npz")
    analyses = AnalysisRepository(engine)
    analyses.import_done(request, job, arrays, now=time.time())
    analyses.describe(identifier, told)
    return identifier


def load_demo(engine: Engine, store: Store, folder: Path) -> list[str]:
    """Imports every `folder/<name>/`; ids of those that are there now."""
    loaded: list[str] = []
    if not folder.is_dir():
        return loaded
    for demo in sorted(path for path in folder.iterdir() if (path / "report.json").exists()):
        try:
            loaded.append(_import_one(engine, store, demo))
        except (OSError, ValueError, ProblemError, zipfile.BadZipFile):
            log.exception("demo %s was not imported", demo.name)
    return loaded


def import_demo(engine: Engine, store: Store, folder: Path) -> int:
    """On the first start of an empty service; how many."""
    if AnalysisRepository(engine).analyses(limit=1, cursor=None)[0]:
        return 0
    return len(load_demo(engine, store, folder))
