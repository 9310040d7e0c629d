"""The plaintext oracle: what the protocol must give, computed with both sets in one hand. For tests alone."""

from __future__ import annotations

from collections.abc import Iterable


def held(queries: Iterable[bytes], standing: Iterable[bytes]) -> dict[bytes, bool]:
    """Return for every query whether it is in the standing set."""
    members = frozenset(standing)
    return {query: query in members for query in queries}
