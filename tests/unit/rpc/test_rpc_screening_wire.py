"""What a bureau reads from the opening of a screening: the profile of protocol vole."""

from __future__ import annotations

from typing import Any

import pytest

from node.codes import Code
from node.errors import Refusal
from node.rpc.screening_wire import opening
from protocols.primitives.vole.parameters import SecurityProfile
from protos import screening_pb2 as pb


def request(**changes: Any) -> pb.OpenScreeningRequest:
    values: dict[str, Any] = {
        "job_id": bytes(16),
        "list": "abnormal",
        "version": "1",
        "mode": "codes",
        "protocol": "vole",
        "purpose": "portfolio_screening",
        "padded_codes": 64,
        "commitment": bytes(32),
        "size_class": 6,
        "buckets": 1,
    }
    return pb.OpenScreeningRequest(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, SecurityProfile.SEMI_HONEST),
        ({"security": "semi_honest"}, SecurityProfile.SEMI_HONEST),
        ({"security": "malicious"}, SecurityProfile.MALICIOUS),
        ({"protocol": "oprf", "buckets": 0}, None),
    ],
)
def test_a_profile_that_is_not_named_is_the_first(changes: dict[str, Any], expected: SecurityProfile | None) -> None:
    assert opening(request(**changes)).security is expected


@pytest.mark.parametrize(
    "changes", [{"security": "strong"}, {"protocol": "oprf", "buckets": 0, "security": "malicious"}]
)
def test_a_profile_that_cannot_be(changes: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as caught:
        opening(request(**changes))
    assert caught.value.code is Code.MALFORMED
