"""Which counts may be asked for: a smallest size, and what two counts have to differ by. README clause 6.

Pure checks over the bank's own lists. The bureau sees neither the list nor the result, so the bank's node applies them
before it asks, and an auditor applies them again to opened sets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from protocols.errors import LocalProtocolError, ParameterError


def check_size(codes: Collection[bytes], minimum: int) -> None:
    """Return if a count over ``codes`` (distinct) is of at least ``minimum`` of them, itself at least 2.

    Raises:
        LocalProtocolError: it is of fewer.
    """
    if minimum < 2:
        raise ParameterError("the smallest list of a count has at least two codes: of one it tells which")
    if len(codes) < minimum:
        raise LocalProtocolError(f"a count is of at least {minimum} codes, so that it tells of none of them")


def check_difference(codes: Collection[bytes], earlier: Iterable[Collection[bytes]], minimum: int) -> None:
    """Return if the list differs from every earlier one that was counted against the same list of the bureau as it
    must.

    What is new in it and what is gone from it are each nobody or at least ``minimum`` codes: subtracting one count from
    the other would tell of those few. The same list again is no difference, and tells nothing new.

    Raises:
        LocalProtocolError: it differs from one by too few.
    """
    asked = frozenset(codes)
    for before in earlier:
        known = frozenset(before)
        if any(0 < len(part) < minimum for part in (asked - known, known - asked)):
            raise LocalProtocolError(f"two counts differ by nobody or by at least {minimum} codes each way")
