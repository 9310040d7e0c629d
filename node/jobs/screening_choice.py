"""Which protocol a screening runs on, where nobody says it, and into how many buckets a vector OLE's sets are split."""

from __future__ import annotations

from collections.abc import Sequence

from node.codes import Code, ScreeningMode, ScreeningProtocol
from node.errors import Refusal
from node.jobs.screening_cost import WITHOUT_VECTORS, Rates, Sizes, estimate
from node.jobs.screening_line import ASSUMED, Line
from node.policy.agreement import Agreement
from protocols.errors import ParameterError
from protocols.primitives.vole.parameters import SecurityProfile
from protocols.psi.vole.buckets import BUCKET_ITEMS, MAXIMUM_BUCKETED_SIZE, bucket_count, check_bucket_count


def choose_protocol(
    mode: ScreeningMode, sizes: Sizes, line: Line = ASSUMED, rates: Rates = WITHOUT_VECTORS
) -> ScreeningProtocol:
    """Return the protocol for a mode and padded sizes over a line: of two the one that takes less time."""
    if mode is ScreeningMode.COUNT:
        return ScreeningProtocol.CARDINALITY
    if mode is ScreeningMode.LABELS or max(sizes.codes, sizes.list_items) > MAXIMUM_BUCKETED_SIZE:
        return ScreeningProtocol.OPRF
    return estimate(sizes, line, rates).faster


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


def choose_security(
    wanted: SecurityProfile | None, told: SecurityProfile, agreements: Sequence[Agreement]
) -> SecurityProfile:
    """Return the profile of a run of vole: the one wanted, or else the least that is agreed.

    Args:
        wanted: by whoever submitted the screening.
        told: the least that the bureau says is agreed.
        agreements: in force, as the bank itself has them: a bureau cannot talk a bank into less.

    Raises:
        Refusal: ``AGREEMENT_INACTIVE``, less is wanted than any agreement allows.
    """
    least = {agreement.screening.vole_security for agreement in agreements if agreement.screening}
    demanded = SecurityProfile.MALICIOUS if least == {SecurityProfile.MALICIOUS} else told
    if wanted is SecurityProfile.SEMI_HONEST and demanded is SecurityProfile.MALICIOUS:
        raise Refusal(
            Code.AGREEMENT_INACTIVE,
            "protocol vole is agreed in the profile malicious alone",
            remedy="Screen with --security malicious, or on another protocol.",
        )
    return wanted or demanded


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
