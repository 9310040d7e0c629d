"""Names and codes as text: one normal form, so that what looks alike is alike."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field


def normal(text: str) -> str:
    """Return the normal form of a cell or a code: Unicode NFKC (full-width becomes ASCII), outer blanks removed."""
    return unicodedata.normalize("NFKC", text).strip() if not text.isascii() else text.strip()


def _is_normal(text: str) -> str:
    if normal(text) != text:
        raise ValueError("is not in normal form (Unicode NFKC, no blanks around it)")
    if not text.isprintable():
        raise ValueError("holds a character that does not print")
    return text


NormalText = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_is_normal)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")]
