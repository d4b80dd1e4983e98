"""An analysis that all ranks of a script's process group make together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch.distributed as dist

from minimascope.analysis import together
from minimascope.analysis.run import run_opened
from minimascope.analysis.session.opening import torch_device
from minimascope.contract.problems import ProblemError
from minimascope.curvature.running.ranks import RankLostError, Ranks
from minimascope.results.result import Result
from minimascope.training.asked import Asked
from minimascope.training.listening import Listening
from minimascope.training.refusals import named


def by_all_ranks(group: Any, asked: Asked, heard: Listening) -> Result:
    """The same result at every rank of `group`.

    Raises ProblemError: invalid_parameters where it is no group that this process is in,
    ranks_differ where ranks hold other networks or data, rank_lost where one is gone.
    """
    _check(group)
    try:
        ranks = Ranks(group, torch_device(asked.parameters.device))
        return _led(ranks, asked, heard) if ranks.rank == 0 else _served(ranks, asked)
    except RankLostError as error:
        raise ProblemError("rank_lost", str(error)) from error


def _led(ranks: Ranks, asked: Asked, heard: Listening) -> Result:
    report = together.lead(
        ranks,
        asked.opened,
        lambda open_it: run_opened(open_it, asked.parameters, publisher=heard),
        same=_digest(asked),
    )
    together.tell_result(ranks, report, heard.arrays)
    return Result(report, heard.arrays)


def _served(ranks: Ranks, asked: Asked) -> Result:
    # A budget would draw a sample here, by this process's clock.
    whole = asked.parameters.model_copy(update={"seconds": None})
    together.serve(ranks, replace(asked, parameters=whole).opened, same=_digest(asked))
    return Result(*together.hear_result(ranks))


def _digest(asked: Asked) -> str:
    """Of network and data; weights and running statistics are rank 0's."""
    train = asked.network.train
    return together.digest(str(asked.network.network), train.inputs, train.targets)


def _check(group: Any) -> None:
    if not dist.is_available() or not dist.is_initialized():
        said = "process_group was given, and torch.distributed is not initialised here."
        advice = "Call torch.distributed.init_process_group first, or start with torchrun."
        raise ProblemError("invalid_parameters", said, advice)
    if not isinstance(group, dist.ProcessGroup):
        said = f"process_group is a {named(group)}; it needs to be a group that this rank is in."
        raise ProblemError("invalid_parameters", said, "Give torch.distributed.group.WORLD.")
