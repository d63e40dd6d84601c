"""What every model that leaves the appliance has in common."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints


class Model(BaseModel):
    """Base of the payload models: frozen, no unknown fields when writing, no NaN or infinity."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        json_schema_serialization_defaults_required=True,
    )


def _rounded(digits: int) -> AfterValidator:
    """Cut digits that mean nothing, so that payloads stay small; adding zero turns -0.0 into 0.0."""
    return AfterValidator(lambda value: round(value, digits) + 0.0)


Fraction = Annotated[float, Field(ge=0, le=1), _rounded(4)]
"""A share, 0..1."""

Pixels = Annotated[float, _rounded(1)]
"""A coordinate in source-image pixels; it may lie outside the picture."""

Milliseconds = Annotated[float, Field(ge=0), _rounded(1)]
"""A duration in milliseconds."""

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,47}$"

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""A device or site: 1 to 48 letters, digits, dashes or underscores, so that it is one level of a topic."""

Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
"""A short machine-readable word: a flag, a stage."""

Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f-\x9f]+$", max_length=200)]
"""One line of text for people, without control characters."""
