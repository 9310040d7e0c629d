"""JSON with one meaning: a strict, bounded parser and the canonical form that signatures are made over.

The canonical form is RFC 8785 (JSON Canonicalization Scheme) without floating-point numbers: members sorted by
UTF-16 code units (3.2.3), shortest escapes (3.2.2.2), no white space. Decimals travel as strings, because a float
written by one library and read by another need not be the same number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

MAXIMUM_INTEGER = 2**53 - 1
MAXIMUM_DEPTH = 16


class JsonFault(ValueError):  # noqa: N818 - what is wrong with a text, not an exceptional state
    """A text is not JSON as this project reads it; the message carries none of its content."""


def parse_object(data: bytes, maximum_bytes: int) -> dict[str, Any]:
    """Return the JSON object that ``data`` holds.

    Refused before anything is parsed: more than ``maximum_bytes``. Refused while parsing: not UTF-8, a member that
    stands twice, a float, an integer beyond 2^53 - 1, more than :data:`MAXIMUM_DEPTH` levels.

    Raises:
        JsonFault: any of these, or the text is not a JSON object.
    """
    if len(data) > maximum_bytes:
        raise JsonFault(f"longer than {maximum_bytes} bytes")
    try:
        value = _DECODER.decode(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise JsonFault("not UTF-8") from None
    except RecursionError:
        raise JsonFault(f"nested deeper than {MAXIMUM_DEPTH} levels") from None
    except json.JSONDecodeError as error:
        raise JsonFault(f"not JSON at line {error.lineno}, column {error.colno}") from None
    if not isinstance(value, dict):
        raise JsonFault("not a JSON object")
    if data.count(b"[") + data.count(b"{") > MAXIMUM_DEPTH:  # with fewer brackets nothing can be nested deeper
        _check_depth(value)
    return value


def canonical(value: Any) -> bytes:
    """Return the canonical bytes of a value made of objects, lists, strings, integers, booleans and null.

    Raises:
        JsonFault: a float, an integer beyond 2^53 - 1, a lone surrogate, a foreign type, or too many levels.
    """
    _check_depth(value)
    try:
        return json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    except UnicodeEncodeError:
        raise JsonFault("a string holds a lone surrogate") from None


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise JsonFault("a member stands twice in an object")
    return members


def _refuse_number(_: str) -> NoReturn:
    raise JsonFault("a number is not an integer; decimals are written as strings")


def _bounded_integer(text: str) -> int:
    # The length goes first: turning thousands of digits into an integer costs quadratic time.
    if len(text) > 17 or abs(value := int(text)) > MAXIMUM_INTEGER:
        raise JsonFault("an integer is beyond 2^53 - 1")
    return value


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_members,
    parse_float=_refuse_number,
    parse_constant=_refuse_number,
    parse_int=_bounded_integer,
)


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAXIMUM_DEPTH):
        level = [inner for outer in level for inner in _inner(outer) if isinstance(inner, dict | list | tuple)]
        if not level:
            return
    raise JsonFault(f"nested deeper than {MAXIMUM_DEPTH} levels")


def _inner(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


def _ordered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _ordered(value[name]) for name in sorted(value, key=_utf16_order)}
    if isinstance(value, list | tuple):
        return [_ordered(inner) for inner in value]
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int) and abs(value) <= MAXIMUM_INTEGER:
        return value
    raise JsonFault(f"a value of type {type(value).__name__} has no canonical form here")


def _utf16_order(name: object) -> bytes:
    if not isinstance(name, str):
        raise JsonFault("a member's name is not a string")
    return name.encode("utf-16-be", "surrogatepass")
