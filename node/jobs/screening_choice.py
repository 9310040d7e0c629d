"""Which protocol a screening runs on, where nobody says it, and what sizes a run over a vector OLE takes."""

from __future__ import annotations

from node.codes import Code, ScreeningMode, ScreeningProtocol
from node.errors import Refusal
from protocols.psi.vole.parameters import MAXIMUM_SIZE

VOLE_BUCKETS = 1
"""Both whole sets go through one run: sets larger than one are screened on oprf."""


def choose_protocol(mode: ScreeningMode, codes: int, list_items: int) -> ScreeningProtocol:
    """Return the protocol for a mode and two sizes."""
    if mode is ScreeningMode.COUNT:
        return ScreeningProtocol.CARDINALITY
    if mode is ScreeningMode.LABELS or max(codes, list_items) > MAXIMUM_SIZE:
        return ScreeningProtocol.OPRF
    return _cheaper(codes, list_items)


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


# Measured rates of one core; oprf is dominated by the bank's scalar multiplications, vole by both sets together.
_OPRF_CODES_A_SECOND = 8_000.0
_VOLE_ITEMS_A_SECOND = 700_000.0
_VOLE_FIXED_SECONDS = 0.5


def _cheaper(codes: int, list_items: int) -> ScreeningProtocol:
    """Tags of a list are downloaded once for many jobs, so that only the bank's own codes count for oprf."""
    oprf = codes / _OPRF_CODES_A_SECOND
    vole = _VOLE_FIXED_SECONDS + (codes + list_items) / _VOLE_ITEMS_A_SECOND
    return ScreeningProtocol.OPRF if oprf <= vole else ScreeningProtocol.VOLE
