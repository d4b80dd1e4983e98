"""Builds the image from the Dockerfile and runs it as compose does: a drill of some 20 minutes.

    python benchmarks/trials/image.py [--wheels FOLDER]     # as root, with buildah and debootstrap

buildah without a daemon, over a base of Debian's own Python 3.11 made here: no registry is asked.
`--wheels` is a folder with torch for CPUs, where pip would not find it otherwise.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]

BASE, IMAGE = "localhost/minimascope-base", "localhost/minimascope-test"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def ran(*command: str, **more: object) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return str(done.stdout).strip()


def buildah(folder: Path, *arguments: str) -> str:
    places = [f"--root={folder}/images", f"--runroot={folder}/run", "--storage-driver=vfs"]
    return ran("buildah", *places, *arguments, cwd=ROOT)


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


def cpu_index(folder: Path, lent_wheels: Path | None) -> list[str]:
    """A folder of wheels as an index, or none: then PyPI's torch is taken."""
    if lent_wheels is None:
        return []
    wheels = list(lent_wheels.glob("torch-*+cpu-*.whl"))
    page = folder / "index" / "torch" / "index.html"
    page.parent.mkdir(parents=True)
    links = [f'<a href="file://{each}">{each.name}</a>' for each in wheels]
    page.write_text("<!DOCTYPE html>" + "".join(links))
    lent = [f"--volume={folder}/index:/index:ro", f"--volume={lent_wheels}:{lent_wheels}:ro"]
    return [*lent, "--build-arg=TORCH_INDEX=file:///index"]


def check(folder: Path, wheels: Path | None) -> None:
    """Raises AssertionError where the image is not what the Dockerfile promises."""
    base(folder)
    lent = [f"--volume={CERTIFICATES}:/etc/ssl/certs/ca-certificates.crt:ro"]
    configuration = folder / "pip.conf"
    configuration.write_text("[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n")
    lent += [f"--volume={configuration}:/etc/pip.conf:ro", *cpu_index(folder, wheels)]
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


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--wheels", type=Path)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="image-") as place:
        check(Path(place), given.wheels)
    print("The image builds, runs as user 10001, and writes to /data alone.")
