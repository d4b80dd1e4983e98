"""The image is built from the Dockerfile, and runs as compose runs it, where there is a builder.

buildah without a daemon, over a base of Debian's own Python 3.11 made here: no registry is asked.
What the machine's pip knows (an index, a certificate) is lent to the build.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.environments import ROOT

BASE, IMAGE = "localhost/minimascope-base", "localhost/minimascope-test"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
CPU_WHEELS = Path("/opt/wheels")  # where pip is told of torch for CPUs on this machine
pytestmark = [
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        not (shutil.which("buildah") and shutil.which("debootstrap") and os.geteuid() == 0),
        reason="needs buildah and debootstrap",
    ),
]


def ran(*command: str, **more: object) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return str(done.stdout).strip()


def buildah(folder: Path, *arguments: str) -> str:
    places = [f"--root={folder}/images", f"--runroot={folder}/run", "--storage-driver=vfs"]
    return ran("buildah", *places, *arguments, cwd=ROOT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("image")
    yield made
    shutil.rmtree(made, ignore_errors=True)


def base(folder: Path) -> None:
    """What python:3.11-slim is to the Dockerfile: `python`, `useradd`, certificates."""
    system = folder / "system"
    include = "--include=python3,python3-venv,ca-certificates"
    ran("debootstrap", "--variant=minbase", include, "bookworm", str(system))
    (system / "usr/bin/python").symlink_to("python3")
    container = buildah(folder, "from", "scratch")
    buildah(folder, "add", "--quiet", container, str(system), "/")
    shutil.rmtree(system)
    buildah(folder, "commit", "--quiet", "--rm", container, BASE)


def cpu_index(folder: Path) -> list[str]:
    """The machine's own wheel of torch as an index, or none: then PyPI's is taken."""
    wheels = list(CPU_WHEELS.glob("torch-*+cpu-*.whl"))
    if not wheels:
        return []
    page = folder / "index" / "torch" / "index.html"
    page.parent.mkdir(parents=True)
    links = [f'<a href="file://{each}">{each.name}</a>' for each in wheels]
    page.write_text("<!DOCTYPE html>" + "".join(links))
    lent = [f"--volume={folder}/index:/index:ro", f"--volume={CPU_WHEELS}:{CPU_WHEELS}:ro"]
    return [*lent, "--build-arg=TORCH_INDEX=file:///index"]


def test_the_image_builds_and_its_command_runs_without_rights(folder: Path) -> None:
    base(folder)
    lent = [f"--volume={CERTIFICATES}:/etc/ssl/certs/ca-certificates.crt:ro"]
    configuration = folder / "pip.conf"
    configuration.write_text("[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n")
    lent += [f"--volume={configuration}:/etc/pip.conf:ro", *cpu_index(folder)]
    built = ["build", "--isolation=chroot", "--network=host", f"--build-arg=PYTHON_IMAGE={BASE}"]
    buildah(folder, *built, *lent, "--format=docker", f"--tag={IMAGE}", ".")
    container = buildah(folder, "from", "--pull-never", IMAGE)
    inside = ["run", "--isolation=chroot", container, "--"]
    assert buildah(folder, *inside, "id", "-u") == "10001"
    found = buildah(folder, *inside, "minimascope", "--help")
    assert "serve" in found
    checked = buildah(folder, *inside, "python", "-m", "pip", "check")
    assert "No broken requirements" in checked
    tried = "touch /data/x && ls /data && touch /venv/x || echo no"
    kept = buildah(folder, *inside, "sh", "-c", tried)
    assert kept.split() == ["x", "no"]
    # Nothing of the repository but what the Dockerfile copies, and no source at all.
    for place in ("/source", "/app/tests", "/app/.git"):
        assert buildah(folder, *inside, "sh", "-c", f"ls -d {place} || echo none") == "none"
