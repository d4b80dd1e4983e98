"""Every field of a contract's model is an option, by its own name, choices, default and help."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import typer
from pydantic import BaseModel, Field

from minimascope.cli.commands import loaded
from minimascope.cli.model_options import made, takes
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.questions.slices import SliceRequest


class Asked(BaseModel):
    shape: dict[str, Any] | None = None
    kind: Literal["round", "square"] = Field("round", description="what it looks like")
    size: Annotated[int, Field(ge=1)] | None = None
    share: float = 0.5
    pair: tuple[float, float] = (1, 2)
    weights: list[float] = []
    parts: list[Literal["head", "foot"]] = ["head"]
    closed: bool = False
    must: str
    lambda_: float | None = None


def command() -> tuple[Any, list[Asked]]:
    received: list[Asked] = []

    @takes(Asked)
    def run(file: Path, asked: dict[str, Any], loud: bool = False) -> None:
        """What it does."""
        received.append(made(Asked, asked))

    app = typer.Typer()
    app.command("run")(run)
    return typer.main.get_command(app), received


def parsed(*argv: str) -> Asked:
    run, received = command()
    with run.make_context("run", ["file", "--must=x", *argv]) as context:
        run.invoke(context)
    return received[0]


def test_what_is_not_given_is_left_to_the_model() -> None:
    found = parsed()
    assert found == Asked(must="x")
    assert found.model_fields_set == {"must"}


def test_every_kind_of_field_is_read(tmp_path: Path) -> None:
    (tmp_path / "shape.json").write_text('{"corners": 3}')
    found = parsed(
        *(f"--shape={tmp_path / 'shape.json'}", "--kind=square", "--size=3", "--share", "-1e-3"),
        *("--pair", "-1,2", "--weights=1,2,", "--parts=foot,head", "--closed=yes", "--lambda=2"),
    )
    assert found.shape == {"corners": 3}
    assert (found.kind, found.size, found.share, found.pair) == ("square", 3, -1e-3, (-1, 2))
    assert (found.weights, found.parts) == ([1, 2], ["foot", "head"])
    assert (found.closed, found.lambda_) == (True, 2)
    assert parsed('--shape={"corners": 4}').shape == {"corners": 4}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("--size=0", "--size: Input should be greater than or equal to 1 (given '0')."),
        ("--weights=1,x", "--weights: "),
        ("--pair=1", "--pair takes 2 values separated by commas, not '1'."),
        ("--shape=[1]", "--shape is no JSON object"),
        ("--shape=/no/such", "There is no file '/no/such'."),
        ("--parts=arm", "(given 'arm')."),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_option(given: str, words: str) -> None:
    with pytest.raises(ProblemError) as refused:
        parsed(given)
    assert words in refused.value.sentence


def test_help_is_the_fields_own() -> None:
    run, _ = command()
    options = {each.name: each for each in run.params}
    assert options["kind"].help == "what it looks like; default round"
    assert (options["pair"].metavar, options["pair"].help) == ("A,B", "default 1,2")
    assert options["parts"].help == "of head, foot"
    assert options["must"].required
    assert [each.name for each in run.params[:3]] == ["file", "shape", "kind"]
    assert run.help == "What it does."


@pytest.mark.parametrize(
    ("name", "model"),
    [("analyze", Parameters), ("submit", Parameters), ("slice", SliceRequest)],
)
def test_commands_have_an_option_for_every_field(name: str, model: type[BaseModel]) -> None:
    options = {option: each for each in loaded(name).params for option in each.opts}
    for field, described in model.model_fields.items():
        assert described.description, field
        assert described.description in options["--" + field.replace("_", "-")].help


def test_a_report_of_the_options_is_the_request() -> None:
    given = {"top_k": "4", "lambdas": ["1e-3", "1e-2"], "weight_decay": "0.1", "loss": "mse"}
    found = json.loads(made(Parameters, given).model_dump_json())
    assert (found["top_k"], found["lambdas"], found["weight_decay"]) == (4, [1e-3, 1e-2], 0.1)
