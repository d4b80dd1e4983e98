"""Pages of a server that answers late, out of order, or not at the first time."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.servers.recorded import GAUSS, LIVE, Recorded

STAGE = {"stage": "gap", "state": "done", "seconds": 3.0}


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """Without the watch on console errors: refusals are what these tests are about."""
    context = browser.new_context(base_url=address)
    opened = context.new_page()
    opened.set_default_timeout(90_000)
    yield opened
    context.close()


def test_an_answer_older_than_the_end_does_not_undo_it(page: Page, recorded: Recorded) -> None:
    late: list[Route] = []  # the answers that the end of a stage asks for, held back
    ended = recorded.analysis(LIVE, state="failed").model_dump_json()
    frames = f"event: stage\ndata: {json.dumps(STAGE)}\n\nevent: state\ndata: {ended}\n\n"

    def events(route: Route) -> None:
        route.fulfill(body=frames, headers={"content-type": "text/event-stream"})

    page.route(f"**/api/v1/analyses/{LIVE}", lambda route: late.append(route))
    page.route(f"**/api/v1/analyses/{LIVE}/events", events)
    page.goto(f"/jobs/{LIVE}")
    expect(page.locator(".job-state")).to_have_text("Failed")
    assert late
    for route in late:
        route.fulfill(body=recorded.analysis(LIVE).model_dump_json())
    page.wait_for_timeout(500)
    expect(page.locator(".job-state")).to_have_text("Failed")


def test_a_change_while_an_answer_is_on_its_way_is_asked_for(
    page: Page, recorded: Recorded
) -> None:
    asked: list[Route] = []
    frames = f"event: stage\ndata: {json.dumps(STAGE)}\n\n" * 2

    def answer(route: Route) -> None:
        asked.append(route)
        message = f"answer {len(asked)}"
        found = recorded.analysis(LIVE, message=message)
        route.fulfill(body=found.model_dump_json())

    def events(route: Route) -> None:
        body = "retry: 60000\n" + frames
        route.fulfill(body=body, headers={"content-type": "text/event-stream"})

    page.route(f"**/api/v1/analyses/{LIVE}", answer)
    page.route(f"**/api/v1/analyses/{LIVE}/events", events)
    page.goto(f"/jobs/{LIVE}")
    expect(page.locator(".job-message")).to_have_text("answer 2")


def test_figures_of_a_busy_server_are_asked_for_again(page: Page) -> None:
    refused: list[str] = []

    def busy_at_first(route: Route) -> None:
        if len(refused) < 2:
            refused.append(route.request.url)
            route.fulfill(status=503, body='{"sentence": "The workers are busy."}')
        else:
            route.continue_()

    page.route(f"**/drawings/{GAUSS}", busy_at_first)
    page.goto(f"/analyses/{GAUSS}")
    page.wait_for_selector("#spectrum .scatterlayer .trace")
    assert len(refused) == 2
    expect(page.locator("#analysis-problem")).to_be_empty()
