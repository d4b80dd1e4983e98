"""How often within a minute, by key."""

from __future__ import annotations

import pytest

from backend.http.rate_limits import Rate
from minimascope.contract.problems import ProblemError


def test_the_limit_counts_the_last_minute_of_one_key() -> None:
    rate = Rate("too_many_uploads", "uploads came")
    for now in (0.0, 30.0):
        rate.check("ann", limit=2, now=now)
        rate.count("ann", now=now)
    with pytest.raises(ProblemError) as refused:
        rate.check("ann", limit=2, now=59.0)
    assert (refused.value.status, refused.value.advice) == (429, "Wait a minute.")
    rate.check("bob", limit=2, now=59.0)
    rate.check("ann", limit=2, now=61.0)


def test_keys_that_never_come_again_take_no_room() -> None:
    rate = Rate("too_many_attempts", "wrong tokens came")
    for number in range(1000):
        rate.count(f"10.0.0.{number}", now=number / 100)
    rate.count("another", now=200.0)
    assert len(rate._times) == 1
