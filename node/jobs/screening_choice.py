"""Which protocol a screening runs on, where nobody says it, and what sizes a run over a vector OLE takes."""

from __future__ import annotations

from collections.abc import Sequence

from node.codes import Code, ScreeningMode, ScreeningProtocol
from node.errors import Refusal
from node.policy.agreement import Agreement
from protocols.primitives.vole.parameters import SecurityProfile
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
