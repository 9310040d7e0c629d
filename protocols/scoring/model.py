"""Models (README §3): what the bureau sees of one (fields, edges), and what only the bank sees (weights)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from protocols.encoding import Reader, Writer
from protocols.errors import ParameterError, PeerProtocolError
from protocols.scoring.fields import (
    KINDS,
    MAX_COLUMNS,
    MISSING,
    BinnedField,
    DrawBelow,
    GroupedField,
    LinearField,
    PublicField,
)
from protocols.transcript import bind, digest

__all__ = [
    "MAX_COLUMNS",
    "MISSING",
    "BinnedField",
    "GroupedField",
    "LinearField",
    "PublicField",
    "PublicModel",
    "SecretModel",
]

SCORE_LIMIT = 2**31
"""Scores and weights lie strictly between ``-SCORE_LIMIT`` and ``SCORE_LIMIT`` (README §4)."""
_KIND_NUMBERS = {kind: number for number, kind in KINDS.items()}


@dataclass(frozen=True)
class PublicModel:
    """The fields of a model in the order of their columns; everything that the bureau learns of a model."""

    fields: tuple[PublicField, ...]

    def __post_init__(self) -> None:
        if not self.fields:
            raise ParameterError("a model has at least one field")
        if len({field.field for field in self.fields}) != len(self.fields):
            raise ParameterError("a field stands twice in a model")
        if self.column_count > MAX_COLUMNS:
            raise ParameterError(f"a model has at most {MAX_COLUMNS} columns")

    @cached_property
    def column_count(self) -> int:
        """How many columns, and so weights, the model has."""
        return sum(field.column_count for field in self.fields)

    @cached_property
    def maxima(self) -> tuple[int, ...]:
        """The largest value that each column may take; the noise bound rests on it."""
        return tuple(value for field in self.fields for value in field.maxima)

    def columns(self, features: Mapping[str, NDArray[np.int64]]) -> NDArray[np.uint16]:
        """Return the columns of ``features``, shape (column_count, rows).

        Args:
            features: ticks or code indices of every field, each of shape (rows,); :data:`MISSING` for no value.

        Raises:
            ParameterError: a field is absent or has another length, or a value lies outside its range.
        """
        rows = {self._values(features, field.field).size for field in self.fields}
        if len(rows) != 1:
            raise ParameterError("the fields differ in their number of rows")
        out = np.zeros((self.column_count, rows.pop()), dtype=np.uint16)
        start = 0
        for field in self.fields:
            field.fill(features[field.field], out[start : start + field.column_count])
            start += field.column_count
        return out

    @staticmethod
    def _values(features: Mapping[str, NDArray[np.int64]], name: str) -> NDArray[np.int64]:
        if name not in features:
            raise ParameterError(f"field {name}: no values were given")
        values = features[name]
        if values.ndim != 1 or values.dtype != np.int64:
            raise ParameterError(f"field {name}: values are not one row of int64")
        return values

    def draw_row(self, below: DrawBelow) -> tuple[int, ...]:
        """Return the columns of a random row that real features could have made: what canaries are (README §8)."""
        return tuple(value for field in self.fields for value in field.draw(below))

    def encode(self) -> bytes:
        """Return the canonical encoding."""
        writer = Writer().uint(len(self.fields), 2)
        for field in self.fields:
            writer.uint(_KIND_NUMBERS[type(field)], 1)
            field.write(writer)
        return writer.finish()

    @classmethod
    def decode(cls, data: bytes) -> PublicModel:
        """Return the model that ``data`` encodes.

        Raises:
            PeerProtocolError: it is no canonical encoding of a valid model.
        """
        reader = Reader(data)
        try:
            model = cls(tuple(_read_field(reader) for _ in range(reader.uint(2, MAX_COLUMNS, 1))))
        except ParameterError as error:
            raise PeerProtocolError(f"a model is invalid: {error}") from None
        reader.finish()
        return model

    def digest(self) -> bytes:
        """Return the 32-byte digest of the canonical encoding."""
        return digest("scoring/public-model", self.encode())


def _read_field(reader: Reader) -> PublicField:
    return KINDS[reader.uint(1, max(KINDS), min(KINDS))].read(reader)


@dataclass(frozen=True, repr=False)
class SecretModel:
    """A public model and its SECRET integer weights, one for each column. Checked against the score bound."""

    public: PublicModel
    weights: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.weights) != self.public.column_count:
            raise ParameterError("a model has one weight for each column")
        if any(abs(weight) >= SCORE_LIMIT for weight in self.weights):
            raise ParameterError("a weight breaks the bound of 2^31")
        if self.score_low <= -SCORE_LIMIT or self.score_high >= SCORE_LIMIT:
            raise ParameterError("the model's scores can reach 2^31, the bound of the profile")

    @cached_property
    def _extremes(self) -> tuple[tuple[int, int], ...]:
        start, found = 0, []
        for field in self.public.fields:
            found.append(field.extremes(self.weights[start : start + field.column_count]))
            start += field.column_count
        return tuple(found)

    @cached_property
    def score_low(self) -> int:
        """The smallest score that any row can reach, exactly."""
        return sum(low for low, _ in self._extremes)

    @cached_property
    def score_high(self) -> int:
        """The largest score that any row can reach, exactly."""
        return sum(high for _, high in self._extremes)

    def score(self, columns: tuple[int, ...]) -> int:
        """Return the score of one row's columns in unbounded integers."""
        return sum(weight * value for weight, value in zip(self.weights, columns, strict=True))

    def export_secret(self) -> bytes:
        """Return the SECRET canonical encoding of fields and weights, for seeds, sealing and the dossier."""
        weights = Writer()
        for weight in self.weights:
            weights.uint(weight + SCORE_LIMIT, 4)
        return bind("scoring/secret-model", self.public.encode(), weights.finish())

    def __repr__(self) -> str:
        return f"SecretModel({self.public.column_count} columns, <redacted>)"

    def __reduce__(self) -> str:
        raise TypeError("a secret model cannot be pickled")
