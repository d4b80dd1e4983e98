"""Which address answers what, without a browser."""

from __future__ import annotations

import subprocess
import sys

import httpx
import pytest

from tests.servers.recorded import GAUSS


@pytest.mark.parametrize("path", ["/", "/upload", "/jobs/any", "/analyses/any", "/compare"])
def test_pages_answer_200(address: str, path: str) -> None:
    assert httpx.get(address + path).status_code == 200


def test_unknown_page_is_404_with_a_page(address: str) -> None:
    answer = httpx.get(address + "/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("suite", ["nothing/nothing.js", "dash/nothing.js", "dcc/nothing.map"])
def test_unknown_component_suites_are_404(address: str, suite: str) -> None:
    answer = httpx.get(f"{address}/_dash-component-suites/{suite}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_unknown_api_address_is_a_problem_document(address: str) -> None:
    answer = httpx.get(address + "/api/v1/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"


def test_the_apps_own_routes_stay(address: str) -> None:
    assert "<title>minimascope API" in httpx.get(address + "/api/v1/docs").text
    assert httpx.get(address + "/api/v1/analyses/none").json()["code"] == "no_such_analysis"


def test_a_deep_link_carries_every_asset(address: str) -> None:
    page = httpx.get(address + f"/analyses/{GAUSS}").text
    for name in ("analysis/state.mjs", "10_page.css", "boot.js"):
        assert name in page


def test_a_script_is_compressed_once_and_read_back_whole(address: str) -> None:
    source = f"{address}/_dash-component-suites/plotly/package_data/plotly.min.js"
    packed = httpx.get(source)
    plain = httpx.get(source, headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text
    # Plotly is the largest file of a page that may weigh 3 MB
    assert int(packed.headers["content-length"]) < 1_600_000
    known = {"if-none-match": packed.headers["etag"]}
    assert httpx.get(source, headers=known).status_code == 304


def test_a_drawing_carries_its_origin_and_a_missing_one_says_so(address: str) -> None:
    drawing = httpx.get(f"{address}/drawings/{GAUSS}").json()
    assert drawing["about"]["id"] == GAUSS
    assert {"parameters", "seed", "versions"} <= set(drawing["about"])
    missing = httpx.get(f"{address}/drawings/none")
    assert (missing.status_code, missing.json()["code"]) == (404, "no_such_analysis")


def test_importing_the_dashboard_loads_no_torch() -> None:
    script = "import sys, dashboard.app; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
