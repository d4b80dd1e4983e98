"""The reference of the command line: every command with its arguments and options."""

from __future__ import annotations

from typing import Any

import typer

from minimascope.cli.commands import OWN, SERVICE, loaded

BEGIN = """# Command line

Every command says this itself: `minimascope COMMAND --help`. With `--json` each prints one JSON
document. Exit status: 0 done, 1 failed (or a condition of `--fail-if` is so), 2 bad input with one
line on standard error, 130 stopped.
"""


def cli_page() -> str:
    """Those of the library, then those of the service."""
    parts = [BEGIN, *(_command(name) for name in OWN)]
    parts.append("Those below come with `minimascope-server`.")
    parts += [_command(name) for name in SERVICE]
    return "\n\n".join(parts) + "\n"


def _command(name: str) -> str:
    found = loaded(name)
    inner = getattr(found, "commands", None)
    if inner is None:
        return _described(found, f"minimascope {name}", level=2)
    parts = [f"## minimascope {name}", _plain(found.help)]
    parts += [_described(each, f"minimascope {name} {key}", level=3) for key, each in inner.items()]
    return "\n\n".join(parts)


def _described(command: Any, name: str, *, level: int) -> str:
    context = typer.Context(command, info_name=name)
    rows = [_row(each, context) for each in command.params if not getattr(each, "hidden", False)]
    table = "\n".join(["| option | | |", "|---|---|---|", *rows]) if rows else ""
    return "\n\n".join([f"{'#' * level} {name}", _plain(command.help), table])


def _row(parameter: Any, context: Any) -> str:
    if parameter.param_type_name == "argument":
        names = f"`{parameter.display_name_raw}`"
        takes = ""
    else:
        names = ", ".join(f"`{each}`" for each in (*parameter.opts, *parameter.secondary_opts))
        kind = "" if parameter.is_flag else parameter.display_type_rich(ctx=context)
        takes = ", ".join(f"`{each}`" for each in kind.strip("<>").split("|")) if kind else ""
    said = _plain(getattr(parameter, "help", "") or "").replace("|", "\\|")
    more = " **Needed.**" if parameter.required else _default(parameter)
    return f"| {names} | {takes} | {said}{more} |"


def _default(parameter: Any) -> str:
    value = parameter.default
    if callable(value) or value in (None, False, True, (), [], ""):
        return ""
    shown = value if isinstance(value, (str, int, float)) else getattr(value, "value", None)
    return "" if shown is None else f" Default: {shown}."


def _plain(words: str | None) -> str:
    text = " ".join((words or "").split())
    return text.replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")
