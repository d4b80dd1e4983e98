"""`minimascope doctor`: what this installation has, what it lacks, one line a thing.

Rooms add their own through entry points of the group `minimascope.checks`: each a mapping of a
name to a function of the settings that returns words, or raises what is wrong.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from minimascope import __version__
from minimascope.cli.terminal import AsJson, answer
from minimascope.contract.problems import ProblemError

if TYPE_CHECKING:
    from minimascope.contract.settings import Settings

GROUP = "minimascope.checks"
Line = tuple[str, bool, str]


def command(as_json: AsJson = False) -> int:
    """Exit status 0 where everything is good, 1 where something is not."""
    from minimascope.contract.settings import Settings

    found = []
    for name, good, words in lines(Settings()):
        found.append({"name": name, "ok": good, "words": words})
        if not as_json:
            print(f"{'ok ' if good else 'BAD'} {name:12} {words}", flush=True)
    if as_json:
        answer(True, found, "")
    return 0 if all(each["ok"] for each in found) else 1


def lines(settings: Settings) -> Iterator[Line]:
    """Name, good or not, words; nothing here raises."""
    yield "minimascope", True, __version__
    yield "python", True, f"{platform.python_version()} on {platform.platform()}"
    yield _tried("torch", torch_line)
    yield sandbox_line()
    for room in sorted(entry_points(group=GROUP)):
        try:
            checks: dict[str, Callable[[Settings], str]] = room.load()
        except Exception as error:
            yield room.name, False, _words(error)
            continue
        for name, check in checks.items():
            yield _tried(name, lambda check=check: check(settings))


def _tried(name: str, check: Callable[[], str]) -> Line:
    try:
        return name, True, check()
    except Exception as error:  # whatever is broken is what this command is asked for
        return name, False, _words(error)


def _words(error: Exception) -> str:
    if isinstance(error, ProblemError):
        return error.line()
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def torch_line() -> str:
    """Version of torch, threads and GPUs, in words. Imports torch."""
    import torch

    from minimascope.machine.threads import most_threads

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    found = ", ".join(gpus) if gpus else "no CUDA device (analyses run on the CPU)"
    return f"{torch.__version__}, {most_threads()} threads; {found}"


def sandbox_line() -> Line:
    """Whether every layer around parses holds here, and which do not."""
    from minimascope.intake.sandbox.sandbox import active_layers

    layers = dict(active_layers())
    own = layers.pop("own_user", 0)
    absent = [name for name, active in layers.items() if not active]
    held = ", ".join(name for name, active in layers.items() if active) or "none"
    user = "a user of its own" if own else "the worker's user (only root can give its rights away)"
    missing = f"; missing: {', '.join(absent)}" if absent else ""
    return "sandbox", not absent, f"{held}{missing}; files are parsed by {user}"
