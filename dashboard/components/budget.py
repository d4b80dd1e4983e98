"""How long an analysis may take: the choices of the upload page, and which one was made."""

from __future__ import annotations

from typing import Any

from dashboard.components.words import span
from minimascope.contract.parameters import USUAL, Parameters

QUICK = 60.0  # seconds
BUDGETS = {
    "quick": "Quick look",
    "normal": "Normal",
    "everything": "Everything",
    "other": "Other",
}
ABOUT = {
    "quick": f"{span(QUICK)}: first numbers from a sample, each with its error, then what fits.",
    "normal": f"{span(USUAL)} at most. What takes no longer is computed in full; of the rest what "
    "fits, and what was left out is said.",
    "everything": "All that is asked for, however long it takes.",
    "other": "Seconds of your own: first numbers from a sample, then what fits.",
}


def asked(budget: str, seconds: float | None) -> dict[str, float | None]:
    """The parameters of a choice; `seconds` are those typed for "other"."""
    if budget == "normal":
        return {"seconds_at_most": USUAL}
    return {"seconds": {"quick": QUICK, "other": seconds}.get(budget)}


def chosen(parameters: Parameters) -> str:
    """The choice that these parameters are."""
    if parameters.seconds is not None:
        return "quick" if parameters.seconds == QUICK else "other"
    return "everything" if parameters.seconds_at_most is None else "normal"


def said(parameters: Parameters) -> str:
    """The choice with its seconds: `normal, 5 min at most`."""
    name, seconds = BUDGETS[chosen(parameters)].lower(), parameters.seconds
    if seconds is not None:
        return f"{'budget of' if name == 'other' else f'{name},'} {span(seconds)}"
    most = parameters.seconds_at_most
    return name if most is None else f"{name}, {span(most)} at most"


def kept(parameters: Parameters, whole: float) -> str:
    """What becomes of what takes `whole` seconds; nothing where there is no budget."""
    seconds: Any = parameters.seconds or parameters.seconds_at_most
    if seconds is None:
        return ""
    name = BUDGETS[chosen(parameters)]
    if whole <= seconds:
        return f"{name}: nothing is shortened."
    return f"{name} keeps to {span(seconds)}: what does not fit looks at less, or is left out."
