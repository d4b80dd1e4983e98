"""Tokens end, are several a user, and are changed for new ones by whoever has them; links end."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.auth.users import new_token, new_user
from backend.storage.tables import AnalysisRow, TokenRow
from minimascope.cli import main
from tests.unit.backend.in_process import SITE, analysis, api, joined, user_id

ROOT = {"authorization": "Bearer root"}


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def test_a_token_ends_with_its_date_and_so_do_its_sessions(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, service):
            token = new_user(service.auth, "ann", "write", until=time.time() + 3600).token
            assert (await client.post(f"{SITE}/login", data={"token": token})).status_code == 303
            assert (await client.get("/me")).status_code == 200
            assert (await client.get("/me", headers=bearer(token))).status_code == 200
            with service.auth.write() as session:  # an hour passes
                session.query(TokenRow).update({"expires_at": time.time() - 1})
            assert (await client.get("/me", headers=bearer(token))).status_code == 401
            assert (await client.get("/me")).status_code == 401  # the session it opened

    asyncio.run(run())


def test_a_user_changes_a_token_for_a_new_one_without_an_interruption(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path, token_days=10.0) as (client, service):
            old, other = joined(service, "ann", "read"), joined(service, "bob")
            made = (await client.post("/me/tokens", json={"label": "ci"}, headers=old)).json()
            new = bearer(made["secret"])
            for headers in (old, new):
                assert (await client.get("/me", headers=headers)).json()["name"] == "ann"
            found = (await client.get("/me/tokens", headers=new)).json()["items"]
            assert {each["label"] for each in found} == {"", "ci"}
            assert made["secret"] not in str(found)
            first = next(each["id"] for each in found if each["label"] == "")
            refused = await client.delete(f"/me/tokens/{first}", headers=other)
            assert (refused.status_code, refused.json()["code"]) == (404, "no_such_token")
            assert (await client.delete(f"/me/tokens/{first}", headers=new)).status_code == 204
            assert (await client.get("/me", headers=old)).status_code == 401
            assert (await client.get("/me", headers=new)).status_code == 200
            # Nobody gives themselves a longer life than new tokens have, or one without an end.
            for days in (0, 5000):
                longer = await client.post("/me/tokens", json={"days": days}, headers=new)
                ends = datetime.fromisoformat(longer.json()["token"]["expires_at"])
                assert ends < datetime.now(UTC) + timedelta(days=10.1)
            assert (await client.get("/me/tokens", headers=ROOT)).status_code == 403

    asyncio.run(run())


def test_an_admin_gives_a_user_several_tokens_and_ends_one(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, service):
            ann = joined(service, "ann")
            body = {"label": "laptop", "days": 7}
            made = (await client.post("/users/ann/tokens", json=body, headers=ROOT)).json()
            assert (await client.get("/me", headers=bearer(made["secret"]))).status_code == 200
            ends = datetime.fromisoformat(made["token"]["expires_at"])
            assert timedelta(days=6.9) < ends - datetime.now(UTC) < timedelta(days=7.1)
            place = f"/users/ann/tokens/{made['token']['id']}"
            assert (await client.delete(place, headers=ann)).status_code == 403
            assert (await client.delete(place, headers=ROOT)).status_code == 204
            assert (await client.get("/me", headers=bearer(made["secret"]))).status_code == 401
            assert (await client.get("/me", headers=ann)).status_code == 200
            await client.delete("/users/ann", headers=ROOT)
            refused = await client.post("/users/ann/tokens", json={}, headers=ROOT)
            assert refused.json()["code"] == "no_such_user"

    asyncio.run(run())


def test_the_command_line_makes_lists_and_ends_tokens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*arguments: str) -> str:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MINIMASCOPE_DATA_DIR", str(tmp_path))
            assert main(("users", *arguments)) == 0
        return capsys.readouterr().out

    said("create", "ann")
    secret = said("token", "ann", "--label", "ci", "--days", "1").strip()
    assert len(secret) >= 43
    lines = said("tokens", "ann").splitlines()
    assert len(lines) == 2
    assert "ci" in lines[0]
    assert "until" in lines[0]
    said("revoke", "ann", "--token", lines[0].split()[0])
    assert "ended" in said("tokens", "ann").splitlines()[0]
    said("limit", "ann", "--quota-bytes", "5", "--high-priority")
    assert "5 bytes, may go first" in said("list")


def test_a_shared_link_ends_with_its_date(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, service):
            ann = joined(service, "ann")
            identifier = analysis(service, await user_id(service, "ann"))
            place = f"/analyses/{identifier}"
            made = (await client.post(f"{place}/share", headers=ann)).json()
            ends = datetime.fromisoformat(made["expires_at"])
            assert timedelta(days=29) < ends - datetime.now(UTC) < timedelta(days=31)
            short = {"days": 1}
            made = (await client.post(f"{place}/share", json=short, headers=ann)).json()
            query: dict[str, Any] = {"share": made["key"]}
            assert (await client.get(place, params=query)).status_code == 200
            with service.auth.write() as session:  # a day passes
                session.query(AnalysisRow).update({"share_until": time.time() - 1})
            assert (await client.get(place, params=query)).status_code == 401
            bob = joined(service, "bob")
            assert (await client.get(place, params=query, headers=bob)).status_code == 404
            assert (await client.get(place, headers=ann)).status_code == 200
            # Retention counts it as shared no longer.
            service.analyses.repository.cancel(identifier, now=1.0)
            assert service.retention.disposable_analyses(ended_before=2.0) == [identifier]

    asyncio.run(run())


def test_the_metrics_token_reads_figures_and_nothing_else(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path, metrics_token="scrape") as (client, service):
            prometheus = new_user(service.auth, "prometheus", "metrics").token
            for secret in ("scrape", prometheus):
                headers = bearer(secret)
                for path in ("/metrics", "/metrics/alerts.yml", "/metrics/dashboard.json"):
                    assert (await client.get(path, headers=headers)).status_code == 200, path
                for path in ("/me", "/analyses", "/datasets", "/users", "/usage", "/audit"):
                    assert (await client.get(path, headers=headers)).status_code in (401, 403), path
                answer = await client.post(f"{SITE}/login", data={"token": secret})
                assert answer.status_code == 401
            assert (await client.get("/metrics", headers=joined(service, "ann"))).status_code == 403
            second = new_token(service.auth, "prometheus").secret
            assert (await client.get("/metrics", headers=bearer(second))).status_code == 200

    asyncio.run(run())
