"""--schedule takes a name, or a file with the learning rate of every step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

from minimascope.cli.model_options import made, takes
from minimascope.cli.schedule_file import told_by
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError

RATES = [0.1, 0.1, 0.05, 0.025]


def parsed(*given: str) -> Parameters:
    found: list[Parameters] = []

    @takes(Parameters, or_file={"schedule": told_by})
    def run(asked: dict[str, Any]) -> None:
        found.append(made(Parameters, asked))

    app = typer.Typer(add_completion=False)
    app.command()(run)
    app([*given], standalone_mode=False)
    return found[0]


def lines(*given: object) -> str:
    return "\n".join(map(str, given))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rates.txt", lines(*RATES)),
        ("rates.csv", lines("step,lr", *(f"{i},{x}" for i, x in enumerate(RATES)))),
        ("rates.json", json.dumps(RATES)),
        ("rates.npy", None),
    ],
)
def test_a_file_says_their_sum_and_how_many_there_are(
    tmp_path: Path, name: str, text: str | None
) -> None:
    path = tmp_path / name
    if text is None:
        np.save(path, np.array(RATES))
    else:
        path.write_text(text)
    found = parsed("--optimizer=adamw", f"--schedule={path}", "--steps=4")
    assert (found.lr_sum, found.steps, found.schedule) == (pytest.approx(0.275), 4, None)


def test_a_name_is_still_a_name() -> None:
    found = parsed("--schedule=cosine", "--lr=0.1", "--steps=7")
    assert (found.schedule, found.lr_sum) == ("cosine", None)


@pytest.mark.parametrize(
    ("text", "also", "said"),
    [
        (lines(*RATES), ["--steps=5"], "--steps 5 was typed, and the file says 4"),
        (lines(*RATES), ["--lr=0.05"], "4 steps of at most 0.05 sum to 0.2 at most"),
        ("", [], "numbers of shape (0,), not one a step"),
        ("lr\nhigh", [], "holds no learning rates"),
        ("0.1\n-0.1", [], "not negative"),
        ("0.1\nnan", [], "finite"),
    ],
)
def test_a_file_that_cannot_be_is_refused_in_a_sentence(
    tmp_path: Path, text: str, also: list[str], said: str
) -> None:
    path = tmp_path / "rates.txt"
    path.write_text(text)
    with pytest.raises(ProblemError) as refused:
        parsed(f"--schedule={path}", *also)
    assert said in refused.value.sentence


def test_a_word_that_is_neither_is_refused_with_the_choices() -> None:
    with pytest.raises(ProblemError, match="There is no file 'cosin'"):
        parsed("--schedule=cosin")
