"""What another rank of a training script does: the same calls of `analyze`, until it is lost."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist

import minimascope
from minimascope.contract.problems import ProblemError
from minimascope.curvature.products import following
from minimascope.results.result import Result
from tests.cases.ranks import join
from tests.cases.script import Trained, trained

STAGES = ["spectrum", "gap"]


def analysis(script: Trained, *, group: object = None) -> Result:
    given = (script.model, (script.X, script.y), script.criterion, script.optimizer)
    return minimascope.analyze(*given, test=script.test, stages=STAGES, process_group=group)


def main(store: Path, told: Path) -> None:
    torch.set_num_threads(1)
    join(store, 1, 2)
    script, group = trained(), dist.group.WORLD
    heard = {"report": analysis(script, group=group).report.model_dump(mode="json")}
    other = trained()
    other.X[0] += 1
    try:
        analysis(other, group=group)
    except ProblemError as problem:
        heard["differ"] = problem.as_dict()
    told.write_text(json.dumps(heard))
    following.KINDS.clear()
    following.KINDS.update({}.fromkeys(("HessianSum", "GgnSum", "GradientSum"), lost))
    analysis(script, group=group)


def lost(*_: object, **__: object) -> None:
    os._exit(9)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
