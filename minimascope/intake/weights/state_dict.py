"""Finds the weights inside what people save: plain, nested, Lightning, DDP, compiled, EMA.

Every choice is stated in a sentence; nothing is chosen silently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from minimascope.contract.problems import ProblemError
from minimascope.intake.files.formats import pickle_refused
from minimascope.intake.files.taken import Row, left, named
from minimascope.intake.weights import wrappers
from minimascope.intake.weights.inert_pickle import Inert

# In order of preference: what training scripts call the trained weights.
KEYS = ("state_dict", "model_state_dict", "model", "net", "network", "module", "weights", "params")
_NOT_WEIGHTS = (
    *("optim", "scheduler", "scaler", "rng", "momentum"),
    *("callback", "loop", "hyper", "metric", "history"),
)


@dataclass(frozen=True)
class Picked:
    """The tensors by name in saved order, and what was chosen to get them."""

    tensors: dict[str, Tensor]
    sentence: str
    warnings: list[str]
    rows: list[Row] = field(default_factory=list)


def _is_state(value: Any) -> bool:
    """A table with tensors under text keys."""
    return (
        isinstance(value, dict)
        and any(isinstance(v, Tensor) for v in value.values())
        and all(isinstance(k, str) for k in value)
    )


def _candidates(saved: dict[Any, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """Tables of tensors inside `saved`, by dotted key; optimizer state is passed over."""
    found: dict[str, Any] = {}
    for key, value in saved.items():
        if not isinstance(key, str) or any(word in key.lower() for word in _NOT_WEIGHTS):
            continue
        if _is_state(value):
            found[prefix + key] = value
        elif isinstance(value, dict) and depth < 2:
            found |= _candidates(value, f"{prefix}{key}.", depth + 1)
    return found


def _count(table: dict[str, Any]) -> int:
    """Tensors in a table: a lone best_accuracy beside the weights is no state dict."""
    return sum(isinstance(value, Tensor) for value in table.values())


def _rank(key: str) -> int:
    leaf = key.rsplit(".", 1)[-1]
    return KEYS.index(leaf) if leaf in KEYS else len(KEYS)


def _choose(saved: dict[Any, Any]) -> tuple[dict[str, Any], list[str], list[str], list[Row]]:
    """The table of weights, sentences, warnings, and what became of each key."""
    found = _candidates(saved)
    if _is_state(saved) and _count(saved) > max(map(_count, found.values()), default=0):
        return saved, [], [], []
    if not found:
        raise _no_weights(saved)
    order = {key: place for place, key in enumerate(found)}
    best = min(found, key=lambda key: (_rank(key), order[key]))
    others = [repr(key[:60]) for key in found if key != best]
    warnings = []
    if others:
        warnings.append(f"The file also holds {', '.join(others[:8])}; {best[:60]!r} was taken.")
    sentence = [f"Weights taken from the key {best[:60]!r}."]
    return found[best], sentence, warnings, _keys(saved, best, found)


def _keys(saved: dict[Any, Any], best: str, found: dict[str, Any]) -> list[Row]:
    """The table that was chosen, other weights, and keys that hold none."""
    rows = [Row(f"key {best[:60]!r}", f"the weights, {_count(found[best])} tensors")]
    rows += [left(f"key {key[:60]!r}", "other weights") for key in found if key != best]
    within = {key.split(".", 1)[0] for key in found}
    others = [str(key) for key in saved if str(key) not in within]
    if others:
        rows.append(Row(f"keys {named(others)}", "read for what they say of training; no weights"))
    return rows


def _no_weights(saved: dict[Any, Any]) -> ProblemError:
    shown = ", ".join(repr(str(k)[:60]) for k in list(saved)[:8]) or "nothing"
    return ProblemError(
        "not_a_checkpoint",
        f"The file holds no weights: its keys are {shown}.",
        "Save the weights with torch.save(model.state_dict(), path).",
    )


def pick(saved: Any, said: Sequence[str] = ()) -> Picked:
    """The state dict in a loaded object; `said` goes before its own warnings.

    Raises ProblemError not_a_checkpoint.
    """
    if isinstance(saved, Inert):
        raise pickle_refused(f"holds a {saved.name[:100]} and no table of weights")
    if isinstance(saved, Tensor) or not isinstance(saved, dict):
        raise ProblemError(
            "not_a_checkpoint",
            f"The file holds a {type(saved).__name__}, not a table of weights.",
            "Save the weights with torch.save(model.state_dict(), path).",
        )
    table, sentences, warnings, rows = _choose(saved)
    tensors = {k: v for k, v in table.items() if isinstance(v, Tensor)}
    ignored = [repr(k[:60]) for k, v in table.items() if not isinstance(v, Tensor)]
    if ignored:
        warnings.append(f"Entries that are no tensors were ignored: {', '.join(ignored[:8])}.")
        rows.append(left(f"entries {', '.join(ignored[:8])}", "no tensors"))
    tensors, unwrapped, more = wrappers.removed(tensors)
    return Picked(tensors, " ".join(sentences + unwrapped), [*said, *warnings], [*rows, *more])
