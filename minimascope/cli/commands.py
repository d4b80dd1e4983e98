"""Which commands there are, and where each is: a module is imported when its command is called.

The library's own are named in `OWN`. Those of the application come from its rooms through entry
points of the group `minimascope.commands`; `SERVICE` lists them for the help and for who has only
the library. An entry point's value, like `command` of a module here, is a function with typer's
annotations that returns an exit status, or a `typer.Typer` with several.
"""

from __future__ import annotations

import importlib
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command
from typing_extensions import override

from minimascope.contract.extras import SERVER
from minimascope.contract.problems import ProblemError

GROUP = "minimascope.commands"
OWN: dict[str, str] = {
    "analyze": "analyse local files without a server",
    "cross-validate": "measure the gap by K-fold, with your own script",
    "inspect": "what a checkpoint holds and says of its training",
    "weights": "what weights alone say, layer by layer",
    "architectures": "architectures that bare weights allow",
    "export": "write a network of your own code as .pt2",
    "upload": "store a file on the server, print its id",
    "submit": "queue an analysis, print its id",
    "wait": "follow an analysis to its end",
    "report": "fetch a report, and its arrays",
    "slice": "compute a plane of the decision boundary",
    "compare": "key numbers of several analyses",
    "describe": "rename an analysis, tag it, note something",
    "delete": "remove an analysis with its results",
    "explain": "what a term means, in one sentence",
    "interpolate": "loss on the line between two minima",
    "mcp": "tools for agents (Model Context Protocol)",
    "doctor": "check this installation, in words",
}
SERVICE: dict[str, str] = {
    "serve": "API, dashboard and workers on this machine",
    "worker": "work off jobs of a server",
    "demo": "load the shipped minima, print their ids",
    "users": "create, list and revoke token users",
    "backup": "everything the service keeps, in one file",
    "restore": "fill an empty service from a backup",
    "forget": "remove old analyses and unused uploads",
}


@lru_cache(maxsize=1)
def _rooms() -> dict[str, EntryPoint]:
    """Commands that installed packages bring; finding them imports none."""
    return {found.name: found for found in entry_points(group=GROUP)}


class Commands(TyperGroup):
    """Lists commands by name and help alone, and loads the one that is called."""

    @override
    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, stub, rest = super().resolve_command(ctx, args)
        return name, stub if name is None else loaded(name), rest


def listed() -> dict[str, TyperCommand]:
    """Every command with its line of help; what is not installed says so."""
    rooms = _rooms()
    missing = "" if SERVICE.keys() & rooms.keys() else f" ({SERVER})"
    found = {name: _stub(name, words) for name, words in OWN.items()}
    found |= {
        name: _stub(name, words, panel=f"Service{missing}") for name, words in SERVICE.items()
    }
    others = rooms.keys() - found.keys()
    return found | {
        name: _stub(name, f"of {rooms[name].value}", panel="Others") for name in sorted(others)
    }


def _stub(name: str, words: str, *, panel: str = "Commands") -> TyperCommand:
    return TyperCommand(name, help=words, rich_help_panel=panel)


def loaded(name: str) -> Any:
    """The command itself. Raises ProblemError `not_installed` for one of a room that is away."""
    if name in OWN:
        found = importlib.import_module(f"minimascope.cli.{name.replace('-', '_')}").command
    elif name in _rooms():
        found = _rooms()[name].load()
    else:
        _not_installed(name)
    if isinstance(found, typer.Typer):
        made = get_command(found)
    else:
        app = typer.Typer(add_completion=False)
        app.command(name)(found)
        made = get_command(app)
    made.name = name
    return made


def _not_installed(name: str) -> NoReturn:
    sentence = f"{name!r} is a command of the service, which is not installed here."
    raise ProblemError("not_installed", sentence, f"Install it: {SERVER}.")
