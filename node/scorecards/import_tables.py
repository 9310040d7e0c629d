"""Reads the tables that scorecard libraries print: one row per variable and bin, with its points."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise

from node.codes import Code
from node.errors import Refusal
from node.scorecards.numbers import list_number

_INTERVAL = re.compile(r"^[\[(]\s*(-inf|[^,\s]+)\s*,\s*(inf|[^,\s]+)\s*[)\]]$")

Rows = Sequence[Mapping[str, str]]
"""Rows of a table: column -> text."""


def read_rows(content: bytes, columns: Sequence[str], what: str) -> dict[str, list[dict[str, str]]]:
    """Return the rows of a CSV table by variable (the first of ``columns``), in the file's order.

    :raises Refusal: ``INVALID_INPUT`` where it is no CSV or lacks a column.
    """
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), restval="")
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error):
        raise invalid(what, "not a CSV file in UTF-8") from None
    absent = [name for name in columns if name not in (reader.fieldnames or ())]
    if absent:
        raise invalid(what, f"the column {absent[0]!r} is absent")
    found: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        found.setdefault(row[columns[0]].strip(), []).append(row)
    found.pop("", None)
    if not found:
        raise invalid(what, "it has no row")
    return found


def points_of(text: str, what: str) -> float:
    """Return the points of a cell."""
    number = list_number(text.strip())
    if number is None:
        raise invalid(what, "a cell of the points is no number")
    return float(number)


def is_interval(text: str) -> bool:
    """Whether a bin's label is an interval such as ``[0.5, inf)``."""
    match = _INTERVAL.match(text.strip())
    return match is not None and all(_is_end(end) for end in match.groups())


def edges_of(labels: Sequence[str], what: str) -> tuple[Decimal, ...]:
    """Return the edges between intervals, which must join one another from -inf to inf."""
    ends = [_ends(label, what) for label in labels]
    joined = all(left[1] == right[0] for left, right in pairwise(ends))
    if not joined or ends[0][0] != "-inf" or ends[-1][1] != "inf":
        raise invalid(what, "the intervals of a variable do not join one another from -inf to inf")
    edges = tuple(Decimal(high) for _, high in ends[:-1])
    if any(left >= right for left, right in pairwise(edges)):
        raise invalid(what, "two edges of a variable are printed alike or do not ascend; export more digits")
    return edges


def _ends(label: str, what: str) -> tuple[str, str]:
    match = _INTERVAL.match(label.strip())
    if match is None:
        raise invalid(what, "a bin's label is no interval")
    return match.group(1), match.group(2)


def _is_end(text: str) -> bool:
    return text in {"-inf", "inf"} or list_number(text) is not None


def invalid(what: str, detail: str) -> Refusal:
    """Return the refusal for an exported file."""
    return Refusal(
        Code.INVALID_INPUT,
        f"{what}: {detail}",
        remedy="Export the model again as docs/scorecards.md describes.",
    )
