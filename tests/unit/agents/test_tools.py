"""The tools as an agent uses them, by the SDK's own client: a whole way, and what it gets wrong."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from mcp import Client
from mcp.shared.exceptions import MCPError
from PIL import Image

from minimascope.agents.here import Here
from minimascope.agents.minima import Order, Standing
from minimascope.agents.refusing import Refusing
from minimascope.agents.serving import server
from minimascope.agents.tools import Tools
from tests.cases.script import DECAY, Trained, trained

T = TypeVar("T")
TOLD = {"architecture": {"family": "mlp", "activation": "tanh"}, "weight_decay": DECAY, "top_k": 3}


def files(folder: Path, script: Trained) -> dict[str, str]:
    torch.save(script.model.state_dict(), folder / "model.pt")
    np.savez(folder / "train.npz", X=script.X.numpy(), y=script.y.numpy())
    np.savez(folder / "test.npz", X=script.test[0].numpy(), y=script.test[1].numpy())
    paths = {"checkpoint": "model.pt", "train": "train.npz", "test": "test.npz"}
    return {role: str(folder / name) for role, name in paths.items()}


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return files(tmp_path_factory.mktemp("files"), trained())


@pytest.fixture(scope="module")
def served() -> Refusing:
    return server(Here())


def asked(served: Refusing, question: Callable[[Client], Awaitable[T]]) -> T:
    async def ask() -> T:
        async with Client(served) as client:
            return await question(client)

    return asyncio.run(ask())


def called(served: Refusing, tool: str, **arguments: Any) -> Any:
    return asked(served, lambda client: client.call_tool(tool, arguments))


def text(answer: Any) -> str:
    assert not answer.is_error, answer.content
    return str(answer.content[0].text)


def refusal(answer: Any) -> str:
    """One sentence or two, on one line, without anything of pydantic or the SDK."""
    assert answer.is_error
    [content] = answer.content
    said = str(content.text)
    assert "\n" not in said
    assert "Error executing" not in said
    assert "pydantic" not in said
    assert said.endswith((".", "?"))
    return said


@pytest.fixture(scope="module")
def finished(served: Refusing, given: dict[str, str]) -> str:
    """The id of an analysis that ended."""
    begun = text(called(served, "analyze", **given, name="small", parameters=TOLD))
    identifier = begun.split()[0]
    found = text(called(served, "wait", identifier=identifier, seconds=200))
    assert "small done" in found.splitlines()[0]
    assert "Expect test loss" in found or "No estimate" in found
    return identifier


def test_it_says_what_it_can_do(served: Refusing) -> None:
    listed = asked(served, lambda client: client.list_tools()).tools
    names = {tool.name for tool in listed}
    assert names == {
        "inspect", "weights", "analyze", "wait", "analyses", "read", "compare", "draw"
    }  # fmt: skip
    assert all(len(tool.description or "") > 40 for tool in listed)
    analyze = next(tool for tool in listed if tool.name == "analyze")
    # An agent reads how to say the training from the contract itself.
    assert "spectrum_examples" in json.dumps(analyze.input_schema)
    assert "minima" not in analyze.input_schema["properties"]


def test_files_are_inspected(served: Refusing, given: dict[str, str]) -> None:
    found = json.loads(text(called(served, "inspect", path=given["checkpoint"])))
    assert (found["parameters"], found["suggested"][0]["widths"]) == (39, [2, 6, 3])
    data = json.loads(text(called(served, "inspect", path=given["train"])))
    assert (data["n"], data["classes"]) == (36, 3)


def test_weights_speak_without_data(served: Refusing, given: dict[str, str]) -> None:
    assert "0.weight" in text(called(served, "weights", path=given["checkpoint"]))


def test_a_report_is_read_whole_and_by_section(served: Refusing, finished: str) -> None:
    assert "weight decay     0.02 on all" in text(called(served, "read", identifier=finished))
    gap = json.loads(text(called(served, "read", identifier=finished, section="gap")))["gap"]
    assert gap["verdict"] in ("reliable", "uncertain", "no_estimate")
    whole = asked(served, lambda c: c.read_resource(f"minimascope://reports/{finished}"))
    [content] = whole.contents
    assert json.loads(str(content.text))["gap"]["verdict"] == gap["verdict"]  # type: ignore[union-attr]
    assert finished in text(called(served, "analyses"))
    terms = asked(served, lambda c: c.read_resource("minimascope://terms")).contents[0]
    assert "soft rank" in str(terms.text)  # type: ignore[union-attr]


@pytest.mark.parametrize("figure", ["boundary", "spectrum"])
def test_a_picture_comes_back(served: Refusing, finished: str, figure: str) -> None:
    answer = called(served, "draw", identifier=finished, figure=figure)
    picture, words = answer.content
    assert picture.mime_type == "image/png"
    drawn = Image.open(io.BytesIO(base64.b64decode(picture.data)))
    assert drawn.format == "PNG"
    assert min(drawn.size) > 300
    assert len(drawn.getcolors(1 << 24) or ()) > 20  # something was drawn
    assert "Other figures" in words.text


def test_minima_are_compared(served: Refusing, finished: str, given: dict[str, str]) -> None:
    order = {**given, "name": "less decay", "parameters": {**TOLD, "stages": ["spectrum"]}}
    second = text(called(served, "analyze", **order)).split()[0]
    text(called(served, "wait", identifier=second, seconds=200))
    said = text(called(served, "compare", identifiers=[finished, second]))
    assert "small" in said
    assert "less decay" in said
    assert "λ₁" in said


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "no such file": ("inspect", {"path": "/none.pt"}, "There is no file '/none.pt'"),
    "no path": ("inspect", {}, "path: Field required."),
    "a kind that is none": ("inspect", {"path": "x", "kind": "video"}, "kind: Input should be"),
    "no such analysis": ("read", {"identifier": "abc"}, "There is no analysis 'abc'"),
    "no such section": ("read", {"identifier": "DONE", "section": "gaps"}, "no section 'gaps'"),
    "no such figure": ("draw", {"identifier": "DONE", "figure": "cat"}, "nothing to draw as 'cat'"),
    "no such eigenvector": ("draw", {"identifier": "DONE", "v": 99}, "no eigenvector 99"),
    "one alone": ("compare", {"identifiers": ["a"]}, "identifiers: List should have at least 2"),
    "endless": ("wait", {"identifier": "DONE", "seconds": 1e9}, "seconds: Input should be less"),
    "a saved report that is none": ("read", {"identifier": "TRAIN"}, "is no saved report"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_a_sentence(
    served: Refusing, finished: str, given: dict[str, str], name: str
) -> None:
    tool, arguments, expected = WRONG[name]
    known = {"DONE": finished, "TRAIN": given["train"]}
    filled = {k: known.get(v, v) if isinstance(v, str) else v for k, v in arguments.items()}
    assert expected in refusal(called(served, tool, **filled))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"weight_decay": -1}, "parameters.weight_decay: Input should be greater"),
        ({"loss": "hinge"}, "parameters.loss: Input should be"),
        ({"colour": "red"}, "parameters.colour: Extra inputs are not permitted"),
        ({"architecture": None}, "These are bare weights: they need an architecture"),
    ],
)
def test_a_parameter_that_is_none_is_named(
    served: Refusing, given: dict[str, str], changed: dict[str, Any], expected: str
) -> None:
    said = refusal(called(served, "analyze", **given, parameters=TOLD | changed))
    assert expected in said


def test_what_a_server_has_already_is_named_by_its_id() -> None:
    asked: list[Order] = []

    class There(Here):
        def submit(self, order: Order) -> Standing:
            asked.append(order)
            return Standing("1", "", "queued", 0.0, "", None)

    Tools(There()).analyze("a" * 64, "b" * 64)
    assert asked[0].checkpoint == "a" * 64


def test_an_analysis_that_fails_says_why(served: Refusing, given: dict[str, str]) -> None:
    wrong = {**TOLD, "architecture": {"family": "mlp", "activation": "tanh", "widths": [5, 3]}}
    begun = text(called(served, "analyze", **given, parameters=wrong)).split()[0]
    said = text(called(served, "wait", identifier=begun, seconds=200))
    assert " failed " in said
    assert "\n" not in said


def test_a_resource_that_is_not_there_is_an_error_in_words(served: Refusing) -> None:
    async def ask(client: Client) -> None:
        with pytest.raises(MCPError, match="There is no analysis 'abc'"):
            await client.read_resource("minimascope://reports/abc")

    asked(served, ask)


def test_without_pillow_it_says_what_to_install(
    served: Refusing, finished: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.delitem(sys.modules, "minimascope.figures.static_png", raising=False)
    said = refusal(called(served, "draw", identifier=finished, figure="spectrum"))
    assert "pip install 'minimascope[mcp]'" in said
