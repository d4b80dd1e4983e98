"""`compare` as a table: intervals stand below their estimates, what nobody has is left out."""

from __future__ import annotations

from minimascope.contract.schemas import KeyNumbers
from minimascope.results.side_by_side import table


def test_intervals_and_where_the_measured_gap_lies_are_lines_of_the_table() -> None:
    told = KeyNumbers(
        id="a" * 32,
        name="one",
        state="done",
        verdict="uncertain",
        gap_estimate=0.102,
        gap_half=(0.08, 0.13),
        gap_ninety=(0.0523, 0.198),
        gap_measured=0.07,
        gap_measured_error=0.016,
        gap_lies="inside",
    )
    disowned = KeyNumbers(id="b" * 32, name="two", state="done", verdict="no_estimate")
    lines = {line.split("  ")[0]: line for line in table([told, disowned])}
    assert "0.0523 to 0.198" in lines["… 90% interval"]
    assert "0.08 to 0.13" in lines["… 50% interval"]
    assert lines["gap, estimated"].split()[-2:] == ["0.102", "–"]
    assert "inside" in lines["… and the 90%"]
    assert lines["verdict"].split() == ["verdict", "uncertain", "no_estimate"]
    assert "λ₁" not in lines
