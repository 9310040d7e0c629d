"""The unified social credit code (GB 32100-2015) with the organisation code inside it (GB 11714-1997).

Eighteen characters: registering department (1), kind (1), administrative division (6 digits), subject code (9, the
last one a check character of GB 11714), check character (1).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from operator import mul

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from node.policy.textmatrix import as_arrow, blocks

LENGTH = 18
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015, table 2: no I O S V Z
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
_SUBJECT_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)  # GB 11714-1997, 2.2
# int(c, 36) gives digits as themselves and A=10 ... Z=35, as GB 11714 counts.
_SUBJECT_DIGITS = {character: int(character, 36) for character in ALPHABET}
_SUBJECT_CHECKS = "0123456789X"
_SUBJECT_START = 8


def normalise(text: str) -> str:
    """Return ``text`` in NFKC, without surrounding white space, in upper case: full-width forms become plain ones."""
    return unicodedata.normalize("NFKC", text).strip().upper()


def validate(text: str) -> str:
    """Return the normalised code.

    Raises:
        ValueError: the rule that is broken, without the value.
    """
    code = normalise(text)
    if len(code) != LENGTH:
        raise ValueError(f"a code has {LENGTH} characters")
    if not _VALUES.keys() >= set(code):
        raise ValueError("a code is made of digits and capital letters without I, O, S, V and Z")
    if not code[2:8].isdigit():
        raise ValueError("characters 3 to 8 are the administrative division, six digits")
    if _subject_check(code[_SUBJECT_START:16]) != code[16]:
        raise ValueError("character 17 is not the check character of GB 11714")
    if _check(code[:17]) != code[17]:
        raise ValueError("character 18 is not the check character of GB 32100")
    return code


def is_valid(code: str) -> bool:
    """Return whether ``code`` is valid as it stands, already normalised."""
    try:
        return validate(code) == code
    except ValueError:
        return False


def check_many(codes: Sequence[str | None] | pa.Array) -> NDArray[np.bool_]:
    """Return, for every code, whether it is valid as it stands; normalise first what people typed.

    ``codes`` may be an Arrow array of strings. About a million codes a second.
    """
    try:
        array = as_arrow(codes)
    except UnicodeEncodeError:
        return np.array([code is not None and is_valid(code) for code in codes], dtype=np.bool_)
    valid = np.zeros(len(array), dtype=np.bool_)
    for start, characters, lengths in blocks(array, LENGTH):
        valid[start : start + len(lengths)] = (lengths == LENGTH) & _valid_columns(characters)
    return valid


def valid_code(n: int, prefix: str = "91", division: str = "330100") -> str:
    """Return the ``n``-th code of a made-up series, distinct for distinct ``n`` of 0..858,874,529.

    ``prefix`` is department and kind, ``division`` six digits; the subject codes run from MA100000 in base 31.
    """
    if not 0 <= n < 31**6 - 31**5:
        raise ValueError("n is outside the series")
    rest, digits = n + 31**5, ""
    for _ in range(6):
        rest, digit = divmod(rest, 31)
        digits = ALPHABET[digit] + digits
    subject = "MA" + digits
    code = prefix + division + subject + _subject_check(subject)
    return validate(code + _check(code))


def _check(first: str) -> str:
    total = sum(map(mul, map(_VALUES.__getitem__, first), _WEIGHTS))
    return ALPHABET[-total % 31]


def _subject_check(subject: str) -> str:
    total = sum(map(mul, map(_SUBJECT_DIGITS.__getitem__, subject), _SUBJECT_WEIGHTS))
    return _SUBJECT_CHECKS[-total % 11]


def _table(values: dict[str, int]) -> NDArray[np.int16]:
    table = np.full(256, -1, dtype=np.int16)
    for character, value in values.items():
        table[ord(character)] = value
    return table


_CODE_VALUES = _table(_VALUES)
_SUBJECT_VALUES = _table(_SUBJECT_DIGITS)
_SUBJECT_CHECK_VALUES = _table({character: value for value, character in enumerate(_SUBJECT_CHECKS)})
_DIGITS = _table({character: value for value, character in enumerate("0123456789")})


def _valid_columns(characters: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The rules of :func:`validate` over a matrix of shape (18, rows)."""
    values = _CODE_VALUES[characters]
    total = np.array(_WEIGHTS, dtype=np.int16) @ values[:17]
    subject = np.array(_SUBJECT_WEIGHTS, dtype=np.int16) @ _SUBJECT_VALUES[characters[_SUBJECT_START:16]]
    return np.asarray(
        (values >= 0).all(axis=0)
        & (_DIGITS[characters[2:8]] >= 0).all(axis=0)
        & (-subject % 11 == _SUBJECT_CHECK_VALUES[characters[16]])
        & (-total % 31 == values[17]),
        dtype=np.bool_,
    )
