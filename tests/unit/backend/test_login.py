"""A browser signs in with the server's token and keeps a session, not the token."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from backend.app import create_app
from backend.auth.sessions import SESSION_SECONDS, good_session, new_session, session_token
from minimascope.contract.settings import Settings

SITE = "http://server.example:8717"
BROWSER = {"accept": "text/html,*/*"}


@asynccontextmanager
async def browser(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings(data_dir=tmp_path, host="0.0.0.0", token="secret"))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=SITE) as client:
        yield client
    app.state.services.close()


def test_signing_in_opens_pages_and_api_until_signing_out(tmp_path: Path) -> None:
    async def run() -> None:
        async with browser(tmp_path) as client:
            sent = await client.get("/", headers=BROWSER)
            assert (sent.status_code, sent.headers["location"]) == (303, "/login")
            form = await client.get("/login")
            assert "password" in form.text
            assert "script" not in form.text
            # With no-referrer a browser's form would say that it comes from the origin "null".
            assert form.headers["referrer-policy"] == "same-origin"
            signed = await client.post("/login", data={"token": "secret"})
            assert (signed.status_code, signed.headers["location"]) == (303, "/")
            cookie = signed.headers["set-cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=strict" in cookie
            assert "secret" not in cookie
            assert (await client.get("/api/v1/analyses")).status_code == 200
            await client.post("/logout", headers={"origin": SITE})
            assert (await client.get("/api/v1/analyses")).status_code == 401

    asyncio.run(run())


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 403), ({"origin": "http://evil.example"}, 403), ({"origin": SITE}, 404)],
)
def test_a_session_changes_nothing_for_another_sites_page(
    tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    async def run() -> None:
        async with browser(tmp_path) as client:
            await client.post("/login", data={"token": "secret"})
            answer = await client.delete(f"/api/v1/analyses/{'0' * 32}", headers=headers)
            assert answer.status_code == status

    asyncio.run(run())


def test_five_wrong_tokens_a_minute_and_no_more(tmp_path: Path) -> None:
    async def run() -> None:
        async with browser(tmp_path) as client:
            wrong = [await client.post("/login", data={"token": "guess"}) for _ in range(6)]
            assert [answer.status_code for answer in wrong] == [401] * 5 + [429]
            assert (await client.post("/login", data={"token": "secret"})).status_code == 429

    asyncio.run(run())


def test_a_session_ends_with_its_time_and_with_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    cookie = new_session("secret", token="ann")
    assert session_token(cookie) == "ann"
    assert good_session("secret", cookie)
    assert not good_session("other", cookie)
    nonce, user, at, signature = cookie.split(".")
    later = new_session("another", token="ann").split(".")[2]
    for forged in (
        "",
        ".",
        cookie[:-1] + "é",
        f"{nonce}.bob.{at}.{signature}",
        f"{nonce}.{user}.{at[::-1]}.{signature}",
        f"{nonce[::-1]}.{user}.{later}.{signature}",
    ):
        assert not good_session("secret", forged)
    monkeypatch.setattr(time, "time", lambda: now + SESSION_SECONDS - 1)
    assert good_session("secret", cookie)
    monkeypatch.setattr(time, "time", lambda: now + SESSION_SECONDS + 2)
    assert not good_session("secret", cookie)
