"""What is said of objects of a training script that cannot be used: one sentence each."""

from __future__ import annotations

from typing import Any

from minimascope.contract.problems import ProblemError


def data_unusable(sentence: str, advice: str = "") -> ProblemError:
    """No examples that can be gone over."""
    return ProblemError("data_unusable", sentence, advice)


def model_unusable(sentence: str, advice: str = "") -> ProblemError:
    """No network that can be looked into."""
    return ProblemError("model_unusable", sentence, advice)


def criterion_unusable(sentence: str, advice: str = "") -> ProblemError:
    """No mean or sum over examples."""
    return ProblemError("criterion_unusable", sentence, advice)


def optimizer_unusable(sentence: str, advice: str = "") -> ProblemError:
    """No optimiser, or another model's."""
    return ProblemError("optimizer_unusable", sentence, advice)


def named(value: Any) -> str:
    """What kind of thing it is, in words of the script."""
    return f"{type(value).__name__}"


def first_line(error: BaseException) -> str:
    """Of what a library raised, cut to what a sentence bears."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200].rstrip(".")
