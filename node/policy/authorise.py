"""Whether an agreement covers a call: rules that compose, and that refuse when there are none.

A rule is a callable that returns when it has no objection and raises :class:`~node.errors.Refusal` when it has. It
never answers «yes» for another rule: :class:`AllOf` passes only when every rule was asked and none objected.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from node.codes import Code, ModelClass, Purpose, ScreeningMode
from node.errors import Refusal
from node.policy.agreement import Agreement, Screening
from node.policy.catalogue import Catalogue, Provision
from protocols.primitives.vole.parameters import SecurityProfile

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class CallContext:
    """What a rule may look at: one call of a bank at a bureau.

    ``peer_address`` is an IP address or gRPC's peer string; ``rows`` the enterprises that the call is about; ``now_ms``
    Unix milliseconds. ``agreement`` is the one that the bureau found for the pair, or None. ``mode`` is of a screening,
    ``security`` of one over protocol vole.
    """

    bank: str
    bureau: str
    peer_address: str
    purpose: Purpose | str | None
    model_class: ModelClass | str | None
    fields: tuple[str, ...]
    catalogue: Catalogue | None
    rows: int
    now_ms: int
    agreement: Agreement | None
    mode: str | None = None
    security: SecurityProfile | None = None


Rule = Callable[[CallContext], None]


@dataclass(frozen=True)
class AllOf:
    """Passes when every rule passes; without rules it refuses."""

    rules: tuple[Rule, ...]

    def __call__(self, call: CallContext) -> None:
        """Ask every rule; makes a policy a rule of another policy."""
        if not self.rules:
            raise Refusal(Code.AGREEMENT_INACTIVE, "no rule allows this call")
        for rule in self.rules:
            rule(call)

    def check(self, call: CallContext) -> None:
        """Return if the call is covered.

        Raises:
            Refusal: of the first rule that objects.
        """
        self(call)


def in_force(call: CallContext) -> None:
    """Refuse where there is no agreement of this pair in force at this moment."""
    agreement = _agreement(call)
    if (agreement.bank, agreement.bureau) != (call.bank, call.bureau):
        raise Refusal(Code.AGREEMENT_INACTIVE, "the agreement is between other parties")
    if (state := agreement.state(call.now_ms)) != "active":
        raise Refusal(Code.AGREEMENT_INACTIVE, f"agreement {agreement.agreement_id} is {state}")


def from_agreed_network(call: CallContext) -> None:
    """Refuse a caller outside the agreed networks."""
    agreement, address = _agreement(call), peer_ip(call.peer_address)
    if not any(address in network for network in agreement.networks):
        raise Refusal(Code.AGREEMENT_INACTIVE, "the caller's address is outside the agreed networks")


def for_agreed_purpose(call: CallContext) -> None:
    """Refuse a purpose that the agreement does not list, and a call without one."""
    if call.purpose not in _agreement(call).purposes:
        raise Refusal(Code.AGREEMENT_INACTIVE, f"purpose {_shown(call.purpose)} is not in the agreement")


def of_agreed_model_class(call: CallContext) -> None:
    """Refuse a model class that the agreement does not list, and a call without one."""
    if call.model_class not in _agreement(call).model_classes:
        raise Refusal(Code.AGREEMENT_INACTIVE, f"model class {_shown(call.model_class)} is not in the agreement")


def over_agreed_fields(call: CallContext) -> None:
    """Refuse fields outside the agreement or its catalogue, fields not provided for scoring, and a call without any."""
    agreement, catalogue = _agreement(call), call.catalogue
    wanted = (agreement.catalogue_id, agreement.catalogue_version)
    if catalogue is None or (catalogue.catalogue_id, catalogue.version) != wanted:
        raise Refusal(Code.FIELD_NOT_ALLOWED, f"the agreement is on catalogue {wanted[0]} version {wanted[1]}")
    if not call.fields:
        raise Refusal(Code.FIELD_NOT_ALLOWED, "the call names no field")
    allowed = frozenset(agreement.fields)
    for field_id in call.fields:
        if field_id not in allowed:
            raise Refusal(Code.FIELD_NOT_ALLOWED, f"field {_shown(field_id)} is not in the agreement")
        if catalogue.field(field_id).provision is not Provision.SCORE_ONLY:
            raise Refusal(Code.FIELD_NOT_ALLOWED, f"field {_shown(field_id)} is not provided for scoring")


def within_rows(call: CallContext) -> None:
    """Refuse a job with more enterprises than agreed."""
    limit = _agreement(call).limits.max_rows_per_job
    if not 0 <= call.rows <= limit:
        raise Refusal(Code.QUOTA_EXCEEDED, f"a job may hold at most {limit} enterprises")


def with_screening(call: CallContext) -> None:
    """Refuse where the agreement has no section on screening."""
    _screening(call)


def for_agreed_screening(call: CallContext) -> None:
    """Refuse a screening for another purpose, in another mode, or with more or fewer codes than agreed."""
    screening = _screening(call)
    if call.purpose not in screening.purposes:
        raise Refusal(Code.AGREEMENT_INACTIVE, f"purpose {_shown(call.purpose)} is not agreed for screening")
    if call.mode not in screening.modes:
        raise Refusal(Code.AGREEMENT_INACTIVE, f"mode {_shown(call.mode)} is not agreed for screening")
    if call.security is SecurityProfile.SEMI_HONEST and screening.vole_security is SecurityProfile.MALICIOUS:
        raise Refusal(
            Code.AGREEMENT_INACTIVE,
            "protocol vole is agreed in the profile malicious alone",
            remedy="Screen with --security malicious, or on another protocol.",
        )
    if not 0 <= call.rows <= screening.max_codes_per_job:
        raise Refusal(Code.QUOTA_EXCEEDED, f"a screening may hold at most {screening.max_codes_per_job} padded codes")
    if call.mode == ScreeningMode.COUNT and call.rows < screening.minimum_count:
        raise Refusal(
            Code.AGREEMENT_INACTIVE, f"a list that is only counted has at least {screening.minimum_count} codes"
        )


CONNECTION = AllOf((in_force, from_agreed_network))
"""What every call needs; enough for alignment, consents and closing a job."""

MODEL = AllOf((CONNECTION, of_agreed_model_class, over_agreed_fields))
"""For registering a model."""

SCORING = AllOf((MODEL, for_agreed_purpose, within_rows))
"""For opening a job and for every chunk of it."""

LISTS = AllOf((CONNECTION, with_screening))
"""For asking which lists there are."""

SCREENING = AllOf((CONNECTION, for_agreed_screening))
"""For opening a screening and for every call of it."""


class DailyQuota(StrEnum):
    """A limit per calendar day (UTC); the value is the member of the agreement's limits."""

    JOBS = "max_jobs_per_day"
    ONLINE = "max_online_per_day"
    ALIGNMENT = "alignment_per_day"


def check_daily(agreement: Agreement, quota: DailyQuota, used: int, wanted: int = 1) -> None:
    """Refuse with ``QUOTA_EXCEEDED`` where ``used`` today and ``wanted`` now pass the agreement's limit together."""
    limit: int = getattr(agreement.limits, quota.value)
    if used + wanted > limit:
        raise Refusal(Code.QUOTA_EXCEEDED, f"the agreement's {quota.value} is {limit}")


def peer_ip(peer: str) -> Address:
    """Return the address of an IP text or of gRPC's ``ipv4:1.2.3.4:5`` / ``ipv6:[::1]:5`` (also percent-encoded).

    An IPv4 address mapped into IPv6 counts as the IPv4 address, and a zone index is left out.

    Raises:
        Refusal: ``AGREEMENT_INACTIVE``, the peer has no IP address (a Unix socket, for example).
    """
    text = unquote(peer)
    if text.startswith("ipv4:"):
        text = text.removeprefix("ipv4:").rpartition(":")[0]
    elif text.startswith("ipv6:"):
        text = text.removeprefix("ipv6:").rpartition(":")[0].removeprefix("[").removesuffix("]")
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        raise Refusal(Code.AGREEMENT_INACTIVE, "the caller has no network address") from None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _agreement(call: CallContext) -> Agreement:
    if call.agreement is None:
        raise Refusal(Code.AGREEMENT_INACTIVE, f"there is no agreement between {call.bank} and {call.bureau}")
    return call.agreement


def _screening(call: CallContext) -> Screening:
    if (screening := _agreement(call).screening) is None:
        raise Refusal(
            Code.AGREEMENT_INACTIVE,
            "the agreement allows no screening",
            remedy="Agree on a section for it: banktax agreement draft --screening.",
        )
    return screening


def _shown(name: str | None) -> str:
    """A name out of a message, bounded and quoted."""
    return "(none)" if name is None else repr(str(name)[:64])
