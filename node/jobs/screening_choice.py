"""Which protocol a screening runs on, where nobody says it, and into how many buckets a vector OLE's sets are split."""

from __future__ import annotations

from node.codes import Code, ScreeningMode, ScreeningProtocol
from node.errors import Refusal
from protocols.errors import ParameterError
from protocols.psi.vole.buckets import BUCKET_ITEMS, MAXIMUM_BUCKETED_SIZE, bucket_count, check_bucket_count


def choose_protocol(mode: ScreeningMode, codes: int, list_items: int) -> ScreeningProtocol:
    """Return the protocol for a mode and two sizes."""
    if mode is ScreeningMode.COUNT:
        return ScreeningProtocol.CARDINALITY
    if mode is ScreeningMode.LABELS or max(codes, list_items) > MAXIMUM_BUCKETED_SIZE:
        return ScreeningProtocol.OPRF
    return _cheaper(codes, list_items)


def choose_buckets(
    protocol: ScreeningProtocol, padded_codes: int, list_items: int, bucket_items: int = BUCKET_ITEMS
) -> int:
    """Return into how many buckets of ``bucket_items`` at most vole splits two padded sets, 0 for other protocols.

    Raises:
        Refusal: ``BOUND_EXCEEDED`` where either padded set is larger than all buckets together take.
    """
    if protocol is not ScreeningProtocol.VOLE:
        return 0
    _check_vole_size(padded_codes, list_items)
    return bucket_count(padded_codes, list_items, bucket_items)


def check_buckets(protocol: ScreeningProtocol, padded_codes: int, list_items: int, buckets: int) -> None:
    """Return if a bank may ask for so many buckets.

    Raises:
        Refusal: ``INVALID_INPUT`` where it may not; ``BOUND_EXCEEDED`` as :func:`choose_buckets`.
    """
    if protocol is ScreeningProtocol.VOLE:
        _check_vole_size(padded_codes, list_items)
        try:
            check_bucket_count(padded_codes, list_items, buckets)
        except ParameterError as fault:
            raise Refusal(Code.INVALID_INPUT, f"buckets: {fault}") from None
    elif buckets:
        raise Refusal(Code.INVALID_INPUT, f"protocol {protocol} does not run in buckets")


def _check_vole_size(padded_codes: int, list_items: int) -> None:
    """Refuse sets that all buckets together cannot hold."""
    for whose, size in (("the codes to be screened", padded_codes), ("the list", list_items)):
        if size > MAXIMUM_BUCKETED_SIZE:
            raise Refusal(
                Code.BOUND_EXCEEDED,
                f"{whose}: {size:,} items with padding; protocol vole takes at most {MAXIMUM_BUCKETED_SIZE:,} of a"
                " side",
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
