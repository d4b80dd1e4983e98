"""The program of a process that does its share of an analysis: opens the same files, follows."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import torch.distributed as dist

from minimascope.analysis import together
from minimascope.contract.problems import ProblemError
from minimascope.curvature.products import graphs
from minimascope.curvature.running.ranks import RankLostError
from minimascope.machine.heap import keep_pages
from workers.sharing.ranks import HERE, STORE, Given, meet

REFUSED, LOST = 1, 3  # exit statuses; rank 0 says why


def main(document: Path, rank: int) -> int:
    """Until rank 0 has its report, or is gone."""
    keep_pages()
    told = json.loads(document.read_text())
    store = dist.FileStore(str(document.parent / STORE), told["count"])
    store.add(HERE, 1)
    with tempfile.TemporaryDirectory(dir=document.parent) as folder:
        given = Given.of(told, Path(folder))
        graphs.plan_with(given.memory_share / told["count"])
        try:
            ranks = meet(store, rank, told["count"], given.parameters.device)
            together.serve(ranks, lambda: given.opened(ranks.count))
        except ProblemError:
            return REFUSED
        except RankLostError:
            return LOST
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
