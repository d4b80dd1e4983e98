"""Two wheels in fresh environments: a library that people import, an application that they run."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch

from minimascope import __version__
from minimascope.contract.extras import SERVER
from tests.servers.environments import ROOT, Environment, built, closure, metadata

APPLICATION = {"dash", "celery", "redis", "sqlalchemy", "scikit-learn", "fastapi", "alembic"}
APPLICATION |= {"kombu", "uvicorn", "plotly", "opentelemetry-api", "prometheus-client", "asgiref"}
ROOMS = ("backend", "dashboard", "workers")
HOSTILE = """
import pathlib
pathlib.Path(__file__).with_name("imported").touch()
raise SystemExit("the current folder was imported")
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return built(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="module")
def library(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment(tmp_path_factory.mktemp("library") / "venv", [wheels["minimascope"]])


def test_an_index_would_take_and_show_what_is_built(wheels: dict[str, Path]) -> None:
    [source] = wheels["minimascope"].parent.glob("*.tar.gz")
    built = [*map(str, wheels.values()), str(source)]
    command = [sys.executable, "-m", "twine", "--no-color", "check", "--strict", *built]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("PASSED") == 3
    for wheel in wheels.values():
        about = metadata(wheel)
        assert about.metadata["License-Expression"] == "MIT"
        assert "the minimascope authors" in (about.read_text("licenses/LICENSE") or "")
        assert about.version == __version__


def test_only_minimascope_lands_in_site_packages(library: Environment) -> None:
    tops = {name for name in library.own if not name.endswith(".dist-info")}
    assert tops == {"minimascope"}
    assert len(library.own) == 2


def test_the_library_brings_nothing_of_the_application_along(wheels: dict[str, Path]) -> None:
    names = set(closure([wheels["minimascope"]]))
    assert {"torch", "numpy", "scipy", "pydantic", "httpx", "safetensors", "typer"} <= names
    assert names & APPLICATION == set()
    assert set(closure(list(wheels.values()))) >= APPLICATION


def test_every_file_of_the_rooms_is_in_the_wheel(wheels: dict[str, Path], tmp_path: Path) -> None:
    environment = Environment(tmp_path / "venv", list(wheels.values()))
    files = [
        path.relative_to(ROOT)
        for room in (*ROOMS, "minimascope")
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
        if path.suffix not in (".ts", ".mts")  # types are for lint
    ]
    assert len(files) > 300
    assert [str(path) for path in files if not (environment.site / path).is_file()] == []


def test_importing_the_library_loads_neither_torch_nor_pydantic(
    library: Environment, tmp_path: Path
) -> None:
    script = (
        "import sys, time; begin = time.perf_counter(); import minimascope; "
        "print(time.perf_counter() - begin, *sys.modules.keys() & {'torch', 'numpy', 'pydantic'})"
    )
    done = library.run("python", "-P", "-c", script, cwd=tmp_path)
    seconds, *loaded = done.stdout.split()
    print(f"import minimascope: {float(seconds):.3f} s")  # said, not judged: machines are busy
    assert loaded == []


def test_analyze_needs_nothing_but_the_library(library: Environment, tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(30, 3, generator=generator)
    shapes = {"0.weight": (4, 3), "0.bias": (4,), "2.weight": (2, 4), "2.bias": (2,)}
    weights = {key: torch.randn(shape, generator=generator) for key, shape in shapes.items()}
    torch.save(weights, tmp_path / "model.pt")
    labels = (inputs.sum(dim=1) > 0).long().numpy()
    np.savez(tmp_path / "train.npz", X=inputs.numpy(), y=labels)
    arguments = ["--checkpoint=model.pt", "--train=train.npz", "--output=report.json"]
    arguments += ['--architecture={"family": "mlp", "activation": "tanh"}', "--weight-decay=0.01"]
    done = library.run("minimascope", "analyze", *arguments, "--arrays=arrays.npz", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "λ₁" in done.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["failures"] == []
    assert None not in (report["gap"], report["boundary"], report["margins"])
    assert [words for words in report["warnings"] if "scikit-learn" in words]
    with np.load(tmp_path / "arrays.npz") as arrays:
        assert "embedding_tsne" not in arrays
        assert len(arrays["slice_boundary"])


def test_a_command_of_the_service_says_what_to_install(
    library: Environment, tmp_path: Path
) -> None:
    done = library.run("minimascope", "serve", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert SERVER in done.stderr
    listed = library.run("minimascope", "--help", cwd=tmp_path)
    assert f"Service ({SERVER})" in listed.stdout


def test_the_service_runs_from_a_folder_that_holds_rooms_of_others(
    wheels: dict[str, Path], tmp_path: Path
) -> None:
    environment = Environment(tmp_path / "venv", list(wheels.values()))
    folder = tmp_path / "empty"
    for name in (*ROOMS, "minimascope", "celery", "torch", "multiprocessing", "asyncio"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(HOSTILE)
    (folder / "model.pt").write_bytes(b"")
    torch.save({"0.weight": torch.ones(2, 3), "0.bias": torch.zeros(2)}, folder / "model.pt")
    served = subprocess.Popen(
        [str(environment.bin / "minimascope"), "serve", "--port=0", f"--data={tmp_path / 'data'}"],
        cwd=folder,
        env=environment.variables(tmp_path),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert served.stdout
        url = served.stdout.readline().strip().removeprefix("minimascope: ")
        page = httpx.get(url, timeout=60)
        assert page.headers["content-type"].startswith("text/html")
        assert httpx.get(f"{url}/api/v1/health/live", timeout=60).status_code == 200
        shipped = httpx.get(f"{url}/api/v1/analyses", timeout=60).json()["items"]
        assert len(shipped) == 4
        # A worker, its child and the sandboxed parser work too.
        done = environment.run("minimascope", "upload", "model.pt", f"--server={url}", cwd=folder)
        assert done.returncode == 0, done.stderr
    finally:
        served.send_signal(signal.SIGINT)
        served.communicate(timeout=60)
    assert served.returncode == 0
    assert list(folder.rglob("imported")) == []
