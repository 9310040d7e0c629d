"""Which column of a source is which field of the catalogue."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from node.codes import Code
from node.errors import Refusal
from node.policy.catalogue import Catalogue

CODE_NAMES = ("uscc", "统一社会信用代码")
_BYTE_ORDER_MARK = "\ufeff"
_NAMED = 5


@dataclass(frozen=True)
class ColumnMap:
    """Places of columns in the source: of the code, and of every catalogue field (none where it is missing).

    ``extra`` are the names of columns that belong to no field, ``missing`` the ids of fields without a column.
    """

    code: int
    fields: tuple[int | None, ...]
    extra: tuple[str, ...]
    missing: tuple[str, ...]


def map_columns(
    header: Sequence[str],
    catalogue: Catalogue,
    *,
    ignore_extra: bool = False,
    allow_missing_fields: bool = False,
) -> ColumnMap:
    """Match a header with a catalogue, by field id or Chinese name, after NFKC and without white space around.

    Raises:
        Refusal: ``INVALID_INPUT`` names the columns: no code column, a column twice, an unknown one (unless
            ``ignore_extra``), a field without one (unless ``allow_missing_fields``), or no field at all.
    """
    names = [clean_name(name) for name in header]
    code = _find(names, CODE_NAMES)
    if code is None:
        raise _refusal(f"no column is named {' or '.join(CODE_NAMES)}")
    fields = tuple(_find(names, (field.id, clean_name(field.name_zh))) for field in catalogue.fields)
    used = {code, *(place for place in fields if place is not None)}
    if len(used) == 1:
        raise _refusal("no column is a field of the catalogue")
    extra = tuple(name for place, name in enumerate(names) if place not in used)
    if extra and not ignore_extra:
        remedy = "Leave them out with --ignore-extra, or correct their names."
        raise _refusal(f"columns that the catalogue does not name: {_listed(extra)}", remedy)
    missing = tuple(field.id for field, place in zip(catalogue.fields, fields, strict=True) if place is None)
    if missing and not allow_missing_fields:
        remedy = "Take them as missing in every row with --allow-missing-fields, or add the columns."
        raise _refusal(f"fields of the catalogue without a column: {_listed(missing)}", remedy)
    return ColumnMap(code, fields, extra, missing)


def clean_name(name: str) -> str:
    """Return a column's name in NFKC without byte order mark and surrounding white space."""
    return unicodedata.normalize("NFKC", name.removeprefix(_BYTE_ORDER_MARK)).strip()


def _find(names: Sequence[str], wanted: Sequence[str]) -> int | None:
    places = [place for place, name in enumerate(names) if name in wanted]
    if len(places) > 1:
        raise _refusal(f"more than one column is {' or '.join(dict.fromkeys(wanted))}")
    return places[0] if places else None


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(name[:64] or "(without a name)" for name in names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"


def _refusal(detail: str, remedy: str | None = None) -> Refusal:
    return Refusal(Code.INVALID_INPUT, detail, remedy=remedy)
