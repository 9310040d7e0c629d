"""Which protocol a screening runs on, where nobody says it, and what sizes a run over a vector OLE takes."""

from __future__ import annotations

from node.codes import Code, ScreeningMode, ScreeningProtocol
from node.errors import Refusal
from node.jobs.screening_cost import Sizes, estimate
from node.jobs.screening_line import ASSUMED, Line
from protocols.psi.vole.parameters import MAXIMUM_SIZE

VOLE_BUCKETS = 1
"""Both whole sets go through one run: sets larger than one are screened on oprf."""


def choose_protocol(mode: ScreeningMode, sizes: Sizes, line: Line = ASSUMED) -> ScreeningProtocol:
    """Return the protocol for a mode and padded sizes over a line: of two the one that takes less time."""
    if mode is ScreeningMode.COUNT:
        return ScreeningProtocol.CARDINALITY
    if mode is ScreeningMode.LABELS or max(sizes.codes, sizes.list_items) > MAXIMUM_SIZE:
        return ScreeningProtocol.OPRF
    return estimate(sizes, line).faster


def choose_buckets(protocol: ScreeningProtocol, padded_codes: int, list_items: int) -> int:
    """Return the number of buckets: one for vole, 0 for the other protocols.

    Raises:
        Refusal: ``BOUND_EXCEEDED`` where either padded set is larger than one run of vole takes.
    """
    if protocol is not ScreeningProtocol.VOLE:
        return 0
    _check_vole_size(padded_codes, list_items)
    return VOLE_BUCKETS


def _check_vole_size(padded_codes: int, list_items: int) -> None:
    """Refuse sets that one run cannot hold."""
    for whose, size in (("the codes to be screened", padded_codes), ("the list", list_items)):
        if size > MAXIMUM_SIZE:
            raise Refusal(
                Code.BOUND_EXCEEDED,
                f"{whose}: {size:,} items with padding; protocol vole takes at most {MAXIMUM_SIZE:,} of a side",
                remedy="Screen with --protocol oprf.",
            )
