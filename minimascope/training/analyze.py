"""`minimascope.analyze`: the report of the model in hand, with the service's own numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minimascope.analysis.run import run_opened
from minimascope.curvature.running.deadline import within
from minimascope.machine.threads import one_thread_where_busy
from minimascope.results.result import Result
from minimascope.training.asked import Script, asked_of, check_callable
from minimascope.training.augmenting import COPIES, check_augment
from minimascope.training.listening import Listening, Progress
from minimascope.training.ranks import by_all_ranks
from minimascope.training.surroundings import left_as_it_was


def analyze(
    model: Any,
    data: Any = None,
    criterion: Any = None,
    optimizer: Any = None,
    *,
    test: Any = None,
    forward: Callable[[Any, Any], Any] | None = None,
    stages: Sequence[str] | None = None,
    top_k: int | None = None,
    seconds: float | None = None,
    device: Any = None,
    dtype: Any = None,
    seed: int = 0,
    progress: Progress | bool | None = None,
    schedule: Any = None,
    steps: int | None = None,
    lr_sum: float | None = None,
    augment: Callable[[Any], Any] | None = None,
    copies: int | None = None,
    process_group: Any = None,
    **told: Any,
) -> Result:
    """What kind of minimum this model is, and whether it will generalize.

        report = minimascope.analyze(model, train_loader, criterion, optimizer, test=test_loader)
        print(report)
        report.plot.spectrum()

    The model is never changed: a copy of it is analysed, in evaluation mode. Numbers are those of
    the service for the same weights, data and parameters.

    data, test: (X, y) of arrays or tensors, a data set of (input, target), a DataLoader (each of
        its examples once, without its sampling), a Hugging Face data set, or batches that can be
        gone over again. They need to fit into memory; give them without augmentation.
    criterion: a loss of torch with its options, its name, or any function of (outputs, targets)
        that is a mean or a sum over examples. None: the usual one for such targets, and said so.
    optimizer: its groups say the weight decay of each tensor, its class and state the metric.
    forward: model, batch → outputs, for batches that are dicts or have several inputs.
    stages: of spectrum, density, gap, boundary, margins; all where it is None.
    top_k: eigenvectors (10). seconds: a budget that is kept: first numbers from growing samples
        (`first_look`), then what fits; what was sampled or left out is said.
    device: "cpu" or "cuda", the model's own where it is None. dtype: "float64" or "float32".
    progress: called with the fraction done and a sentence; True for a line on standard error,
        False for none, None for one where that is a terminal; in a notebook the line is below
        the cell, and gone at the end.
    schedule: constant, cosine, linear or step, the scheduler, or the rates of all steps.
    steps: of the optimiser; Adam's own state knows. lr_sum: the sum of all learning rates.
    augment: what altered inputs in training, a function of a batch of them (x → x′ of the same
        shape), called in batches as large as the loader's. copies: how often it is drawn (4), with
        `seed`; every example stands with its copies, and is left out together with them.
    process_group: of torch.distributed, whose ranks all make this call, each with the model and the
        whole training set (a DistributedSampler is undone): products are shared, numbers are those
        of one process to rounding, every rank gets the report. Such as
        `torch.distributed.group.WORLD`; None for this process alone.
    told: any other parameter of an analysis (`minimascope.contract.parameters.Parameters`).

    Raises ProblemError, one sentence each: data_unusable, model_unusable, criterion_unusable,
    optimizer_unusable, invalid_parameters, those of files that do not fit together, ranks_differ
    and rank_lost where a process is gone. A stage that cannot be computed is in `report.failures`,
    and the others stand.
    """
    check_callable(forward)
    check_augment(augment, copies)
    script = Script(
        model, data, criterion, optimizer, test, forward, schedule, steps, augment, copies or COPIES
    )
    said = {"stages": stages, "top_k": top_k, "device": device, "dtype": dtype, "lr_sum": lr_sum}
    said |= {"seconds": seconds, "seed": seed}
    with left_as_it_was(), Listening(progress) as heard, within(_number(seconds)):
        heard.progress("intake", 0.0, "Reading model and data")
        if seconds is not None:
            one_thread_where_busy()
        asked = asked_of(script, {**told, **said})
        if process_group is not None:
            return by_all_ranks(process_group, asked, heard)
        report = run_opened(asked.opened, asked.parameters, publisher=heard)
    return Result(report, heard.arrays)


def _number(seconds: Any) -> float | None:
    """What is none is refused where all parameters are."""
    return float(seconds) if isinstance(seconds, (int, float)) and seconds > 0 else None
