"""Who is calling: certificate -> party, checked on every call.

An open channel outlives the moment in which an operator stops trusting its peer, so the handshake decides nothing
alone: every call takes the certificate of its connection, looks it up among the parties trusted NOW and checks its
dates and usage. Nothing that stands in a message says who sent it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote

from node.clock import Clock
from node.codes import Code, Role
from node.errors import Refusal
from node.policy import card
from node.policy.card import PartyCard
from node.rpc.certificates import CertificateFault, Usage, check, fingerprint, parse, server_name, server_name_of

TRUSTED = "trusted"
TLS_VERSION = b"TLSv1.3"

AuthContext = Mapping[str, Any]
"""gRPC's authentication context: values are iterables of bytes, which its type stubs deny."""
PeerAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class StoredParty(Protocol):
    """What the parties' table holds of one party."""

    @property
    def card(self) -> bytes:
        """The card as it was trusted."""
        ...

    @property
    def state(self) -> str:
        """«trusted» or «suspended»."""
        ...


class Parties(Protocol):
    """Where trusted parties are kept."""

    def list(self) -> Sequence[StoredParty]:
        """Return all parties, suspended ones too."""
        ...


@dataclass(frozen=True)
class _Snapshot:
    """What follows from one state of the parties' table."""

    key: tuple[tuple[bytes, str], ...]
    roots: bytes
    by_fingerprint: Mapping[str, PartyCard]
    suspended: frozenset[str]


class PeerDirectory:
    """The parties that may call, as they stand in storage at this moment. Thread-safe.

    Args:
        parties: where they are kept; asked on every call.
        roles: the roles that this node answers: at a bureau banks alone.
        clock: what certificates' dates are compared with.
    """

    def __init__(self, parties: Parties, roles: frozenset[Role], clock: Clock) -> None:
        self._parties = parties
        self._roles = roles
        self._clock = clock
        self._snapshot = _Snapshot((), b"", {}, frozenset())

    def roots(self) -> bytes:
        """Return the certificates of all trusted parties, PEM: the roots of a handshake."""
        return self._current().roots

    def identify(self, context: AuthContext) -> PartyCard:
        """Return the party whose certificate a call came with.

        Args:
            context: the authentication context of the call.

        Raises:
            Refusal: ``PEER_UNTRUSTED``: not TLS 1.3, no certificate, not pinned, suspended, expired, not yet valid,
                or not for use by a client; ``WRONG_ROLE``: a party that this node does not answer;
                ``STORAGE_UNAVAILABLE``: nobody can be looked up.
        """
        shown = client_fingerprint(context, self._clock())
        snapshot = self._current()
        if shown in snapshot.suspended:
            raise Refusal(Code.PEER_UNTRUSTED, "the calling party is suspended")
        party = snapshot.by_fingerprint.get(shown)
        if party is None:
            raise Refusal(Code.PEER_UNTRUSTED, "the caller's certificate is not pinned here")
        if party.role not in self._roles:
            raise Refusal(Code.WRONG_ROLE, f"this node does not answer a party of the role {party.role}")
        return party

    def _current(self) -> _Snapshot:
        rows = self._parties.list()
        key = tuple((row.card, row.state) for row in rows)
        if key != self._snapshot.key:
            self._snapshot = _snapshot(key)
        return self._snapshot


def check_card(party: PartyCard) -> None:
    """Return if every certificate of the card names this party, so that no card can claim another's certificate.

    To be asked before a card is trusted; certificates that do not pass are never pinned.

    Raises:
        Refusal: ``INVALID_INPUT``.
    """
    if _own(party) != list(party.certificates):
        raise Refusal(Code.INVALID_INPUT, f"certificates: each must carry the DNS name {server_name(party.party_id)}")


def _own(party: PartyCard) -> list[str]:
    own = []
    for pem in party.certificates:
        with suppress(CertificateFault):
            if server_name_of(parse(pem.encode("ascii", "replace"))) == server_name(party.party_id):
                own.append(pem)
    return own


def _snapshot(key: tuple[tuple[bytes, str], ...]) -> _Snapshot:
    pinned: dict[str, PartyCard] = {}
    suspended: set[str] = set()
    roots: list[str] = []
    for encoded, state in key:
        party = card.parse(encoded)
        own = _own(party)
        fingerprints = [fingerprint(parse(pem.encode())) for pem in own]
        if state == TRUSTED:
            pinned.update(dict.fromkeys(fingerprints, party))
            roots += (pem.strip() + "\n" for pem in own)
        else:
            suspended.update(fingerprints)
    return _Snapshot(key, "".join(roots).encode("ascii"), pinned, frozenset(suspended))


def client_fingerprint(context: AuthContext, now_ms: int) -> str:
    """Return the fingerprint of the certificate that a call came with, once it is checked.

    Raises:
        Refusal: ``PEER_UNTRUSTED``: not TLS 1.3, no certificate, or one that may not be used by a client now.
    """
    if tuple(context.get("ssl_tls_version", ())) != (TLS_VERSION,):
        raise Refusal(Code.PEER_UNTRUSTED, "the connection is not TLS 1.3")
    shown = tuple(context.get("x509_pem_cert", ()))
    if len(shown) != 1:
        raise Refusal(Code.PEER_UNTRUSTED, "the call came without a certificate")
    try:
        certificate = parse(shown[0])
        check(certificate, Usage.CLIENT, now_ms)
    except CertificateFault as fault:
        raise Refusal(Code.PEER_UNTRUSTED, f"the caller's certificate {fault}") from None
    return fingerprint(certificate)


def peer_address(peer: str) -> PeerAddress | None:
    """Return the IP address in gRPC's name of a peer (``ipv4:192.0.2.1:50000``), or None if it names none."""
    family, _, rest = peer.partition(":")
    if family not in ("ipv4", "ipv6"):
        return None
    host = unquote(rest).rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
