"""`minimascope.compare`: several results side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from typing_extensions import override

from minimascope.contract.problems import ProblemError
from minimascope.contract.report.key_numbers import key_numbers
from minimascope.contract.schemas import KeyNumbers
from minimascope.results import tables
from minimascope.results.result import Result
from minimascope.results.side_by_side import table


@dataclass(frozen=True)
class Comparison:
    """Key numbers of some results, a column each; `frame()` has them as a DataFrame."""

    results: tuple[Result, ...]
    names: tuple[str, ...]

    @override
    def __str__(self) -> str:
        pairs = zip(self.names, self.results, strict=True)
        return "\n".join(
            table(
                [
                    KeyNumbers(id=name, name=name, state="done", **key_numbers(each.report))
                    for name, each in pairs
                ]
            )
        )

    @override
    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"

    def frame(self) -> Any:
        """A DataFrame with a row a result."""
        return tables.frame([each.report for each in self.results], self.names)


def compare(results: Sequence[Result], names: Sequence[str] | None = None) -> Comparison:
    """Several results side by side, called `names` (1, 2, … where there are none).

    Raises ProblemError invalid_parameters.
    """
    found = tuple(results)
    called = tuple(names or (str(place) for place in range(1, len(found) + 1)))
    if not found or not all(isinstance(each, Result) for each in found):
        raise ProblemError("invalid_parameters", "compare takes a list of results of analyze.")
    if len(called) != len(found):
        raise ProblemError("invalid_parameters", f"{len(called)} names for {len(found)} results.")
    return Comparison(found, called)
