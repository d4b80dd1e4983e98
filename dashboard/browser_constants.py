"""What the browser's modules know of the contract, written as one module for them.

`python -m dashboard.browser_constants` writes `browser/contract.mjs`; a test says whether it is up
to date. What is said there is said in Python first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from dashboard.components import budget, ids
from dashboard.components.clientside import CALLBACKS
from dashboard.components.words import STAGES, STATES
from dashboard.drawing.payload import RECORD
from dashboard.drawing.plane_answer import KEY, TYPED
from dashboard.pages.analysis.tabs import GROUPS, LABELS
from dashboard.pages.upload import fields, told_fields
from minimascope.contract import folder_files
from minimascope.contract.glossary import TERMS
from minimascope.contract.report import NEEDS_SPECTRUM
from minimascope.contract.schemas import FINAL_STATES, MAX_ATTEMPTS, EventName
from minimascope.contract.settings import Settings
from minimascope.figures import filmstrip
from minimascope.figures.gap_curves import LINES
from minimascope.figures.of_report import EMBEDDING
from minimascope.figures.plane import SCALE
from minimascope.figures.point_losses import LEAST
from minimascope.figures.roles import UNSAID, Role
from minimascope.figures.theme import CLASS_COLOURS, CLASS_SYMBOLS

TARGET = Path(__file__).parent / "browser" / "contract.mjs"
HEAD = "// Written by `python -m dashboard.browser_constants`, which says where from: do not edit."


def constants() -> dict[str, tuple[str, Any]]:
    """By name: what it is, and its value."""
    strip = {"gap": filmstrip.GAP, "caption": filmstrip.CAPTION, "shapes": filmstrip.SHAPES}
    return {
        "ID": ("Ids that Python lays out.", ids.named()),
        "ID_OF": (
            "Ids of a family, by the name that stands in place of {}.",
            {family.__name__: family("{}") for family in ids.FAMILIES},
        ),
        "CALLBACKS": ("What Dash calls.", CALLBACKS),
        "ROLE": ("What a trace is, in `meta.role`.", {r.name: r.value for r in Role}),
        "UNSAID": ("Roles that exports leave out.", UNSAID),
        "STATES": ("States of an analysis in words.", STATES),
        "FINAL_STATES": ("Those that no longer change.", FINAL_STATES),
        "STAGES": ("Stages in words.", STAGES),
        "NEEDS_SPECTRUM": ("Stages that need the spectrum.", sorted(NEEDS_SPECTRUM)),
        "EVENTS": ("Names in an analysis's event stream.", get_args(EventName)),
        "MAX_ATTEMPTS": ("Of a job whose workers are lost.", MAX_ATTEMPTS),
        "TRANSFER_SECONDS": (
            "How long the server keeps an unfinished transfer.",
            Settings.model_fields["transfer_seconds"].default,
        ),
        "FOLDER": (
            "Which files of a folder count.",
            {n: v for n, v in vars(folder_files).items() if n.isupper()},
        ),
        "CURVES": ("Estimates over λ in words.", {key: words for key, words, *_ in LINES}),
        "RECORD": ("What is known of every training point.", RECORD),
        "TAB_LABELS": ("Figures of the tabs, in words.", LABELS),
        "GROUPS": (
            "Groups of tabs, and the tabs of each.",
            {name: parts for name, (_, parts) in GROUPS.items()},
        ),
        "GLOSSARY": ("What terms mean.", {key: [t.name, t.words] for key, t in TERMS.items()}),
        "PLANE_KEY": ("A plane that is computed, as a regular expression.", KEY.pattern),
        "PLANE_TYPED": ("How many numbers a person types for a plane.", TYPED),
        "EMBEDDING": ("Begins the name of a figure of points without a plane.", EMBEDDING),
        "ALIGNMENT_SCALE": ("An alignment of 1 as the maps hold it.", SCALE),
        "LEAST_LOSS": ("Losses below are drawn here.", LEAST),
        "TOLD": (
            "Fields of the upload page: losses and optimisers they count for.",
            told_fields.conditions(),
        ),
        "TOLD_MENUS": ("Those that are menus.", [each.id for each in told_fields.CHOSEN]),
        "FORM": (
            "Fields of the upload page in the order that Dash tells them, after the zones.",
            list(fields.HELD),
        ),
        "BUDGETS": ("What each budget of time means.", budget.ABOUT),
        "QUICK": ("Seconds of a quick look.", budget.QUICK),
        "OPTIMIZERS": ("What is said of each optimiser.", told_fields.ABOUT),
        "CLASSES": (
            "Colour and shape of each class; they repeat.",
            [list(each) for each in zip(CLASS_COLOURS, CLASS_SYMBOLS, strict=True)],
        ),
        "STRIP": ("A strip of tiles: pixels of a caption, gap, least and most height.", strip),
    }


def written() -> str:
    """The module's text."""
    parts = [HEAD]
    for name, (words, value) in constants().items():
        parts.append(f"\n// {words}\nexport const {name} = {_literal(value)};")
    return "\n".join(parts) + "\n"


def _literal(value: Any) -> str:
    """A value whose type is itself, one entry a line."""
    if isinstance(value, Mapping):
        lines = [f"  {_key(key)}: {json.dumps(v, ensure_ascii=False)}," for key, v in value.items()]
        return "/** @type {const} */ ({\n" + "\n".join(lines) + "\n})"
    if not isinstance(value, str | int | float):
        lines = [f"  {json.dumps(v, ensure_ascii=False)}," for v in value]
        return "/** @type {const} */ ([\n" + "\n".join(lines) + "\n])"
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if name.isidentifier() else json.dumps(name)


if __name__ == "__main__":
    TARGET.write_text(written())
