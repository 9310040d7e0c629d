import hashlib
import pickle
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from node.codes import Code, ModelClass, Purpose, Reason
from node.errors import Refusal
from node.policy.consent import (
    ConsentFault,
    ConsentTerms,
    VerifierConfig,
    covers,
    notice_digest,
    read_unverified,
    sign,
    term_fault,
    verify_batch,
)
from node.policy.strictjson import parse_object
from node.policy.uscc import valid_code
from tests.support.policy import (
    BANK,
    BUREAU,
    CODE,
    DAY_MS,
    NOW_MS,
    authority,
    consent,
    consent_draft,
    decode_part,
    enterprise,
    randomness,
    verifier,
)


def terms(**changes: Any) -> ConsentTerms:
    return verifier().verify(consent(**changes), BANK, NOW_MS)


def reason_of(token: str, bank: str = BANK, now_ms: int = NOW_MS, **options: bool) -> Reason:
    with pytest.raises(ConsentFault) as caught:
        verifier().verify(token, bank, now_ms, **options)
    return caught.value.reason


def test_every_term_comes_back() -> None:
    token = consent()
    got = verifier().verify(token, BANK, NOW_MS)
    draft = consent_draft()
    for name in vars(draft):
        assert getattr(got, name) == getattr(draft, name), name
    assert got.jws == token
    assert len(got.digest) == 32


def test_the_token_is_the_documented_jws() -> None:
    header, payload, signature = consent().split(".")
    parsed = parse_object(decode_part(header), 10_000)
    assert (parsed["alg"], parsed["typ"], len(parsed["x5c"])) == ("ES256", "banktax-consent+jwt", 1)
    claims = parse_object(decode_part(payload), 10_000)
    assert claims["aud"] == [BUREAU]
    assert claims["jti"] == bytes(range(16)).hex()
    # Verified here without joserfc: r and s side by side (RFC 7518, 3.4), over the first two parts.
    raw = decode_part(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key = enterprise().chain[0].public_key()
    assert isinstance(key, EllipticCurvePublicKey)
    key.verify(der, f"{header}.{payload}".encode(), ECDSA(hashes.SHA256()))


def test_wrong_parties() -> None:
    assert reason_of(consent(), bank="bank-b") is Reason.CONSENT_WRONG_PARTY
    assert reason_of(consent(bureau="bureau-other")) is Reason.CONSENT_WRONG_PARTY
    assert reason_of(consent(bank="bank-b")) is Reason.CONSENT_WRONG_PARTY
    assert reason_of(consent(uscc=valid_code(8))) is Reason.CONSENT_WRONG_PARTY


@pytest.mark.parametrize(
    ("now_ms", "reason"),
    [
        (NOW_MS - DAY_MS - 60_001, Reason.CONSENT_NOT_YET_VALID),
        (NOW_MS - DAY_MS - 60_000, None),
        (NOW_MS + DAY_MS + 59_999, None),
        (NOW_MS + DAY_MS + 60_000, Reason.CONSENT_EXPIRED),
    ],
)
def test_the_term_has_sixty_seconds_of_tolerance(now_ms: int, reason: Reason | None) -> None:
    assert term_fault(terms(), now_ms) is reason
    if reason is None:
        verifier().verify(consent(), BANK, now_ms)
    else:
        assert reason_of(consent(), now_ms=now_ms) is reason


def test_a_future_term_can_be_registered_in_advance_and_a_past_one_cannot() -> None:
    future = consent(not_before_ms=NOW_MS + DAY_MS, expires_ms=NOW_MS + 2 * DAY_MS)
    assert reason_of(future) is Reason.CONSENT_NOT_YET_VALID
    assert verifier().verify(future, BANK, NOW_MS, accept_future=True).not_before_ms == NOW_MS + DAY_MS
    past = consent(not_before_ms=NOW_MS - 2 * DAY_MS, expires_ms=NOW_MS - DAY_MS)
    assert reason_of(past, accept_future=True) is Reason.CONSENT_EXPIRED


def test_a_consent_signed_in_the_future_waits() -> None:
    token = enterprise().sign(consent_draft(), NOW_MS + 120_000)
    assert reason_of(token, accept_future=True) is Reason.CONSENT_NOT_YET_VALID


def test_the_scope_covers_what_it_names_and_nothing_else() -> None:
    agreed = terms()
    assert covers(agreed, Purpose.LOAN_ORIGINATION, ["vat_sales"], ModelClass.CREDIT_APPROVAL)
    assert covers(agreed, "loan_origination", ["credit_level", "vat_sales"], "credit_approval")
    assert not covers(agreed, Purpose.LOAN_MONITORING, ["vat_sales"], ModelClass.CREDIT_APPROVAL)
    assert not covers(agreed, Purpose.LOAN_ORIGINATION, ["vat_sales", "profit"], ModelClass.CREDIT_APPROVAL)
    assert not covers(agreed, Purpose.LOAN_ORIGINATION, ["vat_sales"], ModelClass.ANTI_FRAUD)


def test_the_digest_is_of_the_terms_and_not_of_the_bytes() -> None:
    again = consent()
    assert again != consent()  # ECDSA signs with a fresh nonce
    assert verifier().verify(again, BANK, NOW_MS).digest == terms().digest
    changes: list[dict[str, Any]] = [
        {"consent_id": bytes(16)},
        {"fields": ("vat_sales",)},
        {"purposes": (Purpose.LOAN_ORIGINATION, Purpose.LOAN_MONITORING)},
        {"model_classes": (ModelClass.RISK_RATING,)},
        {"maximum_uses": 4},
        {"expires_ms": NOW_MS + DAY_MS + 1000},
        {"not_before_ms": NOW_MS - DAY_MS + 1000},
        {"notice_sha256": "0" * 64},
    ]
    digests = {terms(**change).digest for change in changes} | {terms().digest}
    assert len(digests) == len(changes) + 1


def test_a_batch_gives_each_its_own_verdict_in_order() -> None:
    config = VerifierConfig(BUREAU, (authority().authority("test"),))
    config = pickle.loads(pickle.dumps(config))
    tokens = [consent(), "", consent(bank="bank-b"), consent(maximum_uses=1)]
    outcome = pickle.loads(pickle.dumps(verify_batch(config, tokens, BANK, NOW_MS)))
    assert [item if isinstance(item, Reason) else item.maximum_uses for item in outcome] == [
        3,
        Reason.CONSENT_MALFORMED,
        Reason.CONSENT_WRONG_PARTY,
        1,
    ]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"uscc": "9" * 18}, "iss: "),
        ({"bank": "Bank A"}, "bank: "),
        ({"purposes": ()}, "purposes: "),
        ({"fields": ("a b",)}, r"fields\[0\]: "),
        ({"fields": ("a", "a")}, "fields: "),
        ({"fields": tuple(f"f{n}" for n in range(513))}, "fields: "),
        ({"model_classes": ()}, "model_classes: "),
        ({"expires_ms": NOW_MS - DAY_MS}, "exp: is not after nbf"),
        ({"maximum_uses": 0}, "max_uses: "),
        ({"maximum_uses": 2**31}, "max_uses: "),
        ({"consent_id": b"short"}, "jti: "),
        ({"notice_sha256": "AB" * 32}, "notice_sha256: "),
    ],
)
def test_signing_refuses_terms_out_of_bounds(change: dict[str, Any], path: str) -> None:
    with pytest.raises(Refusal, match=path) as caught:
        consent(**change)
    assert caught.value.code is Code.INVALID_INPUT


def test_signing_refuses_a_key_that_is_not_the_certificates() -> None:
    other = authority().issue(CODE, randomness(9), NOW_MS)
    with pytest.raises(Refusal, match="key: does not belong"):
        sign(consent_draft(), other.key, enterprise().chain, NOW_MS)
    for chain in ((), enterprise().chain * 4):
        with pytest.raises(Refusal, match="chain: 1 to 3"):
            sign(consent_draft(), other.key, chain, NOW_MS)


def test_nothing_of_the_enterprise_shows_in_a_repr_or_a_fault() -> None:
    assert CODE not in repr(terms())
    assert replace(terms(), jws="x").jws not in repr(terms())
    with pytest.raises(ConsentFault) as caught:
        verifier().verify(consent(uscc=valid_code(8)), BANK, NOW_MS)
    assert CODE not in str(caught.value)
    assert valid_code(8) not in str(caught.value)


def test_the_notice_is_named_by_its_hash() -> None:
    assert notice_digest(b"notice") == hashlib.sha256(b"notice").hexdigest()


def test_reading_without_verifying_checks_the_form_alone() -> None:
    header, payload, _ = consent().split(".")
    forged = f"{header}.{payload}.AA"
    assert read_unverified(forged).digest == terms().digest
    assert reason_of(forged) is Reason.CONSENT_BAD_SIGNATURE
    for token in ("", f"{header}.e30.AA", f"e30.{payload}.AA"):
        with pytest.raises(ConsentFault) as caught:
            read_unverified(token)
        assert caught.value.reason is Reason.CONSENT_MALFORMED
