"""Finds out how a text file is encoded and which character separates its columns."""

from __future__ import annotations

import codecs
import csv
from pathlib import Path

from node.data.sources import unreadable

_PART = 1 << 20
_DELIMITERS = ",\t;|"
# In this order: what is valid UTF-8 with Chinese in it is practically never meant as GB 18030.
_CANDIDATES = ("utf-8", "gb18030")
ENCODINGS = ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "gbk", "gb2312", "big5")
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def detect_encoding(path: Path) -> str:
    """Return ``utf-8``, ``utf-16`` (with a byte order mark) or ``gb18030``: the first that the WHOLE file is valid in.

    Raises:
        Refusal: ``INVALID_INPUT`` where it is none of them.
    """
    with path.open("rb") as file:
        start = file.read(4)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            candidates: tuple[str, ...] = (encoding,)
            break
    else:
        candidates = _CANDIDATES
    for encoding in candidates:
        if _is_valid(path, encoding):
            return encoding
    raise unreadable("file", f"it is not valid {' or '.join(candidates)}; name its encoding")


def check_encoding(path: Path, encoding: str) -> str:
    """Return the canonical name of an encoding that the file is valid in.

    Raises:
        Refusal: ``INVALID_INPUT`` where it is not one of :data:`ENCODINGS`, or the file is not valid in it.
    """
    name = encoding.strip().lower().replace("_", "-")
    if name not in ENCODINGS:
        raise unreadable("file", f"its encoding must be one of {', '.join(ENCODINGS)}")
    if not _is_valid(path, name):
        raise unreadable("file", f"it is not valid {name}")
    return name


def _is_valid(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while part := file.read(_PART):
                decoder.decode(part)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def detect_delimiter(path: Path, encoding: str) -> str:
    """Return the one of comma, tab, semicolon and bar that cuts the header into most columns; comma where none does."""
    with path.open(encoding=encoding, newline="") as file:
        line = file.readline(_PART)

    def columns(delimiter: str) -> int:
        try:
            return len(next(csv.reader([line], delimiter=delimiter), []))
        except csv.Error:
            return 0

    return max(_DELIMITERS, key=columns)
