"""Token users: what each scope may do, who sees what, what is written down."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from backend.auth.principal import EVERYONE
from backend.auth.users import new_user
from minimascope.cli import main
from minimascope.contract.schemas import Scope
from tests.unit.backend.in_process import NOBODYS, SITE, analysis, api, joined, user_id


def test_owners_see_only_their_own_and_what_ships_with_the_product(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, service):
            ann, bob = joined(service, "ann"), joined(service, "bob")
            root = {"authorization": "Bearer root"}
            mine = analysis(service, await user_id(service, "ann"))
            public, servers = analysis(service, EVERYONE), analysis(service, "")

            async def listed(headers: dict[str, str]) -> set[str]:
                found = (await client.get("/analyses", headers=headers)).json()["items"]
                return {item["id"] for item in found}

            assert await listed(ann) == {mine, public}
            assert await listed(bob) == {public}
            assert await listed(root) == {mine, public, servers}
            for method, path in (
                ("GET", f"/analyses/{mine}"),
                ("GET", f"/analyses/{mine}/report"),
                ("GET", f"/analyses/{mine}/arrays/points"),
                ("GET", f"/analyses/{mine}/events"),
                ("POST", f"/analyses/{mine}/cancel"),
                ("POST", f"/analyses/{mine}/share"),
                ("POST", f"/analyses/{public}/cancel"),
                ("DELETE", f"/analyses/{mine}"),
                ("GET", f"/compare?ids={mine}"),
                ("GET", f"/analyses/{NOBODYS}"),
            ):
                answer = await client.request(method, path, headers=bob)
                assert (answer.status_code, answer.json()["code"]) == (404, "no_such_analysis"), (
                    path
                )
            assert (await client.get(f"/analyses/{public}", headers=bob)).status_code == 200
            assert (await client.get(f"/analyses/{mine}", headers=root)).status_code == 200

    asyncio.run(run())


def test_a_link_shares_reading_until_it_is_ended(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, service):
            ann, bob = joined(service, "ann"), joined(service, "bob", "read")
            place = f"/analyses/{analysis(service, await user_id(service, 'ann'))}"
            key = (await client.post(f"{place}/share", headers=ann)).json()["key"]
            query = {"share": key}
            assert (await client.get(place, params=query, headers=bob)).status_code == 200
            assert (await client.get(place, params={"share": "x"}, headers=bob)).status_code == 404
            # Without a login the key is enough to read this, and opens nothing else.
            assert (await client.get(place, params=query)).status_code == 200
            assert (await client.get(place, params={"share": "x"})).status_code == 401
            assert (await client.get("/analyses", params=query)).status_code == 401
            assert (await client.post(f"{place}/cancel", params=query)).status_code == 403
            answer = await client.post(f"{place}/cancel", params=query, headers=ann | {})
            assert answer.status_code == 200
            assert (await client.delete(f"{place}/share", headers=ann)).status_code == 204
            assert (await client.get(place, params=query, headers=bob)).status_code == 404
            assert (await client.get(place, params=query)).status_code == 401

    asyncio.run(run())


def test_each_scope_may_do_its_own(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, service):
            scopes: tuple[Scope, ...] = ("read", "write", "admin", "worker")
            who = {scope: joined(service, scope, scope) for scope in scopes}
            expected = {
                ("GET", "/me"): (200, 200, 200, 401),
                ("POST", "/datasets"): (403, 202, 202, 401),
                ("GET", "/users"): (403, 403, 200, 401),
                ("GET", "/audit"): (403, 403, 200, 401),
                ("GET", "/metrics"): (403, 403, 200, 401),
                ("POST", f"/internal/jobs/{NOBODYS}/claim"): (401, 401, 401, 409),
            }
            for (method, path), statuses in expected.items():
                content = b"data" if method == "POST" else None
                answers = [
                    (
                        await client.request(method, path, headers=who[s], content=content)
                    ).status_code
                    for s in scopes
                ]
                assert tuple(answers) == statuses, path

    asyncio.run(run())


def test_the_same_bytes_of_two_owners_go_with_the_last(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, service):
            ann, bob = joined(service, "ann"), joined(service, "bob")
            made = await client.post("/datasets", content=b"the same", headers=ann)
            place = f"/datasets/{made.json()['id']}"
            assert (await client.get(place, headers=bob)).status_code == 404
            await client.post("/datasets", content=b"the same", headers=bob)
            blob = service.store.blob(made.json()["id"])
            assert (await client.delete(place, headers=ann)).status_code == 204
            assert (await client.get(place, headers=ann)).status_code == 404
            assert (await client.get(place, headers=bob)).status_code == 200
            assert blob.exists()
            assert (await client.delete(place, headers=bob)).status_code == 204
            assert not blob.exists()
            body = {"checkpoint": made.json()["id"], "train": made.json()["id"]}
            refused = await client.post("/analyses", json=body, headers=ann)
            assert refused.json()["code"] == "no_such_checkpoint"

    asyncio.run(run())


def test_a_revoked_token_and_its_sessions_end_at_once(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path, token="") as (client, service):
            token = new_user(service.auth, "ann", "write").token
            headers = {"authorization": f"Bearer {token}"}
            signed = await client.post(f"{SITE}/login", data={"token": token})
            assert signed.status_code == 303
            assert (await client.get("/me")).json() == {"name": "ann", "scope": "write"}
            service.auth.revoke_user("ann", now=time.time())
            assert (await client.get("/me")).status_code == 401
            client.cookies.clear()
            assert (await client.get("/me", headers=headers)).status_code == 401

    # A server without a token of its own: its first user lets it listen, its last keeps it shut.
    main_in(tmp_path, "users", "create", "first", "--scope", "admin")
    asyncio.run(run())


def main_in(folder: Path, *arguments: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINIMASCOPE_DATA_DIR", str(folder))
        return main(arguments)


def test_users_are_made_listed_and_revoked_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main_in(tmp_path, "users", "create", "ann", "--scope", "read") == 0
    token = capsys.readouterr().out.strip()
    assert len(token) >= 43  # 256 bits in base64
    assert main_in(tmp_path, "users", "create", "ann") == 2
    assert main_in(tmp_path, "users", "create", "a/b") == 2
    assert main_in(tmp_path, "users", "revoke", "nobody") == 2
    assert main_in(tmp_path, "users", "revoke", "ann") == 0
    capsys.readouterr()
    assert main_in(tmp_path, "users", "list") == 0
    assert capsys.readouterr().out.split()[:3] == ["ann", "read", "revoked"]
    stored = (tmp_path / "minimascope.sqlite").read_bytes()
    assert token.encode() not in stored


def test_an_open_server_lets_nobody_lock_the_others_out(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path, token="", host="127.0.0.1") as (client, _):
            client.base_url = httpx.URL("http://127.0.0.1:1/api/v1")
            refused = await client.post("/users", json={"name": "mallory", "scope": "admin"})
            assert (refused.status_code, refused.json()["code"]) == (409, "open_server")
            assert (await client.get("/me")).json() == {"name": "anyone", "scope": "admin"}

    asyncio.run(run())


def test_what_was_changed_by_whom_is_written_down(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, service):
            ann, root = joined(service, "ann"), {"authorization": "Bearer root"}
            answer = await client.delete(f"/analyses/{NOBODYS}", headers=ann)
            await client.get("/analyses", headers=ann)
            while not (found := (await client.get("/audit", headers=root)).json()["items"]):
                await asyncio.sleep(0.01)
            [entry] = found
            assert (entry["user"], entry["method"], entry["status"]) == ("ann", "DELETE", 404)
            assert entry["path"] == f"/api/v1/analyses/{NOBODYS}"
            assert entry["request_id"] == answer.headers["x-request-id"]

    asyncio.run(run())


def test_uploads_are_limited_a_minute_and_person(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path, uploads_per_minute=2) as (client, service):
            ann, bob = joined(service, "ann"), joined(service, "bob")
            answers = [await client.post("/datasets", content=b"x", headers=ann) for _ in range(3)]
            assert [answer.status_code for answer in answers] == [202, 202, 429]
            assert (await client.post("/datasets", content=b"x", headers=bob)).status_code == 202

    asyncio.run(run())


def test_a_checkpoint_goes_with_its_analyses_where_that_is_asked_for(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, service):
            ann, bob = joined(service, "ann"), joined(service, "bob")
            stored = await client.post("/checkpoints", content=b"weights", headers=ann)
            await client.post("/checkpoints", content=b"weights", headers=bob)
            sha = stored.json()["id"]
            mine = analysis(service, await user_id(service, "ann"), sha)
            bobs = analysis(service, await user_id(service, "bob"), sha)
            path = f"/checkpoints/{sha}"
            for query, code in (("", "in_use"), ("?analyses=true", "not_ended")):
                refused = await client.delete(f"{path}{query}", headers=ann)
                assert (refused.status_code, refused.json()["code"]) == (409, code)
            await client.post(f"/analyses/{mine}/cancel", headers=ann)
            service.store.result(mine).mkdir()
            assert (await client.delete(f"{path}?analyses=true", headers=ann)).status_code == 204
            assert not service.store.result(mine).exists()
            for gone in (path, f"/analyses/{mine}"):
                assert (await client.get(gone, headers=ann)).status_code == 404
            # Bob's analysis and the bytes it needs stay.
            assert (await client.get(f"/analyses/{bobs}", headers=bob)).status_code == 200
            assert service.store.blob(sha).read_bytes() == b"weights"

    asyncio.run(run())


def test_only_owners_pin(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, service):
            ann, bob = joined(service, "ann"), joined(service, "bob")
            mine = analysis(service, await user_id(service, "ann"))
            assert (await client.put(f"/analyses/{mine}/pin", headers=bob)).status_code == 404
            pinned = await client.put(f"/analyses/{mine}/pin", headers=ann)
            assert pinned.json()["pinned"] is True
            unpinned = await client.delete(f"/analyses/{mine}/pin", headers=ann)
            assert unpinned.json()["pinned"] is False

    asyncio.run(run())
