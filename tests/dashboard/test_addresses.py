"""Which address answers what, without a browser."""

from __future__ import annotations

import subprocess
import sys

import httpx
import pytest


@pytest.mark.parametrize("path", ["/", "/upload", "/jobs/any", "/analyses/any", "/compare"])
def test_pages_answer_200(address: str, path: str) -> None:
    assert httpx.get(address + path).status_code == 200


def test_unknown_page_is_404_with_a_page(address: str) -> None:
    answer = httpx.get(address + "/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


def test_unknown_api_address_is_a_problem_document(address: str) -> None:
    answer = httpx.get(address + "/api/v1/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "no_such_address"


def test_the_apps_own_routes_stay(address: str) -> None:
    assert httpx.get(address + "/docs").text == "<title>API</title>"
    assert httpx.get(address + "/api/v1/analyses/none").json()["code"] == "no_such_analysis"


def test_a_deep_link_carries_every_asset(address: str) -> None:
    page = httpx.get(address + "/analyses/gauss").text
    for name in ("analysis_state.js", "10_page.css", "first_paint.js"):
        assert name in page


def test_importing_the_dashboard_loads_no_torch() -> None:
    script = "import sys, dashboard.app; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
