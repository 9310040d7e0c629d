"""A sealed file gives its content back to its one reader, and any change of any byte is refused by name."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.certification.sealed_file import SEGMENT_BYTES, TAG_BYTES, SealedReader, read_head, seal
from node.codes import Code, Role
from node.errors import Refusal
from node.policy.card import PartyCard
from protocols.errors import ParameterError, PeerProtocolError
from protocols.primitives.public_encryption import EncryptionKey, wrap
from protocols.randomness import SeededRandomness, SystemRandomness
from tests.support.policy import card_of

KEY = EncryptionKey(bytes(range(32)))
READER = "auditor-a"
LABEL = "dossier"


def reader_card(key: EncryptionKey = KEY, party: str = READER) -> PartyCard:
    return card_of(party, role=Role.AUDITOR, encryption_key=key.public_key.hex())


def sealed(content: bytes, pieces: int = 7) -> bytes:
    size = max(len(content) // pieces, 1)
    parts = [content[start : start + size] for start in range(0, len(content), size)]
    return b"".join(seal(LABEL, reader_card(), parts, SystemRandomness()))


def opened(data: bytes, key: EncryptionKey = KEY, reader: str = READER, label: str = LABEL) -> SealedReader:
    return SealedReader(io.BytesIO(data), label, reader, key)


def head_bytes(data: bytes) -> int:
    file = io.BytesIO(data)
    read_head(file)
    return file.tell()


def refused(data: bytes, length: int, **how: object) -> Refusal:
    def read_all() -> None:
        reader = opened(data, **how)  # type: ignore[arg-type]
        reader.read(length)
        reader.finish()

    with pytest.raises(Refusal) as caught:
        read_all()
    assert caught.value.code is Code.INVALID_INPUT
    return caught.value


@pytest.mark.parametrize(
    "length", [0, 1, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 2 * SEGMENT_BYTES, 3 * SEGMENT_BYTES + 5]
)
def test_content_comes_back_in_parts_of_any_size(length: int) -> None:
    content = SeededRandomness(bytes(32)).bytes(length)
    data = sealed(content)
    segments = max(-(-length // SEGMENT_BYTES), 1)
    assert len(data) == head_bytes(data) + length + segments * TAG_BYTES
    reader, found = opened(data), b""
    for size in (0, 1, 77_777, SEGMENT_BYTES):
        found += reader.read(min(size, length - len(found)))
    found += reader.read(length - len(found))
    reader.finish()
    assert found == content


def test_a_file_that_goes_on_is_refused() -> None:
    reader = opened(sealed(b"abcd"))
    reader.read(3)
    with pytest.raises(Refusal, match="goes on"):
        reader.finish()


def test_reading_beyond_the_end_is_refused() -> None:
    with pytest.raises(Refusal, match="ends too early"):
        opened(sealed(b"abcd")).read(5)


@pytest.mark.parametrize("cut", ["head", "segment", "boundary", "last"])
def test_a_truncated_file_is_refused_as_truncated(cut: str) -> None:
    content = bytes(2 * SEGMENT_BYTES + 100)
    data = sealed(content)
    head = head_bytes(data)
    ends = {
        "head": head - 1,
        "segment": head + 500,
        "boundary": head + SEGMENT_BYTES + TAG_BYTES,
        "last": len(data) - 1,
    }
    assert "truncated" in refused(data[: ends[cut]], len(content)).detail


def test_two_segments_that_change_places_are_refused() -> None:
    data = sealed(SeededRandomness(bytes(32)).bytes(3 * SEGMENT_BYTES))
    head, whole = head_bytes(data), SEGMENT_BYTES + TAG_BYTES
    first, second = data[head : head + whole], data[head + whole : head + 2 * whole]
    swapped = data[:head] + second + first + data[head + 2 * whole :]
    assert "changed" in refused(swapped, 3 * SEGMENT_BYTES).detail


def test_a_flip_of_any_byte_of_the_head_or_of_a_segment_is_refused() -> None:
    data = sealed(b"secret" * 10)
    for place in range(len(data)):
        broken = bytearray(data)
        broken[place] ^= 1
        refused(bytes(broken), 60)


def test_a_file_for_another_reader_key_or_purpose_is_named() -> None:
    data = sealed(b"x")
    assert "for auditor-a, not for auditor-b" in refused(data, 1, reader="auditor-b").detail
    assert "another encryption key" in refused(data, 1, key=EncryptionKey(bytes(32))).detail
    assert "sealed dossier, not a letter" in refused(data, 1, label="letter").detail
    assert "no file" in refused(b"PK\x03\x04" + data, 1).detail


def test_a_card_without_a_usable_key_is_refused() -> None:
    with pytest.raises(Refusal, match="no encryption key"):
        next(seal(LABEL, card_of("bank-a"), [b"x"], SystemRandomness()))
    low_order = card_of(READER, role=Role.AUDITOR, encryption_key="00" * 32)
    with pytest.raises(Refusal, match="low order"):
        next(seal(LABEL, low_order, [b"x"], SystemRandomness()))


@pytest.mark.parametrize(("role", "key"), [(Role.AUDITOR, ""), (Role.BANK, "11" * 32), (Role.BUREAU, "11" * 32)])
def test_only_an_auditors_card_has_an_encryption_key(role: Role, key: str) -> None:
    with pytest.raises(Refusal, match="encryption_key: an auditor has one"):
        card_of(READER, role=role, encryption_key=key)


def test_a_key_of_another_size_is_refused_and_a_key_shows_nothing() -> None:
    for action in (lambda: EncryptionKey(b"1"), lambda: wrap(b"s", b"1", b"")):
        with pytest.raises(ParameterError):
            action()
    with pytest.raises(PeerProtocolError):
        KEY.unwrap(wrap(b"s", KEY.public_key, b"one"), b"two")
    assert repr(KEY) == "EncryptionKey(<redacted>)"
    with pytest.raises(TypeError):
        KEY.__reduce__()


def test_wrapping_is_hpke_as_rfc_9180_writes_it() -> None:
    """Opened by the equations of sections 4 and 5.1, not by the library's HPKE."""
    context, secret = b"what it belongs to", bytes(range(100, 132))
    wrapped = wrap(secret, KEY.public_key, context)
    assert open_by_the_book(wrapped, context) == secret


def open_by_the_book(wrapped: bytes, info: bytes) -> bytes:
    encapsulated, ciphertext = wrapped[:32], wrapped[32:]
    private = X25519PrivateKey.from_private_bytes(KEY.export_secret())
    shared = private.exchange(X25519PublicKey.from_public_bytes(encapsulated))
    kem = b"KEM" + (0x0020).to_bytes(2, "big")
    prk = labeled_extract(kem, b"", b"eae_prk", shared)
    key = labeled_expand(kem, prk, b"shared_secret", encapsulated + KEY.public_key, 32)
    suite = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in (0x0020, 0x0001, 0x0002))
    schedule = (
        b"\0" + labeled_extract(suite, b"", b"psk_id_hash", b"") + labeled_extract(suite, b"", b"info_hash", info)
    )
    secret = labeled_extract(suite, key, b"secret", b"")
    nonce = labeled_expand(suite, secret, b"base_nonce", schedule, 12)
    return AESGCM(labeled_expand(suite, secret, b"key", schedule, 32)).decrypt(nonce, ciphertext, b"")


def labeled_extract(suite: bytes, salt: bytes, label: bytes, material: bytes) -> bytes:
    return mac(salt or bytes(32), b"HPKE-v1" + suite + label + material)


def labeled_expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    return mac(prk, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info + b"\x01")[:length]


def mac(key: bytes, data: bytes) -> bytes:
    hashed = hmac.HMAC(key, hashes.SHA256())
    hashed.update(data)
    return hashed.finalize()


def test_writing_and_reading_hold_one_segment(tmp_path: Path) -> None:
    """64 MiB through both, and never more than a few segments in memory."""
    import tracemalloc

    path = tmp_path / "large"
    tracemalloc.start()
    with path.open("wb") as file:
        file.writelines(seal(LABEL, reader_card(), (bytes(300_000) for _ in range(220)), SystemRandomness()))
    with path.open("rb") as file:
        reader = SealedReader(file, LABEL, READER, KEY)
        for _ in range(220):
            assert not any(reader.read(300_000)[:10])
        reader.finish()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * SEGMENT_BYTES
