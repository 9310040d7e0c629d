"""Addresses of peers and the certificate of a call, without a network."""

from __future__ import annotations

import os

import pytest

import node.rpc
from node.clock import system_clock
from node.codes import Code
from node.errors import Refusal
from node.rpc.certificates import CertificateFault, Usage, fingerprint, make_certificate, parse, server_name_of
from node.rpc.peers import client_fingerprint, peer_address
from protocols.randomness import SystemRandomness

MADE = make_certificate(
    "bank",
    (Usage.CLIENT,),
    server_name="bank.banktax.internal",
    now_ms=system_clock(),
    randomness=SystemRandomness(),
)


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:192.0.2.7:50000", "192.0.2.7"),
        ("ipv6:[2001:db8::1]:50000", "2001:db8::1"),
        ("ipv6:%5B2001:db8::1%5D:50000", "2001:db8::1"),
        ("ipv6:%5Bfe80::1%25eth0%5D:50000", "fe80::1"),
        ("unix:/tmp/socket", None),
        ("ipv4:name:1", None),
        ("", None),
    ],
)
def test_the_address_of_a_peer(peer: str, address: str | None) -> None:
    found = peer_address(peer)
    assert (None if found is None else str(found)) == address


def test_the_certificate_of_a_call() -> None:
    context = {"ssl_tls_version": (b"TLSv1.3",), "x509_pem_cert": (MADE.certificate_pem,)}
    assert client_fingerprint(context, system_clock()) == fingerprint(parse(MADE.certificate_pem))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"ssl_tls_version": (b"TLSv1.2",)}, "TLS 1.3"),
        ({"ssl_tls_version": ()}, "TLS 1.3"),
        ({"x509_pem_cert": ()}, "without a certificate"),
        ({"x509_pem_cert": (MADE.certificate_pem, MADE.certificate_pem)}, "without a certificate"),
        ({"x509_pem_cert": (MADE.certificate_pem * 2,)}, "exactly one"),
        ({"x509_pem_cert": (b"nonsense",)}, "exactly one"),
    ],
)
def test_a_call_without_tls_1_3_or_one_certificate_is_refused(
    changes: dict[str, tuple[bytes, ...]], fault: str
) -> None:
    context = {"ssl_tls_version": (b"TLSv1.3",), "x509_pem_cert": (MADE.certificate_pem,)} | changes
    with pytest.raises(Refusal, match=fault) as caught:
        client_fingerprint(context, system_clock())
    assert caught.value.code is Code.PEER_UNTRUSTED


def test_every_certificate_has_a_subject_of_its_own() -> None:
    other = make_certificate("bank", (Usage.CLIENT,), now_ms=system_clock(), randomness=SystemRandomness())
    assert parse(other.certificate_pem).subject != parse(MADE.certificate_pem).subject
    with pytest.raises(CertificateFault, match="no DNS name"):
        server_name_of(parse(other.certificate_pem))


def test_a_key_shows_nothing() -> None:
    assert "PRIVATE" not in repr(MADE)
    with pytest.raises(TypeError):
        __import__("pickle").dumps(MADE)


def test_the_cipher_suites_stand_before_grpc_is_imported() -> None:
    assert os.environ["GRPC_SSL_CIPHER_SUITES"] == node.rpc.TLS12_SUITES
