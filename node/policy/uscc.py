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


_WRONG = 1 << 10  # more than any sum of right characters, and 18 of them fit into 16 bits
_DIGITS = frozenset("0123456789")


def _terms(weights: Sequence[int], values: dict[str, int], modulus: int) -> NDArray[np.int16]:
    """Return for every place and byte its term in a sum that is 0 modulo ``modulus`` where the check character fits."""
    table = np.full((len(weights), 256), _WRONG, dtype=np.int16)
    for place, weight in enumerate(weights):
        for character, value in values.items():
            table[place, ord(character)] = value * weight % modulus
    return table


def _code_terms() -> NDArray[np.int16]:
    table = _terms((*_WEIGHTS, 1), _VALUES, 31)
    others = [ord(character) for character in _VALUES if character not in _DIGITS]
    table[2:8, others] = _WRONG  # the administrative division
    return table


def _subject_terms() -> NDArray[np.int16]:
    check = _terms((1,), {character: value for value, character in enumerate(_SUBJECT_CHECKS)}, 11)
    return np.concatenate([_terms(_SUBJECT_WEIGHTS, _SUBJECT_DIGITS, 11), check])


_CODE_TERMS = _code_terms()
_SUBJECT_TERMS = _subject_terms()


def _valid_columns(characters: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The rules of :func:`validate` over a matrix of shape (18, rows): both check characters make a sum zero."""
    total = _sum(_CODE_TERMS, characters)
    subject = _sum(_SUBJECT_TERMS, characters[_SUBJECT_START:17])
    within = (total < _WRONG) & (subject < _WRONG)
    return np.asarray(within & (total % 31 == 0) & (subject % 11 == 0), dtype=np.bool_)


def _sum(terms: NDArray[np.int16], characters: NDArray[np.uint8]) -> NDArray[np.int16]:
    total = np.zeros(characters.shape[1], np.int16)
    for table, column in zip(terms, characters, strict=True):
        total += table[column]
    return total
