"""The reference of REST, from the document that the server itself gives at `openapi.json`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from backend.app import PREFIX, create_app
from minimascope.contract.settings import Settings

METHODS = ("get", "post", "put", "patch", "delete")
BEGIN = f"""# REST

All paths are below `{PREFIX}`. A server describes itself at `{PREFIX}/docs`, to try it out, and at
`{PREFIX}/openapi.json`, for programs. What is refused is a problem document (RFC 9457) with one of
the [codes](../problems.md). Where users are set up, `Authorization: Bearer TOKEN` says who asks.
"""


def described() -> dict[str, Any]:
    """The OpenAPI document of a server that is made for it and goes."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings(data_dir=Path(folder)))
        mounted: Any = next(each for each in app.routes if getattr(each, "path", "") == PREFIX)
        found: dict[str, Any] = mounted.app.openapi()
        app.state.services.close()
    return found


def rest_page() -> str:
    """A section a tag or first part of the path, an operation a heading."""
    document = described()
    parts, last = [BEGIN], ""
    for path in sorted(document["paths"]):
        first = path.split("/")[1]
        if first != last:
            parts.append(f"## {first}")
            last = first
        operations = document["paths"][path]
        parts += [_operation(m, path, operations[m]) for m in METHODS if m in operations]
    return "\n\n".join(parts) + "\n"


def _operation(method: str, path: str, said: dict[str, Any]) -> str:
    words = said.get("description") or said.get("summary") or ""
    parts = [f"### `{method.upper()} {path}`", _plain(words)]
    rows = [_row(each) for each in said.get("parameters", [])]
    if rows:
        parts.append("\n".join(["| parameter | in | |", "|---|---|---|", *rows]))
    body = said.get("requestBody", {}).get("content", {})
    if body:
        parts.append(
            "Body: " + ", ".join(f"`{kind}`{_schema(each)}" for kind, each in body.items())
        )
    for status, answer in said["responses"].items():
        if status[0] in "23":
            kinds = answer.get("content", {})
            shown = ", ".join(f"`{kind}`{_schema(each)}" for kind, each in kinds.items())
            parts.append(f"Answers {status}" + (f": {shown}" if shown else ""))
    return "\n\n".join(part for part in parts if part)


def _row(parameter: dict[str, Any]) -> str:
    needed = " **Needed.**" if parameter.get("required") and parameter["in"] != "path" else ""
    words = _plain(parameter.get("description", ""))
    return f"| `{parameter['name']}` | {parameter['in']} | {words}{needed} |"


def _schema(content: dict[str, Any]) -> str:
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    return f" ({name})" if name else ""


def _plain(words: str) -> str:
    text = " ".join(words.split()).replace("|", "\\|").replace("<", "&lt;")
    return text.replace("[", "\\[").replace("*", "\\*")
