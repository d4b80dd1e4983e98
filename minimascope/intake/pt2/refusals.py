"""What a program is refused with, and the line of the user's code it stands for."""

from __future__ import annotations

import re
from typing import Any

from minimascope.contract.problems import ProblemError

_FRAME = re.compile(r'File "([^"\n]{1,500})", line (\d{1,7}), in (\w{1,100})')
_NOT_THEIRS = ("/site-packages/", "/dist-packages/", "<eval_with_key>")


ABOUT = "The .pt2 program "


def refused(what: str) -> ProblemError:
    """A program outside the allowed language."""
    return ProblemError(
        "operator_refused",
        f"{ABOUT}{what}.",
        "Export it in evaluation mode with minimascope.export, from plain torch layers.",
    )


def written_at(node: dict[str, Any]) -> str:
    """ "net.py, line 7, in forward" of a step, as torch noted it at the export; "" if it did not.

    The innermost frame that is no library's.
    """
    trace = (node.get("metadata") or {}).get("stack_trace")
    frames = _FRAME.findall(trace) if isinstance(trace, str) else []
    own = [frame for frame in frames if not any(part in frame[0] for part in _NOT_THEIRS)]
    if not own:
        return ""
    path, line, function = own[-1]
    name = path.replace("\\", "/").rsplit("/", 1)[-1]
    return f"{name}, line {line}, in {function}"
