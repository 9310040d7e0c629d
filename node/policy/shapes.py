"""What policy documents are made of: the base model, bounded identifiers and texts, exact decimals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from node.codes import Code
from node.errors import Refusal
from node.policy.strictjson import JsonFault, canonical

PARTY_ID_PATTERN = r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"
FIELD_ID_PATTERN = r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$"
DOCUMENT_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
# Fifteen digits before the point and nine behind it hold any amount in fen that a province books.
DECIMAL_PATTERN = r"^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,9})?$"
SHARE_PATTERN = r"^(?:0(?:\.[0-9]{1,4})?|1(?:\.0{1,4})?)$"
_PATTERN_WORDS = {
    PARTY_ID_PATTERN: "must be of lower-case letters, digits and hyphens, at most 63, no hyphen at either end",
    FIELD_ID_PATTERN: "a letter first, then letters, digits, dot, underscore and hyphen, at most 64",
    DOCUMENT_ID_PATTERN: "a letter or digit first, then letters, digits, dot, underscore and hyphen, at most 64",
    DECIMAL_PATTERN: 'must be a decimal in quotes, such as "-0.5", without an exponent',
    SHARE_PATTERN: 'must be from "0" to "1" in quotes, with at most four digits behind the point',
}
_MEMBER_FIRST = re.compile(r"[a-z][a-z0-9_]*(?:\[[0-9]+\]|\.[a-z0-9_]+)*: ")

PartyId = Annotated[str, StringConstraints(pattern=PARTY_ID_PATTERN)]
FieldId = Annotated[str, StringConstraints(pattern=FIELD_ID_PATTERN)]
DocumentId = Annotated[str, StringConstraints(pattern=DOCUMENT_ID_PATTERN)]
DecimalText = Annotated[str, StringConstraints(pattern=DECIMAL_PATTERN)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class PolicyModel(BaseModel):
    """A frozen, strict model: no unknown member, no silent conversion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_by_name=True, validate_by_alias=True)

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """Return the model that a parsed JSON object describes.

        Raises:
            Refusal: ``INVALID_INPUT`` with the path of the first fault, for example ``fields[3].step: ...``.
        """
        try:
            return cls.model_validate_json(canonical(body))
        except ValidationError as error:
            raise Refusal(Code.INVALID_INPUT, explain(error)) from None
        except JsonFault as error:
            raise Refusal(Code.INVALID_INPUT, str(error)) from None

    def to_body(self) -> dict[str, Any]:
        """Return the JSON object of this model; absent members are left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def explain(error: ValidationError) -> str:
    """Return the first fault as ``path: what is wrong``, without the value, and how many more there are."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    first = _line(faults[0])
    return first if len(faults) == 1 else f"{first} (and {len(faults) - 1} more)"


def in_words(message: str) -> str:
    """Return pydantic's message with what a pattern asks for said in words."""
    for pattern, words in _PATTERN_WORDS.items():
        if message == f"String should match pattern '{pattern}'":
            return words
    return message.removeprefix("Value error, ")


def _line(fault: ErrorDetails) -> str:
    path = ""
    for step in fault["loc"]:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    message = in_words(fault["msg"])
    path = path.removeprefix(".")
    if _MEMBER_FIRST.match(message):  # a validator of the whole object names the member itself
        return f"{path}.{message}" if path else message
    return f"{path}: {message}" if path else message


def exact(text: str | Decimal) -> tuple[int, int]:
    """Return ``(mantissa, decimals)`` of a finite decimal: its value is mantissa / 10^decimals, decimals >= 0."""
    sign, digits, exponent = Decimal(text).as_tuple()
    if not isinstance(exponent, int):
        raise ValueError("is not a finite number")
    mantissa = int("".join(map(str, digits)) or "0") * (-1 if sign else 1)
    return (mantissa * power(exponent), 0) if exponent > 0 else (mantissa, -exponent)


def power(exponent: int) -> int:
    """Return 10 to a power that is not negative, as an integer."""
    return int(10**exponent)


def require_distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return ``values`` if none stands twice; for use as a validator."""
    if len(set(values)) != len(values):
        raise ValueError("an entry stands twice")
    return values
