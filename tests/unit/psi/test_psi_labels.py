from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocols.errors import ParameterError, PeerProtocolError
from protocols.psi.labels import MAXIMUM_LABEL_BYTES, decoy_label, open_label, seal_label, sealed_bytes
from protocols.psi.tags import TAG_BYTES
from protocols.randomness import SeededRandomness, SystemRandomness

OUTPUT = bytes(range(64))
OTHER_OUTPUT = OUTPUT[:TAG_BYTES] + bytes(64 - TAG_BYTES)  # with the same tag
WIDTH = 40


def _seal(label: bytes = b"reason 3", segment: int = 7, output: bytes = OUTPUT, seed: int = 0) -> bytes:
    return seal_label(output, label, segment=segment, width=WIDTH, randomness=SeededRandomness(bytes([seed] * 32)))


def _open(sealed: bytes, segment: int = 7, output: bytes = OUTPUT) -> bytes:
    return open_label(output, sealed, segment=segment, width=WIDTH)


@pytest.mark.parametrize("label", [b"", b"a", b"a\x00", b"\x00", "异常经营".encode(), b"x" * WIDTH])
def test_a_label_is_sealed_and_opened_and_its_length_is_not_shown(label: bytes) -> None:
    sealed = _seal(label)
    assert _open(sealed) == label
    assert len(sealed) == sealed_bytes(WIDTH) == 12 + 2 + WIDTH + 16


@pytest.mark.parametrize("width", [1, MAXIMUM_LABEL_BYTES])
def test_the_narrowest_and_the_widest(width: int) -> None:
    label = b"x" * width
    sealed = seal_label(OUTPUT, label, segment=0, width=width, randomness=SystemRandomness())
    assert open_label(OUTPUT, sealed, segment=0, width=width) == label


def test_a_label_opens_in_its_own_segment_and_under_its_own_codes_output_alone() -> None:
    sealed = _seal()
    for segment in (0, 6, 8, 7 + 256, 2**32 - 1):
        with pytest.raises(PeerProtocolError, match="does not open"):
            _open(sealed, segment=segment)
    # A label moved to another position of the segment stands beside another code's tag: that output does not open it.
    with pytest.raises(PeerProtocolError, match="does not open"):
        _open(sealed, output=OUTPUT[::-1])
    with pytest.raises(PeerProtocolError, match="does not open"):
        _open(sealed, output=OTHER_OUTPUT)  # the published twelve bytes are not the key


def test_every_changed_byte_is_refused() -> None:
    sealed = _seal()
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(PeerProtocolError, match="does not open"):
            _open(bytes(changed))


def test_another_size_is_refused() -> None:
    sealed = _seal()
    for changed in (b"", sealed[:-1], sealed + b"\x00"):
        with pytest.raises(PeerProtocolError, match="another size"):
            _open(changed)
    with pytest.raises(PeerProtocolError, match="another size"):
        open_label(OUTPUT, sealed, segment=7, width=WIDTH + 1)


def test_an_equal_label_sealed_twice_gives_other_bytes_and_no_nonce_again() -> None:
    randomness = SeededRandomness(bytes(32))
    sealed = [seal_label(OUTPUT, b"same", segment=7, width=WIDTH, randomness=randomness) for _ in range(50)]
    assert len({each[:12] for each in sealed}) == 50
    assert len({each[12:] for each in sealed}) == 50
    assert {_open(each) for each in sealed} == {b"same"}


def test_a_changed_label_repeats_no_nonce() -> None:
    randomness = SeededRandomness(bytes(32))
    first = seal_label(OUTPUT, b"before", segment=7, width=WIDTH, randomness=randomness)
    second = seal_label(OUTPUT, b"after", segment=7, width=WIDTH, randomness=randomness)
    assert first[:12] != second[:12]


def test_a_sealed_label_is_what_the_clause_says() -> None:
    def bound(label: bytes, segment: int) -> bytes:
        return (
            len(label).to_bytes(4, "big")
            + label
            + (1).to_bytes(4, "big")
            + (4).to_bytes(4, "big")
            + segment.to_bytes(4, "big")
        )

    derive = HKDF(hashes.SHA256(), 32, None, bound(b"banktax/1/psi/label/key", 7))
    cipher = AESGCM(derive.derive(OUTPUT))
    nonce = SeededRandomness(bytes(32)).bytes(12)
    plain = (8).to_bytes(2, "big") + b"reason 3" + bytes(WIDTH - 8)
    assert _seal() == nonce + cipher.encrypt(nonce, plain, bound(b"banktax/1/psi/label", 7))
    # Sealed rightly, padded wrongly: another length than is possible, or something in the filling.
    for wrong in ((WIDTH + 1).to_bytes(2, "big") + bytes(WIDTH), b"\x00\x01" + b"ab" + bytes(WIDTH - 2)):
        forged = nonce + cipher.encrypt(nonce, wrong, bound(b"banktax/1/psi/label", 7))
        with pytest.raises(PeerProtocolError, match="padded"):
            _open(forged)


def test_a_decoy_has_the_size_of_a_label_and_opens_under_nothing() -> None:
    decoy = decoy_label(WIDTH, SeededRandomness(bytes(32)))
    assert len(decoy) == sealed_bytes(WIDTH)
    with pytest.raises(PeerProtocolError, match="does not open"):
        _open(decoy)


def test_parameters_are_checked() -> None:
    for width in (-1, 0, MAXIMUM_LABEL_BYTES + 1):
        with pytest.raises(ParameterError, match=r"1\.\.1024"):
            sealed_bytes(width)
    with pytest.raises(ParameterError, match="at most 40"):
        _seal(b"x" * (WIDTH + 1))
    for output in (b"", OUTPUT[:-1], OUTPUT + b"\x00"):
        with pytest.raises(ParameterError, match="64 bytes"):
            _seal(output=output)
        with pytest.raises(ParameterError, match="64 bytes"):
            _open(_seal(), output=output)
