"""What an attacker does to a consent's certificates: other authorities, leaves, keys, intermediates."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID, NameOID

from node.codes import Reason
from node.policy.consent import (
    Authority,
    ConsentVerifier,
    UsccField,
    sign,
)
from node.policy.enterprise import EnterpriseAuthority
from node.policy.uscc import valid_code
from tests.support.broken_consents import (
    BAD_SIGNATURE,
    NAMED,
    UNTRUSTED,
    WRONG_PARTY,
    claims_of,
    header_of,
    issued,
    reason_of,
    with_chain,
)
from tests.support.policy import (
    BANK,
    BUREAU,
    CODE,
    DAY_MS,
    NOW_MS,
    authority,
    consent,
    consent_draft,
    encode_part,
    enterprise,
    randomness,
    signing_input,
    verifier,
)


def test_the_certificate_helper_makes_good_ones() -> None:
    assert verifier().verify(with_chain(issued(NAMED)), BANK, NOW_MS).uscc == CODE
    whole = with_chain(issued(NAMED), authority().certificate)
    assert verifier().verify(whole, BANK, NOW_MS).uscc == CODE  # the authority itself may end the chain


def test_another_authority_even_of_the_same_name() -> None:
    for name in ("Other CA", "Test CA"):
        rogue = EnterpriseAuthority.create(name, randomness(66), NOW_MS - DAY_MS)
        credentials = rogue.issue(CODE, randomness(67), NOW_MS - DAY_MS)
        assert reason_of(credentials.sign(consent_draft(), NOW_MS)) is UNTRUSTED
        shown = sign(consent_draft(), credentials.key, (*credentials.chain, rogue.certificate), NOW_MS)
        assert reason_of(shown) is UNTRUSTED


def test_two_authorities_of_one_name_are_told_apart_by_their_keys() -> None:
    twin = EnterpriseAuthority.create("Test CA", randomness(66), NOW_MS - DAY_MS, uscc_field=UsccField.COMMON_NAME)
    both = ConsentVerifier([twin.authority("new"), authority().authority("old")], BUREAU)
    other = valid_code(8)
    signed = twin.issue(other, randomness(67), NOW_MS).sign(consent_draft(uscc=other), NOW_MS)
    assert both.verify(signed, BANK, NOW_MS).uscc == other
    assert both.verify(consent(), BANK, NOW_MS).uscc == CODE


def test_a_self_signed_leaf() -> None:
    key = ec.derive_private_key(5, ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, CODE)])
    own = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.fromtimestamp(NOW_MS // 1000, UTC) - timedelta(days=1))
        .not_valid_after(datetime.fromtimestamp(NOW_MS // 1000, UTC) + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    assert reason_of(with_chain(own, key=key)) is UNTRUSTED


def test_an_expired_a_future_and_an_outlived_certificate() -> None:
    leaf = issued(NAMED, start=NOW_MS - 3 * DAY_MS, end=NOW_MS - DAY_MS)
    assert reason_of(with_chain(leaf)) is UNTRUSTED
    leaf = issued(NAMED, start=NOW_MS + DAY_MS, end=NOW_MS + 2 * DAY_MS)
    assert reason_of(with_chain(leaf)) is UNTRUSTED
    token = with_chain(issued(NAMED))
    assert verifier().verify(token, BANK, NOW_MS).uscc == CODE
    # The chain is remembered by now; its term is checked all the same.
    assert reason_of(token, now_ms=NOW_MS + DAY_MS + 61_000) is UNTRUSTED


def test_a_leaf_outlives_its_authority() -> None:
    brief = EnterpriseAuthority.create("Brief CA", randomness(5), NOW_MS - 20 * DAY_MS, days=10)
    leaf = brief.issue(CODE, randomness(6), NOW_MS - DAY_MS)
    by = ConsentVerifier([brief.authority("brief")], BUREAU)
    assert reason_of(leaf.sign(consent_draft(), NOW_MS), by) is UNTRUSTED


@pytest.mark.parametrize(
    "wrong",
    [
        {"ca": True, "certifies": True},
        {"ca": True, "signs": False, "certifies": True},
        {"signs": False},
        {"signs": None},
        {"extra": x509.Extension(ExtensionOID.NAME_CONSTRAINTS, True, x509.NameConstraints([x509.DNSName("x")], None))},
        {
            "extra": x509.Extension(
                x509.ObjectIdentifier("1.2.3.4"),
                True,
                x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"),
            )
        },
    ],
)
def test_a_leaf_that_may_not_sign(wrong: dict[str, Any]) -> None:
    assert reason_of(with_chain(issued(NAMED, **wrong))) is UNTRUSTED


def test_the_authoritys_own_certificate_as_leaf() -> None:
    assert reason_of(with_chain(authority().certificate, key=authority()._key)) is UNTRUSTED


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        ([(NameOID.COMMON_NAME, CODE)], UNTRUSTED),  # in a field that this authority does not use
        (NAMED * 2, UNTRUSTED),
        ([(NameOID.ORGANIZATION_IDENTIFIER, valid_code(8))], WRONG_PARTY),
        ([(NameOID.ORGANIZATION_IDENTIFIER, "9" * 18)], WRONG_PARTY),
        ([(NameOID.ORGANIZATION_IDENTIFIER, "VATCN-" + CODE)], WRONG_PARTY),
    ],
)
def test_a_subject_that_does_not_name_the_enterprise(subject: Any, reason: Reason) -> None:
    assert reason_of(with_chain(issued(subject))) is reason


@pytest.mark.parametrize("field", list(UsccField))
def test_each_field_of_the_subject_can_be_the_authoritys(field: UsccField) -> None:
    maker = EnterpriseAuthority.create("Field CA", randomness(5), NOW_MS - DAY_MS, uscc_field=field)
    token = maker.issue(CODE, randomness(6), NOW_MS - DAY_MS).sign(consent_draft(), NOW_MS)
    assert ConsentVerifier([maker.authority("x")], BUREAU).verify(token, BANK, NOW_MS).uscc == CODE
    for other in UsccField:
        if other is not field:
            by = ConsentVerifier([Authority("x", maker.certificate_pem(), other)], BUREAU)
            assert reason_of(token, by) is UNTRUSTED


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def test_a_leaf_key_of_another_kind() -> None:
    for key in (rsa_key(), ec.derive_private_key(5, ec.SECP384R1()), ec.derive_private_key(5, ec.SECP256K1())):
        leaf = issued(NAMED, key=key)
        text = signing_input(
            header_of(consent()) | {"x5c": [b64encode(leaf.public_bytes(Encoding.DER)).decode()]}, b"{}"
        )
        assert reason_of(f"{text}.{encode_part(bytes(64))}") is UNTRUSTED


def test_an_ed25519_enterprise_signs_and_its_key_is_bound_to_its_algorithm() -> None:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
    leaf = issued(NAMED, key=key)
    token = with_chain(leaf, key=key)
    assert header_of(token)["alg"] == "EdDSA"
    assert verifier().verify(token, BANK, NOW_MS).uscc == CODE
    text = signing_input(header_of(token) | {"alg": "Ed25519"}, claims_of(token))
    assert verifier().verify(f"{text}.{encode_part(key.sign(text.encode()))}", BANK, NOW_MS).uscc == CODE
    for alg in ("ES256", "Ed448", "none"):
        text = signing_input(header_of(token) | {"alg": alg}, claims_of(token))
        assert reason_of(f"{text}.{encode_part(key.sign(text.encode()))}") is BAD_SIGNATURE


# ---- intermediates

MIDDLE_KEY = ec.derive_private_key(11, ec.SECP256R1())
LOWER_KEY = ec.derive_private_key(12, ec.SECP256R1())
ROOT_KEY = ec.derive_private_key(13, ec.SECP256R1())
MIDDLE_NAME = [(NameOID.COMMON_NAME, "Middle")]
LOWER_NAME = [(NameOID.COMMON_NAME, "Lower")]


def root(path_length: int | None = None) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Root")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(ROOT_KEY.public_key())
        .serial_number(1)
        .not_valid_before(datetime.fromtimestamp(NOW_MS // 1000, UTC) - timedelta(days=9))
        .not_valid_after(datetime.fromtimestamp(NOW_MS // 1000, UTC) + timedelta(days=9))
        .add_extension(x509.BasicConstraints(True, path_length), critical=True)
        .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
        .sign(ROOT_KEY, hashes.SHA256())
    )


def chain_of(
    path_length: int | None = None, **wrong: Any
) -> tuple[ConsentVerifier, x509.Certificate, x509.Certificate]:
    """A verifier of a root, a leaf and the intermediate between them."""
    top = root(path_length)
    authority_certificate = {"ca": True, "signs": False, "certifies": True} | wrong
    middle = issued(MIDDLE_NAME, issuer=top, issuer_key=ROOT_KEY, key=MIDDLE_KEY, **authority_certificate)
    leaf = issued(NAMED, issuer=middle, issuer_key=MIDDLE_KEY)
    pem = top.public_bytes(Encoding.PEM)
    return ConsentVerifier([Authority("root", pem, UsccField.ORGANIZATION_IDENTIFIER)], BUREAU), leaf, middle


def test_a_good_intermediate_and_its_order() -> None:
    by, leaf, middle = chain_of()
    for chain in ((leaf, middle), (leaf, middle, root())):
        assert by.verify(with_chain(*chain), BANK, NOW_MS).uscc == CODE
    assert reason_of(with_chain(leaf), by) is UNTRUSTED
    assert reason_of(with_chain(leaf, middle, authority().certificate), by) is UNTRUSTED
    assert reason_of(with_chain(leaf, issued(NAMED), middle), by) is UNTRUSTED


@pytest.mark.parametrize(
    "wrong",
    [
        {"ca": False},
        {"ca": None},
        {"certifies": False},
        {"signs": None},
        {"start": NOW_MS + DAY_MS, "end": NOW_MS + 2 * DAY_MS},
        {"start": NOW_MS - 3 * DAY_MS, "end": NOW_MS - 2 * DAY_MS},
    ],
)
def test_an_intermediate_that_may_not_issue(wrong: dict[str, Any]) -> None:
    by, leaf, middle = chain_of(**wrong)
    assert reason_of(with_chain(leaf, middle), by) is UNTRUSTED


def test_path_lengths_are_kept() -> None:
    by, leaf, middle = chain_of(path_length=0)
    assert reason_of(with_chain(leaf, middle), by) is UNTRUSTED
    by, _, middle = chain_of(path_length=1)
    lower = issued(
        LOWER_NAME, issuer=middle, issuer_key=MIDDLE_KEY, key=LOWER_KEY, ca=True, signs=False, certifies=True
    )
    leaf = issued(NAMED, issuer=lower, issuer_key=LOWER_KEY)
    assert reason_of(with_chain(leaf, lower, middle), by) is UNTRUSTED
    by, _, middle = chain_of(path_length=2)
    assert by.verify(with_chain(leaf, lower, middle), BANK, NOW_MS).uscc == CODE


def test_an_enterprise_cannot_issue_for_another() -> None:
    leaf = issued(NAMED)
    other = valid_code(8)
    minted = issued(
        [(NameOID.ORGANIZATION_IDENTIFIER, other)], issuer=leaf, issuer_key=enterprise().key, key=MIDDLE_KEY
    )
    token = sign(consent_draft(uscc=other), MIDDLE_KEY, (minted, leaf), NOW_MS)
    assert reason_of(token) is UNTRUSTED


def test_a_weak_hash_in_the_chain() -> None:
    leaf = issued(NAMED, digest=hashes.SHA224())
    assert reason_of(with_chain(leaf)) is UNTRUSTED


def test_an_authority_that_is_none_is_named_at_start() -> None:
    leaf = enterprise().chain_pem()
    for certificate in (b"", b"x", leaf, authority().certificate_pem()[:-40]):
        with pytest.raises(ValueError, match="authority mine: "):
            ConsentVerifier([Authority("mine", certificate, UsccField.UID)], BUREAU)


def test_without_authorities_nobody_is_believed() -> None:
    assert reason_of(consent(), ConsentVerifier([], BUREAU)) is UNTRUSTED
