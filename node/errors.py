"""The one error that crosses a boundary of the service: a refusal with a code, a side and a remedy.

It reaches a user as one line, a peer as a gRPC status with a ``Refusal`` detail. It never carries a secret, a raw
value or an identifier; internal errors become ``INTERNAL`` with a correlation id and are logged without their values.
"""

from __future__ import annotations

from functools import partial

from node.codes import Code, Side
from node.meanings import CODE_MEANINGS


class Refusal(Exception):  # noqa: N818 - the domain's word: a call is refused
    """A call that was refused: what is wrong, whose side it is on, what to do."""

    def __init__(self, code: Code, detail: str, *, side: Side | None = None, remedy: str | None = None) -> None:
        super().__init__(detail)
        meaning = CODE_MEANINGS[code]
        self.code = code
        self.detail = detail
        self.side = side or meaning.side
        self.remedy = remedy or meaning.remedy

    def __reduce__(self) -> tuple[partial[Refusal], tuple[Code, str]]:
        """A worker process hands a refusal back as it is."""
        return partial(Refusal, side=self.side, remedy=self.remedy), (self.code, self.detail)

    def __str__(self) -> str:
        return f"{self.code}: {self.detail} (side: {self.side}; what to do: {self.remedy})"
