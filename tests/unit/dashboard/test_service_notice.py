"""What the page says of the service is what readiness says."""

from __future__ import annotations

from dashboard.pages.service_notice import sentences


def test_the_page_says_what_is_wrong_and_nothing_to_a_guest() -> None:
    no_worker = {"ok": False, "sentence": "There is no worker for analyses: analyses wait."}
    ready = {"checks": {"database": {"ok": True, "sentence": ""}, "analyses_worker": no_worker}}
    assert sentences(ready) == [no_worker["sentence"]]
    assert sentences({"checks": {"analyses_worker": {"ok": False}}}) == []
    assert sentences({}) == []
