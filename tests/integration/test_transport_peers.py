"""Who may call: every certificate fault and every transport that is refused, over real mutual TLS on loopback."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from node.codes import Code, Role
from node.errors import Refusal
from node.rpc.certificates import KeyAndCertificate, Usage, make_certificate, parse, server_name
from node.rpc.dispatch import service
from node.rpc.methods import OPEN_JOB
from node.rpc.peers import check_card
from node.rpc.server import NodeServer
from node.rpc.tls import require_tls13_only
from protos import scoring_pb2
from tests.support.transport import DAY_MS, RANDOMNESS, Party, make_party, tls_handshake

Served = tuple[NodeServer, int]
REQUEST = scoring_pb2.OpenJobRequest(job_id=bytes(16), purpose="loan_origination")


def open_job(context: Any, request: scoring_pb2.OpenJobRequest) -> scoring_pb2.OpenJobResponse:
    return scoring_pb2.OpenJobResponse(feature_set=context.party.party_id, as_of=str(context.peer_address))


@pytest.fixture
def bureau(tmp_path: Path) -> Party:
    return make_party(tmp_path / "bureau", Role.BUREAU, "bureau")


@pytest.fixture
def bank(tmp_path: Path) -> Party:
    return make_party(tmp_path / "bank", Role.BANK, "bank")


@pytest.fixture
def served(bureau: Party, bank: Party) -> Iterator[Served]:
    bureau.trust(bank)
    server = bureau.serve([service((OPEN_JOB, open_job))])
    yield server, server.start()
    server.stop()


def refusal(bank: Party, bureau: Party, port: int, tls: KeyAndCertificate | None = None) -> Refusal:
    with bank.dial(bureau, port, tls) as client, pytest.raises(Refusal) as caught:
        client.call(OPEN_JOB, REQUEST, timeout=5)
    return caught.value


def test_a_pinned_bank_is_answered_and_known_by_its_certificate(bureau: Party, bank: Party, served: Served) -> None:
    with bank.dial(bureau, served[1]) as client:
        answer = client.call(OPEN_JOB, REQUEST)
    assert (answer.feature_set, answer.as_of) == ("bank", "127.0.0.1")


def bare_call(bureau: Party, port: int, identity: KeyAndCertificate | None = None) -> tuple[grpc.StatusCode, str]:
    """Call past the client's own checks; return the status."""
    pems = (identity.key_pem, identity.certificate_pem) if identity else (None, None)
    credentials = grpc.ssl_channel_credentials(bureau.tls.certificate_pem, *pems)
    options = [("grpc.ssl_target_name_override", server_name("bureau"))]
    with grpc.secure_channel(f"127.0.0.1:{port}", credentials, options) as channel:
        stub: Any = channel.unary_unary(OPEN_JOB.path)
        with pytest.raises(grpc.RpcError) as caught:
            stub(b"", timeout=5)
    return caught.value.code(), caught.value.details() or ""


def test_no_certificate_is_refused(bureau: Party, served: Served) -> None:
    assert bare_call(bureau, served[1])[0] is grpc.StatusCode.UNAVAILABLE


def test_an_unpinned_certificate_of_the_same_name_is_refused(bureau: Party, bank: Party, served: Served) -> None:
    assert refusal(bank, bureau, served[1], bank.certificate()).code is Code.PEER_UNREACHABLE


def test_a_stranger_is_refused(bureau: Party, served: Served, tmp_path: Path) -> None:
    stranger = make_party(tmp_path / "stranger", Role.BANK, "stranger")
    assert refusal(stranger, bureau, served[1]).code is Code.PEER_UNREACHABLE


def test_suspending_stops_the_next_call_on_an_open_channel(bureau: Party, bank: Party, served: Served) -> None:
    with bank.dial(bureau, served[1]) as client:
        client.call(OPEN_JOB, REQUEST)
        bureau.parties.suspend("bank", bureau.clock())
        with pytest.raises(Refusal) as caught:
            client.call(OPEN_JOB, REQUEST)
        assert caught.value.code is Code.PEER_UNTRUSTED
        assert "suspended" in caught.value.detail
        bureau.parties.resume("bank", bureau.clock())
        assert client.call(OPEN_JOB, REQUEST).feature_set == "bank"


def test_a_suspended_party_cannot_open_a_channel(bureau: Party, bank: Party, served: Served) -> None:
    bureau.parties.suspend("bank", bureau.clock())
    assert refusal(bank, bureau, served[1]).code is Code.PEER_UNREACHABLE


def test_a_party_trusted_while_the_server_runs_is_answered(bureau: Party, served: Served, tmp_path: Path) -> None:
    late = make_party(tmp_path / "late", Role.BANK, "late")
    refusal(late, bureau, served[1])
    bureau.trust(late)
    with late.dial(bureau, served[1]) as client:
        assert client.call(OPEN_JOB, REQUEST).feature_set == "late"


@pytest.mark.parametrize(("begin", "fault"), [(-20, "has expired"), (20, "is not yet valid")])
def test_a_certificate_out_of_its_time_cannot_shake_hands(
    bureau: Party, bank: Party, served: Served, begin: int, fault: str
) -> None:
    dated = bank.certificate(begin_days=begin)
    bureau.trust(bank, dated.certificate_pem)
    with pytest.raises(Refusal, match=fault) as own:
        bank.dial(bureau, served[1], dated)
    assert own.value.code is Code.CONFIG_INVALID
    assert bare_call(bureau, served[1], dated)[0] is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(("days", "fault"), [(900, "has expired"), (-2, "is not yet valid")])
def test_a_certificate_is_checked_again_on_every_call(
    bureau: Party, bank: Party, served: Served, days: int, fault: str
) -> None:
    with bank.dial(bureau, served[1]) as client:
        client.call(OPEN_JOB, REQUEST)
        bureau.clock.shift_ms = days * DAY_MS
        with pytest.raises(Refusal) as caught:
            client.call(OPEN_JOB, REQUEST)
    assert caught.value.code is Code.PEER_UNTRUSTED
    assert fault in caught.value.detail


def test_a_certificate_for_servers_only_is_refused(bureau: Party, bank: Party, served: Served, tmp_path: Path) -> None:
    """gRPC itself lets a pinned certificate in whatever its usage; the check on every call does not."""
    server_only = bank.certificate(Usage.SERVER)
    bureau.trust(bank, server_only.certificate_pem)
    with pytest.raises(Refusal) as own:
        bank.dial(bureau, served[1], server_only)
    assert own.value.code is Code.CONFIG_INVALID
    status, details = bare_call(bureau, served[1], server_only)
    assert status is grpc.StatusCode.UNAUTHENTICATED
    assert "is not for use as a client" in details


def test_a_bureau_answers_no_bureau(bureau: Party, served: Served, tmp_path: Path) -> None:
    other = make_party(tmp_path / "other", Role.BUREAU, "other-bureau")
    bureau.trust(other)
    assert refusal(other, bureau, served[1]).code is Code.WRONG_ROLE


def test_a_card_that_claims_another_partys_certificate_pins_nothing(
    bureau: Party, bank: Party, served: Served, tmp_path: Path
) -> None:
    for thief_id in ("a-thief", "z-thief"):
        thief = make_party(tmp_path / thief_id, Role.BANK, thief_id)
        bureau.trust(thief, bank.tls.certificate_pem)
        with pytest.raises(Refusal, match="DNS name"):
            check_card(thief.card(certificate=bank.tls.certificate_pem))
    with bank.dial(bureau, served[1]) as client:
        assert client.call(OPEN_JOB, REQUEST).feature_set == "bank"
        bureau.parties.suspend("z-thief", bureau.clock())
        assert client.call(OPEN_JOB, REQUEST).feature_set == "bank"


def test_a_server_with_another_certificate_than_the_pinned_one_is_not_called(
    bureau: Party, bank: Party, tmp_path: Path
) -> None:
    impostor = make_party(tmp_path / "impostor", Role.BUREAU, "bureau")
    impostor.trust(bank)
    server = impostor.serve([service((OPEN_JOB, open_job))])
    port = server.start()
    try:
        assert refusal(bank, bureau, port).code is Code.PEER_UNTRUSTED
    finally:
        server.stop()


def test_an_expired_pinned_server_certificate_is_not_called(bureau: Party, bank: Party, served: Served) -> None:
    with bank.dial(bureau, served[1]) as client:
        bank.clock.shift_ms = 900 * DAY_MS
        with pytest.raises(Refusal, match="pinned certificate has expired") as caught:
            client.call(OPEN_JOB, REQUEST)
    assert caught.value.code is Code.PEER_UNTRUSTED


def test_plaintext_is_refused(served: Served) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{served[1]}") as channel:
        stub: Any = channel.unary_unary(OPEN_JOB.path)
        with pytest.raises(grpc.RpcError) as caught:
            stub(b"", timeout=5)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_tls_1_2_is_refused_and_tls_1_3_spoken(bank: Party, served: Served, tmp_path: Path) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        tls_handshake(served[1], ssl.TLSVersion.TLSv1_2, bank.tls, tmp_path)
    assert tls_handshake(served[1], ssl.TLSVersion.TLSv1_3, bank.tls, tmp_path) == "TLSv1.3"


def test_the_probe_notices_a_server_that_speaks_tls_1_2(bank: Party, tmp_path: Path) -> None:
    pem = tmp_path / "identity.pem"
    pem.write_bytes(bank.tls.key_pem + bank.tls.certificate_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        answering = _answer_once(listener, context)
        with pytest.raises(Refusal, match=r"TLS 1\.2") as caught:
            require_tls13_only("127.0.0.1", listener.getsockname()[1])
        answering.join(5)
    assert caught.value.code is Code.CONFIG_INVALID


def _answer_once(listener: socket.socket, context: ssl.SSLContext) -> Any:
    import threading

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                context.wrap_socket(connection, server_side=True)
            except (ssl.SSLError, OSError):
                return

    thread = threading.Thread(target=answer)
    thread.start()
    return thread


def _rsa(party_id: str) -> KeyAndCertificate:
    pattern = parse(
        make_certificate(
            party_id,
            (Usage.SERVER, Usage.CLIENT),
            server_name=server_name(party_id),
            now_ms=1_700_000_000_000,
            randomness=RANDOMNESS,
            days=9999,
        ).certificate_pem
    )
    key = rsa.generate_private_key(65537, 2048)
    builder = x509.CertificateBuilder(
        pattern.issuer,
        pattern.subject,
        key.public_key(),
        pattern.serial_number,
        pattern.not_valid_before_utc,
        pattern.not_valid_after_utc,
        list(pattern.extensions),
    )
    certificate = builder.sign(key, hashes.SHA256())
    key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return KeyAndCertificate(key_pem, certificate.public_bytes(Encoding.PEM))


def test_an_rsa_certificate_stops_the_start(bureau: Party) -> None:
    bureau.tls = _rsa("bureau")
    with pytest.raises(Refusal, match="RSA") as caught:
        bureau.serve([service((OPEN_JOB, open_job))])
    assert caught.value.code is Code.CONFIG_INVALID


@pytest.mark.parametrize(("begin", "fault"), [(-20, "has expired"), (20, "is not yet valid")])
def test_a_certificate_out_of_its_time_stops_the_start(bureau: Party, begin: int, fault: str) -> None:
    bureau.tls = bureau.certificate(begin_days=begin)
    with pytest.raises(Refusal, match=fault) as caught:
        bureau.serve([service((OPEN_JOB, open_job))])
    assert caught.value.code is Code.CONFIG_INVALID


def test_a_certificate_of_another_key_stops_the_start(bureau: Party) -> None:
    bureau.tls = KeyAndCertificate(bureau.certificate().key_pem, bureau.tls.certificate_pem)
    with pytest.raises(Refusal, match="another key") as caught:
        bureau.serve([service((OPEN_JOB, open_job))])
    assert caught.value.code is Code.CONFIG_INVALID


def test_a_taken_address_stops_the_start(bureau: Party, served: Served) -> None:
    listen = f"127.0.0.1:{served[1]}"
    bureau.settings = bureau.settings.model_copy(
        update={"server": bureau.settings.server.model_copy(update={"listen": listen})}
    )
    with pytest.raises(Refusal, match="cannot be listened on") as caught:
        bureau.serve([service((OPEN_JOB, open_job))]).start()
    assert caught.value.code is Code.CONFIG_INVALID


def test_renewed_certificates_overlap(bureau: Party, bank: Party, served: Served) -> None:
    """Both certificates are on the card; a bank may change over at any moment between."""
    renewed = bank.certificate()
    both = bank.card().model_copy(
        update={"certificates": (renewed.certificate_pem.decode(), bank.tls.certificate_pem.decode())}
    )
    bureau.parties.trust(both.sign(bank.signing).encode(), Role.BANK, "bank", bureau.clock())
    for identity in (bank.tls, renewed):
        with bank.dial(bureau, served[1], identity) as client:
            assert client.call(OPEN_JOB, REQUEST).feature_set == "bank"
