"""Hugging Face's Trainer: `TrainerCallback`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from typing_extensions import override

from minimascope.contract.extras import adding
from minimascope.contract.problems import ProblemError
from minimascope.tracking.tracker import Tracker, track

try:
    from transformers import TrainerCallback as Callback
except ImportError as error:
    raise ProblemError(
        "not_installed", "There is no transformers.", f"{adding('huggingface')}."
    ) from error


class TrainerCallback(Callback):
    """Tracks a training: `Trainer(..., callbacks=[TrainerCallback()])`.

    criterion: what the model's loss is; the usual one for the labels where it is None. test: held
    out data, the evaluation set of the trainer where it is None and there is one. log: called with
    numbers; they go into `trainer.state.log_history` in any case. Everything else is
    `minimascope.track`'s: every, budget, examples, publish and run.

    `tracker` is that of the last training, with `history`, `frame()` and `result`.
    """

    def __init__(
        self,
        *,
        criterion: Any = None,
        test: Any = None,
        log: Callable[[dict[str, float]], Any] | None = None,
        **told: Any,
    ) -> None:
        self.tracker: Tracker | None = None
        self._criterion, self._test, self._log, self._told = criterion, test, log, told

    @override
    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Model, data and optimiser are there from now on."""
        if not state.is_world_process_zero:
            return
        test = self._test if self._test is not None else given.get("eval_dataloader")
        self.tracker = track(
            given["model"],
            given["train_dataloader"],
            self._criterion,
            given.get("optimizer"),
            test=test,
            log=self._logging(state),
            **self._told,
        )
        self.tracker.step = state.global_step

    @override
    def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """After a step of the optimiser."""
        if self.tracker is not None:
            self.tracker(state.global_step)

    @override
    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """The weights of the end."""
        if self.tracker is not None:
            self.tracker.close()

    def _logging(self, state: Any) -> Callable[[dict[str, float]], Any]:
        def log(values: dict[str, float]) -> None:
            state.log_history.append({"step": state.global_step, **values})
            if self._log is not None:
                self._log(values)

        return log
