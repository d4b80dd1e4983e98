"""What a question's answer follows from, and how it is opened: the same for every kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import torch
from pydantic import BaseModel
from torch import Tensor

from minimascope.analysis.session.assembly import Opened
from minimascope.analysis.session.opening import Files, open_files
from minimascope.analysis.session.publishing import Publisher
from minimascope.contract.parameters import Parameters
from minimascope.contract.questions.question import QuestionKind

Q_co = TypeVar("Q_co", bound=BaseModel, covariant=True)


@dataclass(frozen=True)
class Asked(Generic[Q_co]):
    """A question about the analysis of `files` with `parameters`.

    `arrays` are files of those of the analysis that the answer needs. Whatever the analysis ran on,
    answers are computed on the CPU: each is small, and any worker may take it.
    """

    kind: QuestionKind
    question: Q_co
    files: Files
    parameters: Parameters
    workdir: Path
    publisher: Publisher
    arrays: Mapping[str, Path]

    def opened(self) -> Opened:
        """Network and data of the analysis. Raises ProblemError as `open_files`."""
        self.publisher.progress(self.kind, 0.0, "Opening the checkpoint and the data")
        here = self.parameters.model_copy(update={"device": "cpu"})
        return open_files(self.files, here, workdir=self.workdir)

    def array(self, name: str) -> Tensor | None:
        """One array of the analysis, None where it has none."""
        path = self.arrays.get(name)
        return None if path is None else torch.from_numpy(np.load(path, allow_pickle=False))

    def telling(self, message: str) -> Callable[[float], None]:
        """Passes on how far the answer is, in these words."""
        return lambda done: self.publisher.progress(self.kind, done, message)
