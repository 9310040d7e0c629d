"""Leakage by counting every combination in fractions: the definition in other words, for small models."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from protocols.leakage.cells import Cell, FieldCells
from protocols.leakage.population import FieldPoints, Sensitivity

Enterprise = tuple[int, ...]
"""The bin of each field."""


@dataclass(frozen=True)
class Counted:
    """Every kind of enterprise with its share and its score, which may be any hashable thing."""

    enterprises: tuple[tuple[Enterprise, Fraction, object], ...]

    def posteriors(self, field: int, inside: Collection[int]) -> dict[object, tuple[Fraction, Fraction]]:
        """Return, by score, the share of enterprises with it and of those whose bin is among ``inside``."""
        found: dict[object, tuple[Fraction, Fraction]] = {}
        for bins, share, score in self.enterprises:
            every, some = found.get(score, (Fraction(0), Fraction(0)))
            found[score] = (every + share, some + share * (bins[field] in inside))
        return found

    def prior(self, field: int, inside: Collection[int]) -> Fraction:
        return sum((share for bins, share, _ in self.enterprises if bins[field] in inside), Fraction(0))

    def gain(self, field: int, parts: Sequence[Collection[int]]) -> Fraction:
        by_part = [self.posteriors(field, part) for part in parts]
        guessed = sum((max(found[score][1] for found in by_part) for score in by_part[0]), Fraction(0))
        return guessed - max(self.prior(field, part) for part in parts)

    def share(self, field: int, inside: Collection[int]) -> Fraction:
        """The share of members of ``inside`` whose posterior is at least 0.95."""
        found = self.posteriors(field, inside).values()
        sure = sum((some for every, some in found if some >= Fraction(95, 100) * every), Fraction(0))
        prior = self.prior(field, inside)
        return sure / prior if prior else Fraction(0)

    def runs(self, field: int, order: Sequence[Collection[int]]) -> tuple[Fraction, Fraction]:
        """The largest gain and the largest judged share over runs of neighbours in ``order``, the whole left out."""
        everything = {bin_ for step in order for bin_ in step}
        gains, shares = [Fraction(0)], [Fraction(0)]
        for first, last in product(range(len(order)), repeat=2):
            inside = {bin_ for step in order[first : last + 1] for bin_ in step}
            if inside and inside != everything:
                gains.append(self.gain(field, [inside, everything - inside]))
                shares.append(self.share(field, inside) if self.prior(field, inside) <= Fraction(1, 2) else Fraction(0))
        return max(gains), max(shares)


def counted(
    points: Sequence[Sequence[object]], priors: Sequence[Sequence[Fraction]], known: Collection[int] = ()
) -> Counted:
    """Count independent fields. ``points[f][b]`` is an int or a tuple of ints, one for each model."""
    found = []
    for bins in product(*(range(len(row)) for row in points)):
        share = Fraction(1)
        for field, bin_ in enumerate(bins):
            share *= priors[field][bin_]
        chosen = [points[field][bin_] for field, bin_ in enumerate(bins)]
        vectors = [value if isinstance(value, tuple) else (value,) for value in chosen]
        score = tuple(sum(column) for column in zip(*vectors, strict=True))
        found.append((bins, share, (score, tuple(bins[field] for field in sorted(known)))))
    return Counted(tuple(found))


def field(
    name: str,
    points: Sequence[int],
    prior: Sequence[Fraction | float],
    sensitivity: Sensitivity = Sensitivity.SENSITIVE,
) -> FieldPoints:
    """Return a field whose bins are called b0, b1, .."""
    labels = tuple(f"b{place}" for place in range(len(points)))
    return FieldPoints(name, sensitivity, labels, tuple(points), tuple(float(share) for share in prior))


def tick_cells(name: str, counts: Sequence[int], width: int = 1, missing: int = 0) -> FieldCells:
    """Return cells of ``width`` ticks each from zero on, and one of missing values."""
    cells = [Cell(count, place * width, (place + 1) * width) for place, count in enumerate(counts)]
    return FieldCells(name, (*cells, Cell(missing, missing=True)))
