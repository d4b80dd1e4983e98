"""What a reader of data hands on: arrays by name, and what was taken, left and done."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from minimascope.intake.files.taken import Row

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Found:
    """Arrays `X` and `y` among others; `columns` are the names of the columns of X, of a table;
    `classes` those of the classes, where labels are already their numbers.

    `said` are sentences for a person, `rows` what became of each part of the file.
    """

    arrays: Arrays
    said: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
