"""An MCP server whose refusals are one clear sentence: what is wrong, and what to do."""

from __future__ import annotations

from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ToolError
from pydantic import ValidationError
from typing_extensions import override

from minimascope.contract.problems import ProblemError


class Refusing(MCPServer[Any]):
    """The SDK's, which would name the tool and print pydantic's own list of errors."""

    @override
    async def call_tool(self, *arguments: Any, **named: Any) -> Any:
        try:
            return await super().call_tool(*arguments, **named)
        except ToolError as error:
            raise _said(error, ToolError) from error.__cause__

    @override
    async def read_resource(self, *arguments: Any, **named: Any) -> Any:
        try:
            return await super().read_resource(*arguments, **named)
        except ResourceError as error:
            raise _said(error, ResourceError) from error.__cause__


def _said(error: Exception, kind: type[Exception]) -> Exception:
    """The same in a sentence; anything unforeseen stays as it is, with its trace in the log."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ProblemError):
            return kind(cause.line())
        if isinstance(cause, ValidationError):
            return kind(sentence(cause))
        cause = cause.__cause__
    return error


def sentence(error: ValidationError) -> str:
    """The first thing that is wrong with what was given."""
    first = error.errors()[0]
    place = ".".join(str(each) for each in first["loc"])
    said = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
    missing = first["type"] == "missing"
    given = "" if missing else f" (given {first['input']!r:.200})"
    return f"{place}: {said}{given}." if place else f"{said}{given}."
