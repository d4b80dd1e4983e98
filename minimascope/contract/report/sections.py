"""What every part of a report is made of, and how it is made from a result of the numerics."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Section(BaseModel):
    """Base of every part of the report; NaN and infinity become null in JSON."""

    model_config = ConfigDict(
        extra="forbid",
        from_attributes=True,
        populate_by_name=True,
        ser_json_inf_nan="null",
        serialize_by_alias=True,
    )

    @classmethod
    def of(cls, found: object, **more: object) -> Self:
        """From the attributes of `found` that have the names of fields here, and from `more`.

        Fields that neither knows keep their defaults; ValidationError where they have none.
        """
        known = {
            name: getattr(found, name)
            for name in cls.model_fields
            if name not in more and hasattr(found, name)
        }
        return cls.model_validate({**known, **more})


def _listed(value: Any) -> Any:
    """The numbers of a tensor or array: this room knows neither torch nor numpy."""
    return value.tolist() if hasattr(value, "tolist") else value


# Lists that may be given as a tensor or array of as many dimensions.
Numbers = Annotated[list[float], BeforeValidator(_listed)]
Flags = Annotated[list[bool], BeforeValidator(_listed)]


class Estimate(Section):
    """A number with its error: `standard_error` is null only where the value is exact."""

    value: float | None
    standard_error: float | None = None
    method: str = ""
