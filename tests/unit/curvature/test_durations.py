"""Forecasts are said in the unit a person would choose."""

import pytest

from minimascope.curvature.running.durations import duration, duration_between


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.00123, "1.2 ms"),
        (0.045, "45 ms"),
        (0.9994, "999 ms"),
        (1.0, "1 s"),
        (119.0, "119 s"),
        (210.0, "3.5 min"),
        (7199.0, "120 min"),
        (65_000.0, "18 h"),
    ],
)
def test_a_duration_is_no_long_number(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_a_range_is_in_the_unit_of_its_middle() -> None:
    assert duration_between(65_000.0, 38_000.0, 120_000.0) == "18 h (11 to 33)"
    assert duration_between(0.5, 0.3, 2.5) == "500 ms (300 to 2,500)"
