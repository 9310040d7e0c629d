"""Compiled functions where nothing can be kept on disk."""

from __future__ import annotations

import pytest
from numba.core import caching

from protocols.primitives.compiled import compiled


def test_a_place_that_may_write_nothing_compiles_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in dir(caching):
        kind = getattr(caching, name)
        if isinstance(kind, type) and "_locator_classes" in vars(kind):
            monkeypatch.setattr(kind, "_locator_classes", [])

    @compiled("int64(int64)")
    def twice(number: int) -> int:
        return 2 * number

    assert twice(21) == 42
    assert not twice.stats.cache_hits  # type: ignore[attr-defined]
