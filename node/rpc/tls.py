"""TLS 1.3 credentials with pinned certificates: exactly the peers' certificates are the roots, nothing else.

See docs/threat-model.md, «Transport». gRPC checks neither extended key usage nor the version; both are checked on
every call (:mod:`node.rpc.peers`), and a server probes its own port when it starts.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

import grpc
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from node.codes import Code
from node.errors import Refusal
from node.rpc import certificates
from node.rpc.certificates import CertificateFault, KeyAndCertificate, Usage

PROBE_SECONDS = 5.0
_HANDSHAKE_RECORD = 0x16
_ChannelOptions = list[tuple[str, int | str]]


def check_own(identity: KeyAndCertificate, usages: tuple[Usage, ...], now_ms: int) -> None:
    """Return if this node may start with this key and certificate.

    Raises:
        Refusal: ``CONFIG_INVALID``: RSA or another curve, expired, not yet valid, wrong usage, or the key is not the
            certificate's.
    """
    try:
        certificate = certificates.parse(identity.certificate_pem)
        for usage in usages:
            certificates.check(certificate, usage, now_ms)
        key = load_pem_private_key(identity.key_pem, None)
        if key.public_key() != certificate.public_key():
            raise CertificateFault("belongs to another key")
    except CertificateFault as fault:
        raise Refusal(Code.CONFIG_INVALID, f"this node's TLS certificate {fault}") from None
    except (ValueError, TypeError):
        raise Refusal(Code.CONFIG_INVALID, "this node's TLS key is not a PEM key") from None


def server_credentials(identity: KeyAndCertificate, roots: Callable[[], bytes]) -> grpc.ServerCredentials:
    """Return credentials that demand a client certificate and trust exactly ``roots()``, asked at every handshake.

    Args:
        identity: key and certificate of this node.
        roots: the pinned certificates, PEM, concatenated; empty trusts nobody.
    """
    served: list[bytes] = [roots()]

    def reload() -> grpc.ServerCertificateConfiguration | None:
        try:
            fresh = roots()
        except Refusal:  # every call is checked anew, and refused while storage is away
            return None
        if fresh == served[0]:
            return None
        served[0] = fresh
        return _configuration(identity, fresh)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(identity, served[0]),
        reload,  # type: ignore[arg-type]  # None means «unchanged»; the stubs do not say so
        require_client_authentication=True,
    )


def _configuration(identity: KeyAndCertificate, roots: bytes) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(identity.key_pem, identity.certificate_pem)], root_certificates=roots
    )


def channel_credentials(identity: KeyAndCertificate, pinned: bytes) -> grpc.ChannelCredentials:
    """Return credentials that show ``identity`` and trust exactly the server's ``pinned`` certificates, PEM."""
    return grpc.ssl_channel_credentials(
        root_certificates=pinned, private_key=identity.key_pem, certificate_chain=identity.certificate_pem
    )


def require_tls13_only(host: str, port: int) -> None:
    """Try TLS 1.2 on a port of our own and return if it is refused.

    Raises:
        Refusal: ``CONFIG_INVALID``: the port speaks TLS 1.2; gRPC was imported before :mod:`node`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = context.wrap_bio(incoming, outgoing)
    with suppress(ssl.SSLWantReadError):  # raised once the client's hello lies in «outgoing»
        hello.do_handshake()
    if _answers_handshake(host, port, outgoing.read()):
        raise Refusal(Code.CONFIG_INVALID, "the server would speak TLS 1.2: gRPC was imported before this package was")


def _answers_handshake(host: str, port: int, hello: bytes) -> bool:
    """Send a hello; a handshake record in return means that the version was accepted, an alert or the end that not."""
    with socket.create_connection((host, port), timeout=PROBE_SECONDS) as connection:
        connection.sendall(hello)
        try:
            answer = connection.recv(1)
        except ConnectionError:
            return False
    return answer == bytes([_HANDSHAKE_RECORD])


def message_options(message_bytes: int) -> _ChannelOptions:
    """Return the channel options both ends share: bounded messages, no compression (no bombs), one connection each."""
    return [
        ("grpc.max_receive_message_length", message_bytes),
        ("grpc.max_send_message_length", message_bytes),
        ("grpc.compression_enabled_algorithms_bitset", 1),
        ("grpc.max_metadata_size", 16 << 10),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
    ]


def client_options(message_bytes: int, server_name: str) -> _ChannelOptions:
    """Return the options of a channel: no proxy, no retries, no settings from name services, quick reconnection."""
    return [
        *message_options(message_bytes),
        ("grpc.ssl_target_name_override", server_name),
        ("grpc.default_authority", server_name),
        ("grpc.enable_retries", 0),
        ("grpc.enable_http_proxy", 0),
        ("grpc.service_config_disable_resolution", 1),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.min_reconnect_backoff_ms", 1_000),
        ("grpc.max_reconnect_backoff_ms", 2_000),
    ]


def server_options(message_bytes: int) -> _ChannelOptions:
    """Return the options of a server: one process per port, pings of idle peers allowed every twenty seconds."""
    return [
        *message_options(message_bytes),
        ("grpc.so_reuseport", 0),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 20_000),
        ("grpc.keepalive_permit_without_calls", 1),
    ]
