"""What went wrong, in one sentence a person can act on.

Every refusal of the product, in the browser, over REST, on the command line and in a stored
result, is a `ProblemError`: a stable code for programs, a sentence for people, what to do next. The
codes stand in `minimascope.contract.problem_codes`.
"""

from __future__ import annotations

from typing import Any

from minimascope.contract.problem_codes import PROBLEMS


class ProblemError(Exception):
    """A refusal with a stable code.

    `code` is snake_case and never changes meaning; `sentence` says what is wrong with the
    offending value in it; `advice` says what to do; `status` is the HTTP status it maps to. The
    latter two are the code's own where the place that refuses says nothing else. ValueError for a
    code that is not registered.
    """

    def __init__(
        self, code: str, sentence: str, advice: str = "", *, status: int | None = None
    ) -> None:
        row = PROBLEMS.get(code)
        if row is None:
            raise ValueError(f"{code!r} is no registered problem.")
        self._fill(code, sentence, advice or row.advice, status or row.status)

    def _fill(self, code: str, sentence: str, advice: str, status: int) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.advice = advice
        self.status = status

    def as_dict(self) -> dict[str, Any]:
        """The wire form, used in stored failures and in problem+json bodies."""
        return {
            "code": self.code,
            "sentence": self.sentence,
            "advice": self.advice,
            "status": self.status,
        }

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> ProblemError:
        """Inverse of `as_dict`; another version's code is taken as it is."""
        problem = cls.__new__(cls)
        problem._fill(
            str(value["code"]),
            str(value["sentence"]),
            str(value.get("advice", "")),
            int(value.get("status", 422)),
        )
        return problem

    def line(self) -> str:
        """One line for a terminal."""
        return f"{self.sentence} {self.advice}".strip()


NO_SUCH = {
    "analysis": "no_such_analysis",
    "checkpoint": "no_such_checkpoint",
    "dataset": "no_such_dataset",
    "descent": "no_such_descent",
    "interpolation": "no_such_interpolation",
    "job": "no_such_job",
    "slice": "no_such_slice",
    "token": "no_such_token",
    "transfer": "no_such_transfer",
    "user": "no_such_user",
}


def missing(what: str, identifier: str) -> ProblemError:
    """A thing of this kind that is not there, or is somebody else's (404)."""
    return ProblemError(NO_SUCH[what], f"There is no {what} {identifier[:80]!r}.", status=404)
