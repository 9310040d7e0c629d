"""Functions compiled by numba, with a type that the checker can follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from numba import njit

_P = ParamSpec("_P")
_T = TypeVar("_T")


def compiled(signature: str) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]:
    """Compile a function for one signature when its module is imported, or take it from the cache beside the module.

    It runs without the interpreter's lock, on one thread; integers wrap modulo 2^64. Where neither the module's folder
    nor the user's can be written, as in a container that may write nothing, every process compiles anew;
    ``NUMBA_CACHE_DIR`` names another folder.
    """

    def decorate(function: Callable[_P, _T]) -> Callable[_P, _T]:
        return _compiled(function, signature)

    return decorate


def compiled_when_called(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Do as :func:`compiled`, but compile at the first call, for the types of its arguments."""
    return _compiled(function, None)


def _compiled(function: Callable[_P, _T], signature: str | None) -> Callable[_P, _T]:
    options: dict[str, Any] = {"nogil": True}
    try:
        return cast(Callable[_P, _T], njit(signature, cache=True, **options)(function))
    except RuntimeError:  # «no locator available»: there is nowhere to keep it
        return cast(Callable[_P, _T], njit(signature, **options)(function))
