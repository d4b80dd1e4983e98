"""What is installed is written down whole: the lock, the list of its parts, the image's context."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import runpy
import subprocess
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "packaging" / "lock"
SETS = {
    "run": (["frames", "huggingface", "images", "mcp", "parquet"], []),
    "image": (["huggingface", "images", "parquet"], ["otel", "postgres", "s3"]),
    "test": (["test"], []),
}


def locked(name: str) -> dict[str, tuple[str, int]]:
    """Version and number of hashes by canonical name."""
    text = (LOCK / f"{name}.txt").read_text()
    found = {}
    for each in re.split(r"\n(?=[\w])", text):
        if match := re.match(r"([\w.-]+)==([^\s;]+)", each):
            found[canonicalize_name(match[1])] = (match[2], each.count("--hash=sha256:"))
    return found


def closure(name: str) -> set[str]:
    """Everything that the set brings along, as the distributions that are installed here say."""
    library, server = SETS[name]
    waiting = [("minimascope", extra) for extra in ["", *library]]
    waiting += [("minimascope-server", extra) for extra in ["", *server]]
    seen: set[tuple[str, str]] = set()
    while waiting:
        package, extra = waiting.pop()
        if (package, extra) in seen:
            continue
        seen.add((package, extra))
        for line in distribution(package).requires or []:
            wanted = Requirement(line)
            if wanted.marker and not wanted.marker.evaluate({"extra": extra}):
                continue
            each = canonicalize_name(wanted.name)
            waiting += [(each, more) for more in ["", *wanted.extras]]
    return {package for package, _ in seen} - {"minimascope", "minimascope-server"}


@pytest.mark.parametrize("name", SETS)
def test_the_lock_holds_all_that_is_needed_at_the_versions_of_the_tests(name: str) -> None:
    found = locked(name)
    # `--no-deps` installs it: what is missing here would be missing there.
    assert closure(name) - set(found) == set()
    assert all(hashes for _, hashes in found.values())
    pins = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    )
    for package, version in pins.items():
        locked_version = found.get(canonicalize_name(package), (version, 0))[0]
        assert locked_version == version, f"{package}: run make lock"


def test_torch_may_be_the_wheel_for_a_gpu_or_the_one_for_a_cpu() -> None:
    [(cpu, hashes)] = locked("torch-cpu").values()
    assert (cpu, hashes) == (f"{locked('run')['torch'][0]}+cpu", 1)
    gpu = locked("gpu")
    assert "triton" in gpu
    assert any(name.startswith("nvidia-") for name in gpu)
    assert not gpu.keys() & locked("run").keys()


def test_what_only_a_gpu_needs_is_asked_of_the_torch_that_is_installed() -> None:
    accelerator = runpy.run_path(str(LOCK / "accelerator.py"))
    needs = accelerator["needs_gpu_packages"]
    named = [each for each in distribution("torch").requires or [] if each.startswith("nvidia-")]
    assert needs() is bool(named)


def test_the_list_of_parts_names_every_part_with_its_hashes() -> None:
    document = runpy.run_path(str(ROOT / "packaging" / "sbom.py"))["document"]
    found = document()
    assert json.loads(json.dumps(found)) == found == document()
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
    parts = {each["name"]: each for each in found["components"]}
    assert {canonicalize_name(name) for name in parts} == {*locked("image"), *locked("gpu")}
    for each in parts.values():
        hashes = [e["value"] for e in each["properties"] if e["name"] == "minimascope:sha256"]
        assert hashes
        assert all(re.fullmatch("[0-9a-f]{64}", value) for value in hashes)
    references = [each["bom-ref"] for each in found["components"]]
    assert found["dependencies"][0]["dependsOn"] == references
    assert len(set(references)) == len(references)


def taken(path: str) -> bool:
    """Whether the builder is sent it, by the rules of .dockerignore: the last that fits decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        rule = line.removeprefix("!").removeprefix("**/")
        if not rule or line.startswith("#"):
            continue
        parts = Path(path).parts
        tops = [path, parts[0]] if "**" not in line else parts
        if any(fnmatch.fnmatch(each, rule) for each in tops):
            sent = line.startswith("!")
    return sent


def test_the_builder_is_sent_what_it_copies_and_nothing_else() -> None:
    copied = re.findall(
        r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE
    )
    for path in [each for line in copied for each in line.split()]:
        assert taken(path), path
        assert (ROOT / path).exists()
    for path in (".git/config", ".env", "tests/conftest.py", ".venv/bin/python", "data/x.sqlite"):
        assert not taken(path), path
    assert not taken("minimascope/__pycache__/x.pyc")


IMAGES = {"Dockerfile": ["python:3.11-slim"], "docker-compose.yml": ["redis:7", "postgres:16"]}


def digests(folder: Path) -> dict[str, str]:
    """Every image that is taken from a registry, in both files, with what stands after its tag."""
    said = {}
    for file in IMAGES:
        for line in (folder / file).read_text().splitlines():
            if found := re.match(r"(?:ARG PYTHON_IMAGE=| +image: )([^\s@]+:[^\s@]+)(\S*)$", line):
                said[found[1]] = found[2]
    return said


def test_every_base_image_is_named_by_its_digest() -> None:
    named = digests(ROOT)
    assert sorted(named) == sorted(each for images in IMAGES.values() for each in images)
    assert all(re.fullmatch(r"@sha256:[0-9a-f]{64}", each) for each in named.values())
    stages = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert set(stages) == {"${PYTHON_IMAGE}"}


@pytest.mark.parametrize("answer", ["sha256:" + "a" * 64, "", "denied"])
def test_images_get_their_present_digest_or_stay_as_they_are(tmp_path: Path, answer: str) -> None:
    """With a stand-in for the client of the registry."""
    (tmp_path / "packaging").mkdir()
    for name in ("packaging/images.sh", *IMAGES):
        (tmp_path / name).write_text((ROOT / name).read_text())
    client = tmp_path / "docker"
    client.write_text(f"#!/bin/sh\necho '{answer}'\n")
    client.chmod(0o755)
    done = subprocess.run(
        ["sh", str(tmp_path / "packaging" / "images.sh")],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        check=False,
        capture_output=True,
    )
    renewed = answer.startswith("sha256:")
    assert (done.returncode == 0) == renewed
    expected = dict.fromkeys(digests(ROOT), f"@{answer}") if renewed else digests(ROOT)
    assert digests(tmp_path) == expected
