"""What the compiler made of a compiled function, for tests that no branch depends on a secret."""

from __future__ import annotations

import re
from typing import Any

from numba import njit


def conditional_jumps(function: Any, signature: str) -> list[str]:
    """Return the conditional jumps of a function of :func:`protocols.primitives.compiled.compiled` on x86-64.

    It is compiled anew: a function that comes from the cache has no text. The text of its callers is left out.
    """
    compiled = njit(signature, nogil=True)(function.py_func)
    (text,) = compiled.inspect_asm().values()
    body = text[: text.index(".Lfunc_end0")]
    assert "ret" in body
    return re.findall(r"^\s+(j(?!mp)\w+)\s", body, re.MULTILINE)
