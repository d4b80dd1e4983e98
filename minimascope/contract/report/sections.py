"""What every part of a report is made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of every part of the report; NaN and infinity become null in JSON."""

    model_config = ConfigDict(
        extra="forbid", populate_by_name=True, ser_json_inf_nan="null", serialize_by_alias=True
    )


class Estimate(Section):
    """A number with its error: `standard_error` is null only where the value is exact."""

    value: float | None
    standard_error: float | None = None
    method: str = ""
