"""Classes by the names their data give them, where labels were texts."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from dashboard.drawing.packing import Json
from minimascope.figures.theme import Figure

LONGEST = 24
NUMBERED = re.compile(r"\bclass (\d+)\b")


def class_name(names: Sequence[str], label: int | str) -> str:
    """`cat`, or `class 0` where labels were numbers."""
    place = int(label)
    if not 0 <= place < len(names):
        return f"class {place}"
    name = names[place]
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def class_word(names: Sequence[str], label: int | str) -> str:
    """The same without the word: for tables whose heading says that these are classes."""
    return class_name(names, label) if names else str(label)


def _shown(names: Sequence[str], found: re.Match[str]) -> str:
    """A name inside Plotly's text within JSON: nothing of it is markup or a template."""
    text = class_name(names, found[1]).replace("&", "&amp;").replace("<", "&lt;")
    return json.dumps(text.replace("%{", "% {"), ensure_ascii=True)[1:-1]


def named(figure: Figure, names: Sequence[str]) -> Json:
    """A figure as JSON, every `class N` of its words by its name."""
    text = str(figure.to_json())
    return Json(NUMBERED.sub(lambda found: _shown(names, found), text) if names else text)
