"""`minimascope mcp` as a real process, asked by the SDK's own client: stdio, HTTP, and a server."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import numpy as np
import pytest
import torch
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

import minimascope
from tests.cases.script import trained
from tests.servers.in_thread import in_thread
from tests.servers.processes import Process, environment_of_tests

TOKEN = "a token of the tests"
COMMAND = [sys.executable, "-P", "-m", "minimascope", "mcp"]
QUICK = {
    "architecture": {"family": "mlp", "activation": "tanh"},
    "weight_decay": 0.02,
    "stages": ["spectrum"],
    "top_k": 2,
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder, script = tmp_path_factory.mktemp("files"), trained()
    torch.save(script.model.state_dict(), folder / "model.pt")
    np.savez(folder / "train.npz", X=script.X.numpy(), y=script.y.numpy())
    return {"checkpoint": str(folder / "model.pt"), "train": str(folder / "train.npz")}


async def the_whole_way(client: Client, files: dict[str, str]) -> None:
    """From files to numbers and a picture, and a mistake on the way."""
    begun = await client.call_tool("analyze", {**files, "parameters": QUICK})
    identifier = begun.content[0].text.split()[0]  # type: ignore[union-attr]
    heard: list[float] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        heard.append(done)

    asked: dict[str, Any] = {"identifier": identifier, "seconds": 200}
    ended = await client.call_tool("wait", asked, progress_callback=progress)
    assert "λ₁" in ended.content[0].text  # type: ignore[union-attr]
    assert all(0 <= each <= 1 for each in heard)
    drawn = await client.call_tool("draw", {"identifier": identifier, "figure": "spectrum"})
    assert drawn.content[0].mime_type == "image/png"  # type: ignore[union-attr]
    wrong = await client.call_tool("read", {"identifier": "nobody's"})
    assert wrong.is_error
    assert "There is no analysis" in wrong.content[0].text  # type: ignore[union-attr]


def test_over_standard_input_and_output(files: dict[str, str]) -> None:
    started = StdioServerParameters(
        command=COMMAND[0], args=COMMAND[1:], env=environment_of_tests()
    )

    async def ask() -> None:
        async with Client(started) as client:
            await the_whole_way(client, files)

    asyncio.run(ask())


@pytest.fixture(scope="module")
def over_http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("mcp") / "log"
    known = environment_of_tests(MINIMASCOPE_MCP_TOKEN=TOKEN)

    command = [*COMMAND, "--http", "0"]
    with Process("mcp", command, log=log, environment=known, stdout=subprocess.PIPE) as process:
        yield process.line().removeprefix("minimascope mcp: ")
        assert TOKEN not in process.log()


def test_over_http_with_its_token(over_http: str) -> None:
    async def ask() -> None:
        headers = {"authorization": f"Bearer {TOKEN}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=300) as http,
            Client(streamable_http_client(over_http, http_client=http)) as client,
        ):
            assert "analyze" in {tool.name for tool in (await client.list_tools()).tools}
            listed = await client.read_resource("minimascope://analyses")
            assert "no analysis yet" in listed.contents[0].text  # type: ignore[union-attr]
            wrong = await client.call_tool("inspect", {"path": "/none"})
            assert "There is no file '/none'" in wrong.content[0].text  # type: ignore[union-attr]

    asyncio.run(ask())


@pytest.mark.parametrize("shown", [None, "", "Bearer x", f"Bearer {TOKEN}x", TOKEN, "Bearer é"])
def test_nobody_else_is_let_in(over_http: str, shown: str | None) -> None:
    headers = {} if shown is None else {"authorization": shown.encode()}
    answer = httpx.post(over_http, json={"jsonrpc": "2.0"}, headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 401
    assert answer.json()["sentence"] == "The MCP server wants its token."


def test_a_page_of_somebody_else_cannot_reach_it(over_http: str) -> None:
    """DNS rebinding: the token does not help where the name is not this machine's."""
    headers = {"authorization": f"Bearer {TOKEN}", "host": "evil.example"}
    assert httpx.post(over_http, json={}, headers=headers).status_code in (403, 421)


def test_it_asks_a_server(tmp_path: Path) -> None:
    """Reports that the server has are read, drawn and compared; who may not is told so."""
    script = trained()
    given = (script.model, script.loader, script.criterion, script.optimizer)
    result = minimascope.analyze(*given, steps=60, top_k=2, stages=["spectrum"])
    with in_thread(tmp_path, token="root", worker_token="w") as server:
        for name in ("first", "second"):
            result.publish(server.url, name=name, token="root")
        asyncio.run(_ask_of(server.url, "root"))
        asyncio.run(_refused_by(server.url))


async def _ask_of(url: str, token: str) -> None:
    async with Client(_of(url, token)) as client:
        listed = (await client.call_tool("analyses", {})).content[0].text  # type: ignore[union-attr]
        second, first = (line.split()[0] for line in listed.splitlines())
        assert "first done" in listed
        read = await client.call_tool("read", {"identifier": first, "section": "spectrum"})
        assert '"eigenvalues"' in read.content[0].text  # type: ignore[union-attr]
        drawn = await client.call_tool("draw", {"identifier": first, "figure": "spectrum"})
        assert drawn.content[0].mime_type == "image/png"  # type: ignore[union-attr]
        both = await client.call_tool("compare", {"identifiers": [first, second]})
        assert "first" in both.content[0].text  # type: ignore[union-attr]


async def _refused_by(url: str) -> None:
    async with Client(_of(url, "wrong")) as client:
        refused = await client.call_tool("analyses", {})
        assert refused.is_error
        assert "\n" not in refused.content[0].text  # type: ignore[union-attr]


def _of(url: str, token: str) -> StdioServerParameters:
    known = environment_of_tests(MINIMASCOPE_TOKEN=token)
    return StdioServerParameters(
        command=COMMAND[0], args=[*COMMAND[1:], "--server", url], env=known
    )
