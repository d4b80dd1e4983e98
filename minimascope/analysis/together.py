"""One analysis by several processes: rank 0 runs it, the others do their share of its sums.

Shared are products with H and GGN, gradients, and second moments of gradients. Everything else
(Krylov spaces, Jacobians row by row, boundary, margins, pictures) is done by rank 0 alone.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from torch import Tensor

from minimascope.analysis.session.assembly import Opened
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import Report
from minimascope.curvature.products.following import follow, tell_constants
from minimascope.curvature.products.spread import Leader, leading
from minimascope.curvature.running.ranks import RankLostError, Ranks

Open = Callable[[], Opened]
REFUSED = "refused: "


def lead(ranks: Ranks, open_it: Open, run: Callable[[Open], Report], *, same: str = "") -> Report:
    """Rank 0's report, `run` with what all ranks opened; `same` is the same at all of them.

    Raises ProblemError ranks_differ where it is not, RankLostError where one is gone; whatever it
    raises, the others hear of it.
    """
    met = False
    with ExitStack() as stack:

        def opened_by_all() -> Opened:
            nonlocal met
            met = True
            opened = _agreed(ranks, open_it, same)
            tell_constants(ranks, opened.minimum)
            stack.enter_context(leading(Leader(ranks, opened.minimum)))
            return opened

        try:
            report = run(opened_by_all)
        except RankLostError:
            ranks.leave()  # the others are to hear of it
            raise
        except BaseException as error:
            if not met:
                ranks.tell_all(f"{REFUSED}{_sentence(error)}")
            elif ranks.agreed and not ranks.between:  # Ctrl-C in the middle of an exchange
                ranks.leave()
            elif ranks.agreed:
                ranks.say({"do": "end", "problem": _sentence(error)})
            raise
    ranks.say({"do": "end", "problem": None})
    return report


def serve(ranks: Ranks, open_it: Open, *, same: str = "") -> None:
    """Another rank's part, until rank 0 has its report. Raises ProblemError as `lead` does."""
    opened = _agreed(ranks, open_it, same)
    problem = follow(ranks, opened.minimum)["problem"]
    if problem is not None:
        raise ProblemError("ranks_differ", f"Rank 0 ended without a report: {problem}")


def _agreed(ranks: Ranks, open_it: Open, same: str) -> Opened:
    """What this rank opened, once all have, and it is the same."""
    opened: Opened | None = None
    error: BaseException | None = None
    try:
        opened = open_it()
    except BaseException as raised:
        error = raised
    own = same if error is None else f"{REFUSED}{_sentence(error)}"
    heard = ranks.tell_all(own)
    if error is not None:
        raise error
    for rank, said in enumerate(heard):
        if said.startswith(REFUSED):
            raise ProblemError("ranks_differ", f"Rank {rank}: {said.removeprefix(REFUSED)}")
        if said != own:
            raise ProblemError(
                "ranks_differ",
                f"Rank {max(rank, ranks.rank)} has another network or other training data than "
                f"rank {min(rank, ranks.rank)}.",
            )
    ranks.agreed = True
    assert opened is not None
    return opened


def _sentence(error: BaseException) -> str:
    return error.sentence if isinstance(error, ProblemError) else f"{type(error).__name__}: {error}"


def digest(text: str, *tensors: Tensor) -> str:
    """The same where text and numbers are."""
    found = hashlib.sha256(text.encode())
    for each in tensors:
        found.update(f"{each.dtype} {tuple(each.shape)}".encode())
        flat = each.detach().cpu().contiguous().reshape(-1)
        found.update(flat.view(torch.uint8).numpy().data)
    return found.hexdigest()


def tell_result(ranks: Ranks, report: Report, arrays: Mapping[str, np.ndarray]) -> None:
    """Rank 0 to the others, after `lead`."""
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, **dict(arrays))
    ranks.say_bytes(report.model_dump_json(by_alias=True).encode())
    ranks.say_bytes(packed.getvalue())


def hear_result(ranks: Ranks) -> tuple[Report, dict[str, Any]]:
    """What rank 0 told, after `serve`."""
    report = Report.model_validate_json(ranks.hear_bytes())
    with np.load(io.BytesIO(ranks.hear_bytes()), allow_pickle=False) as packed:
        return report, {name: packed[name] for name in packed.files}
