"""What a person asks of one plane through input space; answered as the arrays `slice_*`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from minimascope.contract.questions.question import AnswerDocument, Question, QuestionKind

Row = Annotated[int, Field(ge=0)]
PlaneName = Literal["input", "points", "extremes", "principal"]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class SliceRequest(Question):
    """One plane.

    plane: `input` (2-D inputs only), `points` (through the three training rows `points`),
    `extremes` (through x_t^max and x_t^min, the training points of largest and smallest alignment
    with v_`vector`, and x_b, the boundary input most parallel to it), or `principal` (along the
    principal components `components` of the training inputs).
    """

    kind: ClassVar[QuestionKind] = "slice"

    plane: PlaneName = Field(description="which plane through input space")
    points: tuple[Row, Row, Row] | None = Field(
        None, description="three training rows, from 0, of the plane points"
    )
    vector: Annotated[int, Field(ge=1)] = Field(
        1, description="eigenvector, from 1, of the plane extremes"
    )
    components: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = Field(
        (1, 2), description="principal components, from 1, of the plane principal"
    )
    resolution: Annotated[int, Field(ge=2, le=400)] | None = Field(
        None, description="grid points a side"
    )
    bounds: tuple[Finite, Finite, Finite, Finite] | None = Field(
        None,
        description="x_low, x_high, y_low, y_high in plane coordinates; "
        "the data's range and 15% more where it is not given",
    )

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

    @override
    def content(self) -> dict[str, Any]:
        """Without the fields that this kind of plane does not read."""
        read = {"points": "points", "extremes": "vector", "principal": "components"}
        names = {"plane", "resolution", "bounds", read.get(self.plane, "plane")}
        return self.model_dump(mode="json", include=names)


class Slice(AnswerDocument):
    """A plane asked for: its arrays are there once it is done.

    `underflowed` counts grid points whose gradient has no direction.
    """

    kind: ClassVar[QuestionKind] = "slice"

    request: SliceRequest
    arrays: tuple[str, ...] = ()
    underflowed: int | None = None
