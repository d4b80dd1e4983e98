"""The pages of the real service behind a token: policy, foreign hosts and sites, shared links."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, expect

from minimascope.client import Client
from tests.browser.conftest import watched
from tests.servers.serve import Served

TOKEN = "root"
LIST = "/api/v1/analyses"
SAFE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`serve` with the demo minima and no worker.

    Of its own process: Dash keeps callbacks and their inline scripts in globals, and a second app
    here would leave the first one's pages with scripts that their policy does not name.
    """
    settings = {"TOKEN": TOKEN, "WORKER_TOKEN": "w"}
    # The compare page still waits for the worker that is not there; its end says so.
    with Served(tmp_path_factory.mktemp("data"), settings, ("--no-worker",), quiet=False) as server:
        yield server.url


@pytest.fixture(scope="module")
def demo(locked: str) -> str:
    with Client(locked, TOKEN) as client:
        return client.analyses().items[0].id


def shared(locked: str, demo: str) -> str:
    """A new key for the analysis."""
    place = f"{locked}/api/v1/analyses/{demo}/share"
    answer = httpx.post(place, headers={"authorization": f"Bearer {TOKEN}"})
    return str(answer.json()["key"])


def test_a_shared_link_is_the_first_page_ever_asked_for_and_only_reads(
    locked: str, demo: str, browser: Browser
) -> None:
    link = f"{locked}/analyses/{demo}?share={shared(locked, demo)}"
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    for page in watched(context, locked):
        page.goto(link)
        page.wait_for_selector("#boundary .heatmaplayer image")
        page.wait_for_selector("#detail .scatterlayer .trace")
        # The state in the address changes; the key in the cookie stays.
        page.goto(f"{locked}/analyses/{demo}?vector=2")
        page.wait_for_selector("#boundary .heatmaplayer image")
        [kept] = [c for c in context.cookies() if c["name"].endswith(demo)]
        assert (kept["httpOnly"], kept["sameSite"]) == (True, "Strict")
        page.goto(f"{locked}/")
        expect(page).to_have_url(f"{locked}/login")
        headers = {"origin": locked}
        cancel = page.request.post(f"{locked}/api/v1/analyses/{demo}/cancel", headers=headers)
        assert cancel.status == 403


def test_who_signed_in_copies_such_a_link_and_no_page_breaks_its_policy(
    locked: str, demo: str, browser: Browser
) -> None:
    context = browser.new_context(base_url=locked)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    for page in watched(context, locked):
        page.goto("/login")
        page.fill("[name=token]", TOKEN)
        page.click("button")
        page.wait_for_selector(".list")
        pair = ",".join(item["id"] for item in page.request.get(LIST).json()["items"][:2])
        for path, selector in {
            "/upload": "#drop-checkpoint[data-state]",
            f"/jobs/{demo}": ".stage-done",
            f"/compare?ids={pair}": ".compare-said",
            f"/analyses/{demo}": "#detail .scatterlayer .trace",
        }.items():
            page.goto(path)
            page.wait_for_selector(selector)
        page.click(".page-head .menu >> nth=1")
        page.click("[data-copy=share]")
        expect(page.locator("#announce")).to_contain_text("Copied")
        link = page.evaluate("navigator.clipboard.readText()")
        assert link.startswith(f"{locked}/analyses/{demo}?")
        reader = {"accept": "text/html"}
        assert httpx.get(link, headers=reader).status_code == 200
        page.click(".page-head .menu >> nth=1")
        page.click("[data-copy=unshare]")
        expect(page.locator("#announce")).to_contain_text("have ended")
        assert httpx.get(link, headers=reader).status_code == 303


def test_a_wrong_or_ended_link_leads_to_the_login(locked: str, demo: str) -> None:
    page = {"accept": "text/html"}
    old, new = shared(locked, demo), shared(locked, demo)
    for key, status in ((old, 303), ("x", 303), (new, 200)):
        place = f"{locked}/analyses/{demo}?share={key}"
        assert httpx.get(place, headers=page).status_code == status
    elsewhere = f"{locked}/analyses/{'0' * 32}?share={new}"
    assert httpx.get(elsewhere, headers=page).status_code == 303


def test_pages_carry_their_policy_and_the_security_headers(locked: str) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    for path in ("/", "/upload", "/compare", "/analyses/any", "/nothing"):
        answer = httpx.get(locked + path, headers=headers)
        policy = answer.headers["content-security-policy"]
        rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
        assert "unsafe" not in rules["script-src"], path
        assert rules["frame-ancestors"] == rules["default-src"] == "'none'"
        assert {name: answer.headers[name] for name in SAFE} == SAFE
    assert "script-src" not in httpx.get(f"{locked}/login").headers["content-security-policy"]


def test_pages_answer_no_other_host_and_no_other_site(locked: str) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    rebound = httpx.get(f"{locked}/", headers={**headers, "host": "evil.example"})
    assert (rebound.status_code, rebound.json()["code"]) == (421, "wrong_host")
    foreign = {**headers, "origin": "https://evil.example"}
    callback = httpx.post(f"{locked}/_dash-update-component", headers=foreign, json={})
    assert (callback.status_code, callback.json()["code"]) == (403, "wrong_origin")


def test_an_injected_script_does_not_run(locked: str, demo: str, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{locked}/analyses/{demo}?share={shared(locked, demo)}")
    script = """() => new Promise((done) => {
      document.addEventListener('securitypolicyviolation', (e) => done(e.effectiveDirective));
      const script = document.createElement('script');
      script.textContent = 'window.injected = true';
      document.head.append(script);
      setTimeout(() => done(window.injected ? 'it ran' : 'nothing'), 3000);
    })"""
    assert page.evaluate(script) == "script-src-elem"
    assert page.evaluate("() => window.injected") is None
    context.close()
