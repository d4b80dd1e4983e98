"""A disk that takes no more: 507, nothing half kept, and everything else goes on."""

from __future__ import annotations

import httpx

from tests.servers.deployment import Deployment

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
        assert list((store / "incoming").iterdir()) == []
        assert list((store / "partial").iterdir()) == []
