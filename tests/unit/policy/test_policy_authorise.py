from typing import Any

import pytest

from node.codes import Code, ModelClass, Purpose
from node.errors import Refusal
from node.policy.authorise import CONNECTION, MODEL, SCORING, AllOf, CallContext, DailyQuota, check_daily, peer_ip
from node.policy.catalogue import Catalogue
from tests.support.policy import agreement, call, catalogue_body


def test_a_call_that_the_agreement_covers_passes_every_policy() -> None:
    for policy in (CONNECTION, MODEL, SCORING):
        policy.check(call())


@pytest.mark.parametrize("empty", [AllOf(()), AllOf((CONNECTION, AllOf(())))])
def test_without_rules_everything_is_refused(empty: AllOf) -> None:
    with pytest.raises(Refusal) as caught:
        empty.check(call())
    assert caught.value.code is Code.AGREEMENT_INACTIVE


INACTIVE, FIELD, QUOTA = Code.AGREEMENT_INACTIVE, Code.FIELD_NOT_ALLOWED, Code.QUOTA_EXCEEDED
OTHER_VERSION = Catalogue.from_body(catalogue_body(version=3))
REFUSED: list[tuple[dict[str, Any], Code, str]] = [
    ({"agreement": None}, INACTIVE, "there is no agreement"),
    ({"bank": "bank-b"}, INACTIVE, "between other parties"),
    ({"bureau": "bureau-b"}, INACTIVE, "between other parties"),
    ({"now_ms": agreement().valid_from_ms - 1}, INACTIVE, "is future"),
    ({"now_ms": agreement().valid_until_ms}, INACTIVE, "is expired"),
    ({"peer_address": "ipv4:10.3.0.1:5"}, INACTIVE, "outside the agreed networks"),
    ({"peer_address": "ipv6:[2001:db9::1]:5"}, INACTIVE, "outside the agreed networks"),
    ({"peer_address": "unix:/run/socket"}, INACTIVE, "no network address"),
    ({"peer_address": ""}, INACTIVE, "no network address"),
    ({"purpose": Purpose.LOAN_MONITORING}, INACTIVE, "purpose 'loan_monitoring'"),
    ({"purpose": "marketing"}, INACTIVE, "purpose 'marketing'"),
    ({"purpose": None}, INACTIVE, "purpose"),
    ({"model_class": ModelClass.ANTI_FRAUD}, INACTIVE, "model class 'anti_fraud'"),
    ({"model_class": None}, INACTIVE, "model class"),
    ({"fields": ()}, FIELD, "names no field"),
    ({"fields": ("vat_sales", "profit")}, FIELD, "'profit' is not in the agreement"),
    ({"fields": ("arrears",)}, FIELD, "not provided for scoring"),
    ({"agreement": agreement(fields=["vat_sales", "profit"]), "fields": ("profit",)}, FIELD, "not in catalogue"),
    ({"catalogue": None}, FIELD, "on catalogue base version 2"),
    ({"catalogue": OTHER_VERSION}, FIELD, "on catalogue base version 2"),
    ({"rows": 1_000_001}, QUOTA, "at most 1000000"),
    ({"rows": -1}, QUOTA, "at most 1000000"),
]


@pytest.mark.parametrize(("change", "code", "detail"), REFUSED)
def test_what_the_agreement_does_not_cover_is_refused(change: dict[str, Any], code: Code, detail: str) -> None:
    with pytest.raises(Refusal, match=detail) as caught:
        SCORING.check(call(**change))
    assert caught.value.code is code


def test_every_rule_is_asked_on_its_own() -> None:
    asked: list[str] = []

    def objecting(context: CallContext) -> None:
        asked.append(context.bank)
        raise Refusal(Code.DRAINING, "no")

    with pytest.raises(Refusal, match="DRAINING"):
        AllOf((CONNECTION, objecting)).check(call())
    assert len(asked) == 1


def test_daily_quotas_count_what_is_wanted_too() -> None:
    limited = agreement(limits={"max_jobs_per_day": 2, "max_online_per_day": 0, "alignment_per_day": 100})
    check_daily(limited, DailyQuota.JOBS, used=1)
    check_daily(limited, DailyQuota.ALIGNMENT, used=0, wanted=100)
    for quota, used, wanted in (
        (DailyQuota.JOBS, 2, 1),
        (DailyQuota.ONLINE, 0, 1),
        (DailyQuota.ALIGNMENT, 1, 100),
    ):
        with pytest.raises(Refusal) as caught:
            check_daily(limited, quota, used, wanted)
        assert caught.value.code is Code.QUOTA_EXCEEDED


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("10.2.3.4", "10.2.3.4"),
        ("ipv4:127.0.0.1:1234", "127.0.0.1"),
        ("ipv6:[::1]:22", "::1"),
        ("ipv6:%5B::1%5D:22", "::1"),
        ("ipv6:[::ffff:10.2.3.4]:22", "10.2.3.4"),
        ("ipv6:[fe80::1%25eth0]:22", "fe80::1"),
        ("2001:db8::7", "2001:db8::7"),
    ],
)
def test_addresses_are_read_as_grpc_writes_them(peer: str, address: str) -> None:
    assert str(peer_ip(peer)) == address


@pytest.mark.parametrize("peer", ["", "unix:", "ipv4:", "ipv4:localhost:1", "ipv6:[]:1", "10.2.3.4:55", "dns:x"])
def test_what_is_no_address_is_refused(peer: str) -> None:
    with pytest.raises(Refusal):
        peer_ip(peer)
