"""What can be done to one minimum of the list; `home/rows.mjs` does it."""

from __future__ import annotations

import json

from dash import dcc, html

from dashboard.components.again import again_address
from dashboard.components.plot import menu
from minimascope.contract.schemas import FINAL_STATES, ListedAnalysis

ITEM = "menu-item"


def row_menu(analysis: ListedAnalysis, name: str) -> html.Details:
    """Rename and describe, run again, pin, copy the id, delete."""
    said = json.dumps(
        {
            "name": analysis.name,
            "project": analysis.project,
            "tags": analysis.tags,
            "notes": analysis.notes,
        }
    )
    own = {"data-id": analysis.id}
    pinned = "unpin" if analysis.pinned else "pin"
    items = [
        html.Button(
            "Rename, tag, note",
            className=ITEM,
            **{"data-act": "describe", "data-said": said, **own},
        ),
        dcc.Link("Run again", href=again_address(analysis), className=ITEM),
        html.Button(pinned.capitalize(), className=ITEM, **{"data-act": pinned, **own}),
        html.Button("Copy id", className=ITEM, **{"data-act": "copy", **own}),
    ]
    if analysis.state in FINAL_STATES:
        items.append(
            html.Button(
                "Delete", className=ITEM, **{"data-act": "delete", "data-name": name, **own}
            )
        )
    return menu("⋯", items, label=f"Actions for {name}")
