import pickle

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from node.codes import Code
from node.errors import Refusal
from node.policy.certificates import UsccField
from node.policy.enterprise import EnterpriseAuthority, find_uscc, load_authority, load_credentials
from node.policy.uscc import valid_code
from tests.support.policy import (
    BANK,
    CODE,
    DAY_MS,
    NOW_MS,
    authority,
    consent_draft,
    enterprise,
    randomness,
    tls_certificate,
    verifier,
)


def refusal(key: bytes, chain: bytes, passphrase: bytes | None = None) -> Refusal:
    with pytest.raises(Refusal) as caught:
        load_credentials(key, chain, passphrase)
    return caught.value


@pytest.mark.parametrize("passphrase", [None, b"correct horse"])
def test_credentials_go_through_their_files(passphrase: bytes | None) -> None:
    key, chain = enterprise().export_secret_key(passphrase), enterprise().chain_pem()
    assert (b"ENCRYPTED" in key) is (passphrase is not None)
    loaded = load_credentials(key, chain, passphrase)
    assert loaded.uscc == CODE
    assert verifier().verify(loaded.sign(consent_draft(), NOW_MS), BANK, NOW_MS).uscc == CODE


def test_files_that_are_no_credentials_are_refused_without_their_content() -> None:
    key, chain = enterprise().export_secret_key(None), enterprise().chain_pem()
    sealed = enterprise().export_secret_key(b"right")
    assert refusal(sealed, chain, b"wrong").code is Code.KEY_UNAVAILABLE
    assert refusal(sealed, chain).code is Code.KEY_UNAVAILABLE
    assert refusal(b"junk", chain).code is Code.KEY_UNAVAILABLE
    assert refusal(key, b"junk").detail == "chain: is not a PEM file of certificates"
    assert refusal(key, chain * 4).detail == "chain: holds more than 3 certificates"
    assert "does not name one enterprise" in refusal(key, tls_certificate().encode()).detail
    other = rsa.generate_private_key(65537, 2048)
    other_pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert refusal(other_pem, chain).detail == "key: is neither ECDSA P-256 nor Ed25519"


@pytest.mark.parametrize("field", list(UsccField))
def test_the_code_is_found_in_whichever_field(field: UsccField) -> None:
    maker = EnterpriseAuthority.create("CA", randomness(3), NOW_MS, uscc_field=field)
    assert find_uscc(maker.issue(CODE, randomness(4), NOW_MS).chain[0]) == CODE


def test_an_authority_goes_through_its_files_and_keeps_issuing() -> None:
    key, certificate = authority().export_secret_key(b"pass"), authority().certificate_pem()
    loaded = load_authority(key, certificate, UsccField.ORGANIZATION_IDENTIFIER, b"pass")
    token = loaded.issue(CODE, randomness(8), NOW_MS - DAY_MS).sign(consent_draft(), NOW_MS)
    assert verifier().verify(token, BANK, NOW_MS).uscc == CODE
    with pytest.raises(Refusal, match="does not belong"):
        load_authority(enterprise().export_secret_key(None), certificate, UsccField.ORGANIZATION_IDENTIFIER)


def test_an_authority_issues_for_valid_codes_only_and_from_its_randomness() -> None:
    with pytest.raises(ValueError, match="GB 32100"):
        authority().issue(CODE[:-1] + ("0" if CODE[-1] != "0" else "1"), randomness(4), NOW_MS)
    one, again, other = (authority().issue(valid_code(3), randomness(seed), NOW_MS) for seed in (4, 4, 5))
    assert one.key.public_key() == again.key.public_key() != other.key.public_key()
    assert one.chain[0].serial_number != other.chain[0].serial_number
    assert one.chain[0].subject.get_attributes_for_oid(NameOID.ORGANIZATION_IDENTIFIER)[0].value == valid_code(3)


def test_keys_are_opaque() -> None:
    for secret in (enterprise(), authority()):
        assert CODE not in repr(secret)
        assert "redacted" in repr(secret)
        with pytest.raises(TypeError, match="pickled"):
            pickle.dumps(secret)


def test_an_authoritys_certificate_says_what_it_may_do() -> None:
    usage = authority().certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_cert_sign, usage.digital_signature) == (True, False)
    leaf = enterprise().chain[0].extensions.get_extension_for_class(x509.KeyUsage).value
    assert (leaf.key_cert_sign, leaf.digital_signature) == (False, True)
    assert isinstance(enterprise().key, ec.EllipticCurvePrivateKey)
