"""Lightning: `LightningCallback`, under either of the names that the library is installed by."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

from minimascope.contract.problems import ProblemError
from minimascope.tracking.tracker import Tracker, track

NAMES = ("lightning.pytorch", "pytorch_lightning")


def _library() -> Any:
    """The one that the script imported, else the one that is there."""
    for name in (*(each for each in NAMES if each in sys.modules), *NAMES):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise ProblemError("not_installed", "There is no Lightning.", "pip install lightning.")


class LightningCallback(_library().Callback):  # type: ignore[misc]
    """Tracks a fit: `Trainer(callbacks=[LightningCallback(criterion="CrossEntropyLoss")])`.

    criterion: what training_step minimises; the usual one for the targets where it is None.
    model: which module gives the outputs; that of Lightning itself where it is None. forward: for
    batches that are dicts. test: held-out data, the validation loader where it is None and there
    is one. log: called with numbers; the trainer's loggers where it is None. Everything else is
    `minimascope.track`'s: every, budget, examples, publish and run.

    `tracker` is that of the last fit, with `history`, `frame()` and `result`.
    """

    def __init__(
        self,
        *,
        criterion: Any = None,
        model: Callable[[Any], Any] | None = None,
        test: Any = None,
        log: Callable[[dict[str, float]], Any] | None = None,
        **told: Any,
    ) -> None:
        super().__init__()
        self.tracker: Tracker | None = None
        self._criterion, self._model, self._test = criterion, model, test
        self._log, self._told = log, told

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Its data and its optimiser are there from now on; several optimisers are no one."""
        if not trainer.is_global_zero:
            return
        optimizers = trainer.optimizers
        self.tracker = track(
            pl_module if self._model is None else self._model(pl_module),
            _first(trainer.train_dataloader),
            self._criterion,
            optimizers[0] if len(optimizers) == 1 else None,
            test=self._test if self._test is not None else _first(trainer.val_dataloaders),
            log=self._log or _to_loggers(trainer),
            **self._told,
        )
        self.tracker.step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """After a step of the optimiser, and not where gradients are still gathered."""
        if self.tracker is not None and trainer.global_step > self.tracker.step:
            self.tracker(trainer.global_step)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """The weights of the end."""
        if self.tracker is not None:
            self.tracker.close()


def _first(loaders: Any) -> Any:
    return loaders[0] if isinstance(loaders, (list, tuple)) and loaders else loaders


def _to_loggers(trainer: Any) -> Callable[[dict[str, float]], Any]:
    def log(values: dict[str, float]) -> None:
        for each in trainer.loggers:
            each.log_metrics(values, step=trainer.global_step)

    return log
