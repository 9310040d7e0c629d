"""What a scorecard needs to know of a catalogue: the narrow interface that node/policy/catalogue.py fulfils."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol


class FieldView(Protocol):
    """One catalogue field. ``type`` is decimal, integer or code; ``low``, ``high``, ``step`` are for numbers only."""

    @property
    def id(self) -> str:
        """Identifier of the field."""
        ...

    @property
    def type(self) -> str:
        """``decimal``, ``integer`` or ``code``."""
        ...

    @property
    def provision(self) -> str:
        """``score_only``, ``aggregate_only`` or ``flag_only``."""
        ...

    @property
    def low(self) -> str | Decimal | None:
        """Smallest value of a numeric field."""
        ...

    @property
    def high(self) -> str | Decimal | None:
        """Largest value of a numeric field."""
        ...

    @property
    def step(self) -> str | Decimal | None:
        """Every value of a numeric field is a multiple of it."""
        ...

    @property
    def codes(self) -> Sequence[str]:
        """Codes of a code field, in the order of their indices."""
        ...

    def from_tick(self, tick: int) -> str | Decimal:
        """Return the value or code that a tick or index stands for."""
        ...

    def edge_to_tick(self, edge: str | Decimal) -> int:
        """Return an edge in ticks; raise where the grid does not allow it."""
        ...


class CatalogueView(Protocol):
    """One version of a bureau's catalogue."""

    @property
    def catalogue_id(self) -> str:
        """Identifier of the catalogue."""
        ...

    @property
    def version(self) -> int:
        """Version of the catalogue, from 1."""
        ...

    @property
    def fields(self) -> Sequence[FieldView]:
        """Every field, in order."""
        ...
