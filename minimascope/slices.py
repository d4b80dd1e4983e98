"""What a person asks of one plane through input space; answered as the arrays `slice_*`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Row = Annotated[int, Field(ge=0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class SliceRequest(BaseModel):
    """One plane.

    plane: `input` (2-D inputs only), `points` (through the three training rows `points`),
    `extremes` (through x_t^max and x_t^min, the training points of largest and smallest alignment
    with v_`vector`, and x_b, the boundary input most parallel to it), or `principal` (along the
    principal components `components` of the training inputs, 1-based). `bounds` = (x_low, x_high,
    y_low, y_high) in plane coordinates; the data range and 15% more if null.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    plane: Literal["input", "points", "extremes", "principal"]
    points: tuple[Row, Row, Row] | None = None
    vector: Annotated[int, Field(ge=1)] = 1
    components: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = (1, 2)
    resolution: Annotated[int, Field(ge=2, le=400)] | None = None
    bounds: tuple[Finite, Finite, Finite, Finite] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.plane == "points" and (self.points is None or len(set(self.points)) < 3):
            raise ValueError(f"A plane needs three different training rows, not {self.points}.")
        if self.plane == "principal" and self.components[0] == self.components[1]:
            raise ValueError(
                f"A plane needs two different components, not {self.components[0]} twice."
            )
        if self.bounds is not None:
            x_low, x_high, y_low, y_high = self.bounds
            if not (x_low < x_high and y_low < y_high):
                raise ValueError(
                    f"Bounds {self.bounds} are empty: each low must be below its high."
                )
        return self
