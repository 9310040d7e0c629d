"""Two real parties for transport tests: directories made by init, cards pinned in a real database, gRPC on loopback."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from node.clock import system_clock
from node.codes import Role
from node.config import Settings, load
from node.initialise import NewNode, initialise
from node.keys import NodeKeys, load_keys, open_sealer
from node.policy.card import PartyCard
from node.rpc.certificates import KeyAndCertificate, Usage, make_certificate, server_name
from node.rpc.client import Caller, PeerClient
from node.rpc.dispatch import Service
from node.rpc.server import NodeServer, build_peer_server
from node.storage.database import open_database
from node.storage.parties import Parties
from protocols.primitives.signing import SigningKey
from protocols.randomness import SystemRandomness

RANDOMNESS = SystemRandomness()
DAY_MS = 86_400_000


class MovableClock:
    """The system's clock, shifted at will."""

    def __init__(self) -> None:
        self.shift_ms = 0

    def __call__(self) -> int:
        return system_clock() + self.shift_ms


@dataclass
class Party:
    """One party with everything it needs to call and to be called."""

    settings: Settings
    signing: SigningKey
    tls: KeyAndCertificate
    parties: Parties
    clock: MovableClock = field(default_factory=MovableClock)

    @property
    def party_id(self) -> str:
        return self.settings.node.id

    def card(self, endpoint: str = "", certificate: bytes | None = None) -> PartyCard:
        node = self.settings.node
        return PartyCard(
            party_id=node.id,
            role=node.role,
            name_zh=node.name_zh,
            name_en=node.name_en,
            endpoint=endpoint,
            server_names=(server_name(node.id),),
            certificates=((certificate or self.tls.certificate_pem).decode(),),
            signing_key=self.signing.verify_key.encoded.hex(),
        )

    def trust(self, other: Party, certificate: bytes | None = None) -> None:
        card = other.card(certificate=certificate).sign(other.signing).encode()
        self.parties.trust(card, other.settings.node.role, other.party_id, self.clock())

    def serve(self, services: Iterable[Service]) -> NodeServer:
        return build_peer_server(
            self.settings,
            self.tls,
            self.signing,
            self.parties,
            services,
            clock=self.clock,
            randomness=RANDOMNESS,
        )

    def dial(self, other: Party, port: int, tls: KeyAndCertificate | None = None, **limits: Any) -> PeerClient:
        return PeerClient(
            other.card(f"127.0.0.1:{port}"),
            Caller(self.party_id, tls or self.tls, self.signing),
            limits=self.settings.limits.model_copy(update=limits),
            clock=self.clock,
            randomness=RANDOMNESS,
        )

    def certificate(self, *usages: Usage, begin_days: int = 0, days: int = 10) -> KeyAndCertificate:
        """Another certificate of this party, for certain usages and times."""
        return make_certificate(
            self.party_id,
            usages or (Usage.SERVER, Usage.CLIENT),
            server_name=server_name(self.party_id),
            now_ms=system_clock() + begin_days * DAY_MS,
            randomness=RANDOMNESS,
            days=days,
        )


def make_party(directory: Path, role: Role, party_id: str, **flags: Any) -> Party:
    """Make a party by the same code as ``banktax init``, listening on a free port."""
    node = NewNode(role, party_id, f"{party_id}名", party_id, listen="127.0.0.1:0", control_listen="127.0.0.1:0")
    initialise(directory, node, randomness=RANDOMNESS, clock=system_clock)
    keys: NodeKeys = load_keys(directory, open_sealer(directory, RANDOMNESS, {}))
    settings = load(directory, **flags)
    database = open_database(settings.database_url)
    database.upgrade()
    return Party(settings, keys.signing, keys.tls, Parties(database))


def tls_handshake(port: int, version: ssl.TLSVersion, identity: KeyAndCertificate, folder: Path) -> str | None:
    """Shake hands with Python's own TLS at exactly one version; return the version agreed on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2"])
    pem = folder / "identity.pem"
    pem.write_bytes(identity.key_pem + identity.certificate_pem)
    context.load_cert_chain(pem)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="bureau.banktax.internal") as secured,
    ):
        return secured.version()
