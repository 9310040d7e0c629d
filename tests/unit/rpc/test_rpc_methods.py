"""The table of calls agrees with the .proto files, comments included: that is where payload types are documented."""

from __future__ import annotations

import re

import pytest

from node.rpc.methods import CONTROL, PEER_METHODS, Kind, Pace, control_methods
from protos import alignment_pb2, consent_pb2, control_pb2, scoring_pb2, screening_pb2
from tests.support.sources import ROOT

FILES = (scoring_pb2, consent_pb2, alignment_pb2, screening_pb2)


def test_every_peer_call_stands_in_the_table_once_with_its_streams() -> None:
    declared = {
        f"/{service.full_name}/{method.name}": Kind((method.client_streaming, method.server_streaming))
        for file in FILES
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    assert {method.path: method.kind for method in PEER_METHODS} == declared
    assert len(PEER_METHODS) == len(declared)


@pytest.mark.parametrize("method", PEER_METHODS, ids=lambda method: method.name)
def test_payload_types_are_those_of_the_comment(method: object) -> None:
    from node.rpc.methods import Method

    assert isinstance(method, Method)
    package = method.service.split(".")[1]
    text = (ROOT / "protos" / f"{package}.proto").read_text("utf-8")
    found = re.search(rf"//([^\n]*)\n\s*rpc {method.name}\(", text)
    assert found, "no comment"
    words = re.findall(r"\w+", found[1])
    assert method.request.DESCRIPTOR.name in words
    assert method.response.DESCRIPTOR.name in words


def test_streams_have_the_streams_deadline() -> None:
    for method in PEER_METHODS:
        if method.kind is not Kind.UNARY:
            assert method.pace is Pace.STREAM


def test_control_methods_are_read_from_their_file() -> None:
    methods = control_methods()
    assert methods["GetStatus"].response is control_pb2.Status
    assert methods["FollowJob"].kind is Kind.SERVER_STREAM
    assert methods["RegisterConsents"].kind is Kind.BIDIRECTIONAL
    assert methods["GetStatus"].path == f"/{CONTROL}/GetStatus"
