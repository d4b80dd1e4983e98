"""The server that a command talks to: its address, its token, what is stored there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from minimascope.cli.files import given

if TYPE_CHECKING:
    from minimascope.client import Client
    from minimascope.contract.schemas import UploadKind

Address = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="default: MINIMASCOPE_API_URL, or this machine's"),
]
Token = Annotated[
    str | None, typer.Option("--token", metavar="TEXT", help="default: MINIMASCOPE_TOKEN")
]
SHA256 = re.compile(r"[0-9a-f]{64}")


def client(address: str | None, token: str | None) -> Client:
    """A client of the server asked for, else of the one the environment names."""
    from minimascope.client import Client
    from minimascope.contract.settings import Settings

    settings = Settings()
    default = settings.api_url or f"http://127.0.0.1:{settings.port}"
    return Client(address or default, token or settings.token)


def stored(server: Client, kind: UploadKind, text: str) -> str:
    """The id of a file, uploaded now, or the id itself."""
    if SHA256.fullmatch(text):
        return server.upload(kind, text).id
    return server.store(kind, given(text, kind), name=Path(text).name).id
