"""The control API's transport: operators of this node alone, over real mutual TLS on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from node.clock import system_clock
from node.codes import Code, Role
from node.errors import Refusal
from node.initialise import add_operator
from node.rpc.certificates import KeyAndCertificate, Usage, make_certificate, server_name
from node.rpc.control_server import OperatorContext, build_control_server, control_service
from node.rpc.status import refusal_from
from node.rpc.tls import channel_credentials, client_options
from protos import control_pb2
from protos.control_pb2_grpc import ControlStub
from tests.support.transport import RANDOMNESS, Party, make_party


class Node:
    """A running control server and what opens it."""

    def __init__(self, folder: Path) -> None:
        self.party: Party = make_party(folder, Role.BANK, "bank")
        self.folder = folder
        functions: dict[str, Any] = {
            "GetStatus": self.status,
            "FollowJob": self.follow,
            "RegisterConsents": self.consents,
        }
        self.server = build_control_server(
            self.party.settings,
            self.party.tls,
            control_service(functions),
            clock=self.party.clock,
            randomness=RANDOMNESS,
        )
        self.port = self.server.start()

    def status(self, context: OperatorContext, _request: control_pb2.StatusRequest) -> control_pb2.Status:
        return control_pb2.Status(party_id=context.operator, listen=str(context.peer_address))

    def follow(self, _context: OperatorContext, request: control_pb2.JobKey) -> Iterator[control_pb2.Job]:
        for state in ("queued", "done"):
            yield control_pb2.Job(job_id=request.job_id, state=state)

    def consents(self, _context: OperatorContext, frames: Iterator[Any]) -> Iterator[control_pb2.ConsentVerdicts]:
        for frame in frames:
            yield control_pb2.ConsentVerdicts(
                verdicts=[control_pb2.ConsentVerdict(consent_id=text) for text in frame.consents]
            )

    def operator(self, name: str = "operator") -> KeyAndCertificate:
        folder = self.folder / "operator"
        return KeyAndCertificate((folder / f"{name}.key").read_bytes(), (folder / f"{name}.crt").read_bytes())

    def dial(self, identity: KeyAndCertificate) -> grpc.Channel:
        return grpc.secure_channel(
            f"127.0.0.1:{self.port}",
            channel_credentials(identity, self.party.tls.certificate_pem),
            options=client_options(64 << 20, server_name("bank")),
        )


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path / "bank")
    yield made
    made.server.stop()


def stub_of(channel: grpc.Channel) -> Any:
    return ControlStub(channel)  # type: ignore[no-untyped-call]


def refused(channel: grpc.Channel, method: str, request: Any) -> Refusal:
    with pytest.raises(grpc.RpcError) as caught:
        getattr(stub_of(channel), method)(request, timeout=5)
    return refusal_from(caught.value)


def test_an_operator_is_answered_by_name(node: Node) -> None:
    with node.dial(node.operator()) as channel:
        answer = stub_of(channel).GetStatus(control_pb2.StatusRequest(), timeout=5)
        assert (answer.party_id, answer.listen) == ("operator", "127.0.0.1")
        jobs = list(stub_of(channel).FollowJob(control_pb2.JobKey(job_id="j"), timeout=5))
        assert [job.state for job in jobs] == ["queued", "done"]
        frames = iter([control_pb2.ConsentFrame(consents=["a"]), control_pb2.ConsentFrame(consents=["b"])])
        assert len(list(stub_of(channel).RegisterConsents(frames, timeout=5))) == 2


def test_an_operator_added_while_the_node_runs_is_answered_and_a_removed_one_stopped(node: Node) -> None:
    made = add_operator(node.folder, "second", randomness=RANDOMNESS, now_ms=system_clock())
    with node.dial(node.operator("second")) as channel:
        assert stub_of(channel).GetStatus(control_pb2.StatusRequest(), timeout=5).party_id == "second"
        made.unlink()
        found = refused(channel, "GetStatus", control_pb2.StatusRequest())
    assert found.code is Code.PEER_UNTRUSTED
    assert "operator" in found.remedy


def test_a_peers_certificate_opens_no_control_api(node: Node, tmp_path: Path) -> None:
    bureau = make_party(tmp_path / "bureau", Role.BUREAU, "bureau")
    node.party.trust(bureau)
    with node.dial(bureau.tls) as channel:
        assert refused(channel, "GetStatus", control_pb2.StatusRequest()).code is Code.PEER_UNREACHABLE


def test_the_nodes_own_certificate_opens_no_control_api(node: Node) -> None:
    with node.dial(node.party.tls) as channel:
        assert refused(channel, "GetStatus", control_pb2.StatusRequest()).code is Code.PEER_UNREACHABLE


def test_an_operators_certificate_for_servers_is_refused(node: Node) -> None:
    made = make_certificate("wrong", (Usage.SERVER,), now_ms=system_clock(), randomness=RANDOMNESS)
    (node.folder / "operator/wrong.crt").write_bytes(made.certificate_pem)
    with node.dial(made) as channel:
        assert refused(channel, "GetStatus", control_pb2.StatusRequest()).code is Code.PEER_UNTRUSTED


def test_an_unreadable_operator_file_stops_nobody_else(node: Node) -> None:
    (node.folder / "operator/broken.crt").write_bytes(b"nonsense")
    with node.dial(node.operator()) as channel:
        stub_of(channel).GetStatus(control_pb2.StatusRequest(), timeout=5)


def test_what_this_role_does_not_do(node: Node) -> None:
    with node.dial(node.operator()) as channel:
        found = refused(channel, "ListData", control_pb2.ListDataRequest())
    assert found.code is Code.WRONG_ROLE


def test_what_this_role_does_not_do_in_a_stream(node: Node) -> None:
    with node.dial(node.operator()) as channel, pytest.raises(grpc.RpcError) as caught:
        list(stub_of(channel).ImportData(iter([control_pb2.DataFrame()]), timeout=5))
    assert refusal_from(caught.value).code is Code.WRONG_ROLE


def test_unknown_fields_are_refused(node: Node) -> None:
    with node.dial(node.operator()) as channel:
        stub: Any = channel.unary_unary("/banktax.control.v1.Control/GetStatus")
        with pytest.raises(grpc.RpcError) as caught:
            stub(b"\xf8\x3f\x01", timeout=5)
    assert refusal_from(caught.value).code is Code.MALFORMED


def test_an_unknown_function_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="NoSuch"):
        control_service({"NoSuch": lambda _context, _request: None})
