"""Sentences about the rows of a weights report: what was counted, and one judgement with its rate.

Loads no torch. A power law's α is a number of the table and no finding: nothing was measured here
that it says of a network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from minimascope.contract.weights import WeightReport, WeightRow
from minimascope.weight_matrices.measured import WORDS

SHOWN = 6
FIRST = 4  # units of a weight that are named
LIKE_AN_ADAPTER = 4  # a change is of low rank where its rank is at most a quarter of full


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(name[:80] for name in names[:SHOWN]) + more


def with_same(rows: Sequence[WeightRow], tied: dict[str, str]) -> list[WeightRow]:
    """The rows, each with the first tensor of the same numbers: tied in memory, or equal."""
    first: dict[str, str] = {}
    found = list[WeightRow]()
    for row in rows:
        kept = tied.get(row.name)
        if kept is None and row.constant is None and row.parameters > 1:
            earlier = first.setdefault(row.digest, row.name)
            kept = None if earlier == row.name else earlier
        found.append(row.model_copy(update={"same_as": kept}) if kept else row)
    return found


def findings(rows: Sequence[WeightRow]) -> list[str]:
    """What is worth a sentence, the gravest first."""
    return [sentence for say in _SAYINGS for sentence in say(rows)]


def _not_finite(rows: Sequence[WeightRow]) -> Iterator[str]:
    for row in rows:
        if row.nan or row.infinite:
            yield (
                f"{row.name} holds {row.nan} NaN and {row.infinite} infinite values among "
                f"{row.parameters}."
            )


def _untouched(rows: Sequence[WeightRow]) -> Iterator[str]:
    drawn = [row for row in rows if row.drawn_as]
    if drawn:
        ways = sorted({row.drawn_as or "" for row in drawn})
        yield (
            f"Not trained, as it looks: {listed([row.name for row in drawn])}; drawn as by "
            f"{listed(ways)} ({WORDS})."
        )
    if rows and all(row.drawn_as or row.constant is not None for row in rows) and drawn:
        yield "No weight of this file looks trained."


def _constants(rows: Sequence[WeightRow]) -> Iterator[str]:
    for value, words in ((0.0, "zero"), (1.0, "one")):
        names = [row.name for row in rows if row.constant == value]
        if names:
            yield f"Every number is {words} in {listed(names)}."
    other = [row for row in rows if row.constant not in (None, 0.0, 1.0)]
    if other:
        said = [f"{row.name} ({row.constant:.4g})" for row in other]
        yield f"All numbers are the same in {listed(said)}."


def _units(rows: Sequence[WeightRow]) -> Iterator[str]:
    known = [(row.name, row.units) for row in rows if row.units and row.constant is None]
    for words, found in (
        (
            "Rows of zeros (units without input; in an embedding, padding)",
            [(n, u.dead, u.dead_units) for n, u in known],
        ),
        ("Inputs that are never read", [(n, u.unread, u.unread_inputs) for n, u in known]),
        ("Units that are another once more", [(n, u.copies, u.copied_units) for n, u in known]),
    ):
        named = [_places(name, count, places) for name, count, places in found if count]
        if named:
            yield f"{words}: {listed(named)}."


def _places(name: str, count: int, places: Sequence[int]) -> str:
    """How many in a weight, and the first of them, counted from 0."""
    more = ", …" if count > FIRST else ""
    return f"{name} {count} ({', '.join(map(str, places[:FIRST]))}{more})"


def _huge(rows: Sequence[WeightRow]) -> Iterator[str]:
    names = [f"{row.name} {row.huge}" for row in rows if row.huge]
    if names:
        yield f"Numbers beyond 100 times the root mean square of their tensor: {listed(names)}."


def _same(rows: Sequence[WeightRow]) -> Iterator[str]:
    names = [f"{row.name} is {row.same_as}" for row in rows if row.same_as]
    if names:
        yield f"The same numbers under two names: {listed(names)}."


def _spikes(rows: Sequence[WeightRow]) -> Iterator[str]:
    seen = [row for row in rows if row.random_matrix]
    if seen:
        without = [row.name for row in seen if row.random_matrix and not row.random_matrix.spikes]
        said = f" none in {listed(without)}." if without else ""
        yield (
            f"{len(seen) - len(without)} of {len(seen)} matrices (those large enough to tell) have "
            f"singular values beyond the edge of a random matrix{';' if said else '.'}{said}"
        )


def _change(rows: Sequence[WeightRow]) -> Iterator[str]:
    changes = [(row, row.change) for row in rows if row.change]
    if not changes:
        return
    same = [row.name for row, change in changes if change.distance == 0]
    if same:
        yield f"{len(same)} of {len(changes)} tensors are those of the other checkpoint."
    low = [
        f"{row.name} {change.rank}"
        for row, change in changes
        if change.rank and row.matrix and change.rank * LIKE_AN_ADAPTER <= min(row.matrix)
        if not change.rank_at_least
    ]
    if low:
        yield f"Changed in low rank (what a merged LoRA adapter leaves): {listed(low)}."


_SAYINGS = (_not_finite, _untouched, _constants, _units, _huge, _same, _spikes, _change)


def report(
    rows: Sequence[WeightRow],
    *,
    format: str,
    name: str,
    all_up_to: int,
    tied: dict[str, str],
    warnings: Sequence[str] = (),
    against: str | None = None,
) -> WeightReport:
    """The whole document. Tied names count once among the parameters."""
    known = with_same(rows, tied)
    return WeightReport(
        format=format,
        name=name,
        parameters=sum(row.parameters for row in known if row.name not in tied),
        rows=known,
        findings=findings(known),
        warnings=list(warnings),
        against=against,
        all_up_to=all_up_to,
    )
