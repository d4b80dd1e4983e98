"""A disk that takes no more: 507, nothing half kept, and everything else goes on."""

from __future__ import annotations

import io
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from backend.storage.reserve import RESERVE_BYTES, Reserve
from minimascope.contract.problems import ProblemError
from tests.servers.analyses import submitted, until
from tests.servers.deployment import Deployment
from tests.servers.places import CHILD
from tests.servers.serve import Served

LIMIT = 3_000_000


def test_uploads_to_a_full_disk_are_507_and_the_service_stays_readable() -> None:
    settings = {"MINIMASCOPE_BROKER_URL": "", "MINIMASCOPE_INSPECT_WAIT_SECONDS": "0"}
    with Deployment(database="sqlite", settings=settings) as deployment:
        # No file of this process may grow beyond the limit: write() fails as on a full disk.
        deployment.api_prefix = ("prlimit", f"--fsize={LIMIT}")
        deployment.start_api()
        headers = {"authorization": f"Bearer {deployment.environment['MINIMASCOPE_TOKEN']}"}
        with httpx.Client(base_url=f"{deployment.url}/api/v1", headers=headers) as client:
            good = client.post("/datasets", content=b"x" * 1000)
            assert good.status_code == 202
            full = client.post("/datasets", content=b"x" * (LIMIT + 1))
            assert (full.status_code, full.json()["code"]) == (507, "storage_full")
            length = {"upload-length": str(LIMIT + 1)}
            place = client.post("/uploads", headers=length).headers["location"]
            place = place.removeprefix("/api/v1")
            kind = {"content-type": "application/offset+octet-stream", "upload-offset": "0"}
            full = client.patch(place, content=b"y" * (LIMIT + 1), headers=kind)
            assert (full.status_code, full.json()["code"]) == (507, "storage_full")
            assert client.delete(place).status_code == 204
            [item] = client.get("/datasets").json()["items"]
            assert item["size"] == 1000
            assert client.get("/health/ready").status_code == 200
            assert client.post("/datasets", content=b"z" * 1000).status_code == 202
        store = deployment.folder / "data" / "store"
        assert [each for each in (store / "incoming").rglob("*") if each.is_file()] == []
        assert list((store / "partial").iterdir()) == []


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting takes rights that this user has not")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(path: Path) -> None:
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def test_a_full_disk_is_emptied_through_the_product_and_no_job_hangs_after(tmp_path: Path) -> None:
    settings = {"TOKEN": "t", "DEMO_DIR": str(tmp_path / "none"), "LEASE_SECONDS": "5"}
    with small_disk(tmp_path / "disk", "150m") as disk:
        served = Served(disk / "data", settings, (f"--child={CHILD}",), quiet=False)
        with served, served.client() as client:
            extra = client.store("dataset", io.BytesIO(b"x" * 1_000_000), name="x.npz").id
            made = [submitted(client, "sleep 1") for _ in range(4)]
            until(client, made[0], "running")
            fill(disk / "filler")
            with pytest.raises(ProblemError) as full:
                client.store("dataset", io.BytesIO(b"y" * 1_000_000), name="y.npz")
            assert full.value.code == "storage_full"
            time.sleep(7)  # leases end meanwhile, messages are lost
            client.delete_upload("dataset", extra)
            with pytest.raises(ProblemError) as full:  # what was given up is for removals alone
                client.store("dataset", io.BytesIO(b"z" * 1_000_000), name="z.npz")
            assert full.value.code == "storage_full"
            (disk / "filler").unlink()
            ends = [until(client, each, seconds=90.0) for each in made]
            again = client.store("dataset", io.BytesIO(b"z" * 1_000_000), name="z.npz")
            assert again.size == 1_000_000
            assert (disk / "data" / "store" / "reserve").stat().st_size == RESERVE_BYTES
    assert [each.state for each in ends] == ["done"] * 4


def test_a_reserve_is_made_where_there_is_room_for_it_twice(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "10m") as disk:
        small, large = Reserve(disk / "a", 1 << 20), Reserve(disk / "b", 8 << 20)
        assert (small.take(), large.take()) == (True, False)
        small.give_up()  # there is room: it stays
        assert (disk / "a" / "reserve").exists()
        fill(disk / "filler")
        assert small.take()
        small.give_up()
        assert not (disk / "a" / "reserve").exists()
        assert not small.take()
