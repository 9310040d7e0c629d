"""Every codec of scoring under the shared contract, and what each refuses on its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from protocols.encoding import Reader
from protocols.errors import ParameterError, PeerProtocolError
from protocols.primitives.bfv_keys import BfvPublicKey
from protocols.primitives.bfv_profile import BFV_8192_1
from protocols.primitives.paillier import PaillierPublicKey
from protocols.scoring.engine import EncryptedModel, EncryptedScores, encoded_model_bytes
from protocols.scoring.messages import ScoreRequest, ScoreResponse
from protocols.scoring.model import PublicModel
from protocols.transcript import digest, digest_of_pieces
from tests.support.codec import Codec, check_codec
from tests.support.scoring_models import BINDING, PUBLIC, features, seeded, standard

ENGINE_NAMES = ("bfv", "paillier")
ROWS = 5
POLYNOMIAL = 151_552
MODEL_SIZES = {"bfv": 4 + 10 + 4 + 32 + POLYNOMIAL * (1 + 2 * 11), "paillier": 4 + 15 + 4 + 384 + 768 * 11}
SCORE_SIZES = {"bfv": 4 + 10 + 4 + 1 + 49_152 + 6 * 5, "paillier": 4 + 15 + 4 + 1 + 768 * 5}


def scores(name: str) -> EncryptedScores:
    return standard(name).evaluator.evaluate(PUBLIC.columns(features(ROWS)), seeded("codec"))


def request() -> ScoreRequest:
    return ScoreRequest(BINDING, 7, PUBLIC.columns(features(3)))


def codec(name: str) -> Codec:
    kind, _, engine = name.partition(" ")
    encrypted = standard(engine or "bfv").encrypted
    codecs: dict[str, Callable[[], Codec]] = {
        "public-model": lambda: Codec(PUBLIC.encode(), lambda data: PublicModel.decode(data).encode(), 97),
        "request": lambda: Codec(request().encode(), lambda data: ScoreRequest.decode(data).encode(), 40 + 66),
        "model": lambda: Codec(
            encrypted.encode(), lambda data: EncryptedModel.decode(data, 11).encode(), MODEL_SIZES[engine]
        ),
        "scores": lambda: Codec(
            scores(engine).encode(), lambda data: EncryptedScores.decode(data).encode(), SCORE_SIZES[engine]
        ),
        "response": lambda: Codec(
            ScoreResponse(BINDING, scores(engine)).encode(),
            lambda data: ScoreResponse.decode(data).encode(),
            32 + SCORE_SIZES[engine],
        ),
        "key": lambda: Codec(
            encrypted.public_key,
            lambda data: (BfvPublicKey if engine == "bfv" else PaillierPublicKey).decode(data).encode(),
            {"bfv": 32 + POLYNOMIAL, "paillier": 384}[engine],
        ),
    }
    return codecs[kind]()


@pytest.mark.parametrize(
    "name",
    [
        "public-model",
        "request",
        *(f"{kind} {engine}" for kind in ("model", "scores", "response", "key") for engine in ENGINE_NAMES),
    ],
)
def test_codec_contract(name: str) -> None:
    check_codec(codec(name))


@pytest.mark.parametrize("name", ENGINE_NAMES)
def test_the_size_of_a_model_is_known_before_it_is_read(name: str) -> None:
    encrypted = standard(name).encrypted
    assert encoded_model_bytes(encrypted.profile, 11) == len(encrypted.encode())


def with_residue_equal_to_modulus(data: bytes, offset: int) -> bytes:
    """Overwrite one 48-bit residue, at a byte offset, by the modulus itself."""
    modulus = BFV_8192_1.response_prime.to_bytes(6, "little")
    return data[:offset] + modulus + data[offset + 6 :]


@pytest.mark.parametrize("offset", [18 + 32, 18 + 32 + POLYNOMIAL, 18 + 32 + 2 * POLYNOMIAL, 18 + 32 + 22 * POLYNOMIAL])
def test_a_model_s_residue_equal_to_its_modulus_is_refused(offset: int) -> None:
    with pytest.raises(PeerProtocolError, match="modulus"):
        EncryptedModel.decode(with_residue_equal_to_modulus(standard("bfv").encrypted.encode(), offset), 11)


@pytest.mark.parametrize("offset", [19, 19 + 6 * 8191, 19 + 49_152, 19 + 49_152 + 24])
def test_a_response_s_residue_equal_to_its_modulus_is_refused(offset: int) -> None:
    with pytest.raises(PeerProtocolError, match="modulus"):
        EncryptedScores.decode(with_residue_equal_to_modulus(scores("bfv").encode(), offset))


def test_a_response_that_hides_nothing_is_refused() -> None:
    made = scores("bfv")
    with pytest.raises(PeerProtocolError, match="not encrypted"):
        EncryptedScores.decode(replace(made, shared=bytes(len(made.shared))).encode())


def test_a_paillier_ciphertext_that_is_no_unit_is_refused() -> None:
    encoded = standard("paillier").encrypted.encode()
    for value in (bytes(768), b"\xff" * 768, encoded[23 : 23 + 384].rjust(768, b"\0")):
        with pytest.raises(PeerProtocolError, match="unit"):
            EncryptedModel.decode(encoded[:-768] + value, 11)


@pytest.mark.parametrize("columns", [10, 12])
def test_a_model_with_other_columns_is_refused(columns: int) -> None:
    with pytest.raises(PeerProtocolError, match="number of ciphertexts"):
        EncryptedModel.decode(standard("bfv").encrypted.encode(), columns)


@pytest.mark.parametrize("profile", ["bfv-8192-2", "bfv-4096-1", "BFV-8192-1", "", "x" * 32, "x" * 33, "tfhe"])
def test_an_unknown_profile_is_refused(profile: str) -> None:
    name = profile.encode()
    encoded = standard("bfv").encrypted.encode()
    with pytest.raises(PeerProtocolError):
        EncryptedModel.decode(len(name).to_bytes(4, "big") + name + encoded[14:], 11)
    with pytest.raises(PeerProtocolError):
        EncryptedScores.decode(len(name).to_bytes(4, "big") + name + scores("bfv").encode()[14:])


def test_one_profile_s_bytes_are_not_another_s() -> None:
    encoded = standard("bfv").encrypted.encode()
    name = b"paillier-3072-1"
    with pytest.raises(PeerProtocolError):
        EncryptedModel.decode(len(name).to_bytes(4, "big") + name + encoded[14:], 11)


def test_a_spare_bit_is_refused() -> None:
    encoded = bytearray(scores("bfv").encode())
    encoded[18] |= 1 << 5
    with pytest.raises(PeerProtocolError):
        EncryptedScores.decode(bytes(encoded) + bytes(6))


@pytest.mark.parametrize("evaluated", [0, 8193, 2**32 - 1])
def test_a_number_of_rows_beyond_the_profile_is_refused(evaluated: int) -> None:
    encoded = scores("bfv").encode()
    with pytest.raises(PeerProtocolError):
        EncryptedScores.decode(encoded[:14] + evaluated.to_bytes(4, "big") + encoded[18:])


def test_a_request_refuses_counts_beyond_its_bounds() -> None:
    encoded = request().encode()
    for rows, columns, count in ((0, 11, 3), (8193, 11, 3), (7, 0, 3), (7, 1025, 3), (7, 11, 65)):
        head = BINDING + rows.to_bytes(4, "big") + columns.to_bytes(2, "big") + count.to_bytes(2, "big")
        with pytest.raises(PeerProtocolError):
            ScoreRequest.decode(head + encoded[40:])
    with pytest.raises(PeerProtocolError):
        ScoreRequest(BINDING[1:], 7, np.zeros((11, 1), dtype=np.uint16))
    with pytest.raises(PeerProtocolError):
        ScoreResponse(BINDING[1:], scores("bfv"))


def test_digests_tell_values_apart() -> None:
    first, second = scores("bfv"), scores("bfv").select(np.array([True, True, True, True, False]))
    assert first.digest() != second.digest()
    assert standard("bfv").encrypted.digest() != standard("paillier").encrypted.digest()
    assert PUBLIC.digest() != PublicModel(PUBLIC.fields[:2]).digest()


@pytest.mark.parametrize("engine", ["bfv", "paillier"])
def test_a_model_s_digest_is_that_of_its_whole_encoding(engine: str) -> None:
    encrypted = standard(engine).encrypted
    encoded = encrypted.encode()
    decoded = EncryptedModel.decode(memoryview(encoded), PUBLIC.column_count)
    assert encrypted.encoded_bytes == len(encoded)
    assert encrypted.digest() == decoded.digest() == digest("scoring/encrypted-model", encoded)


def test_a_digest_of_pieces_is_that_of_their_sum_and_of_no_other() -> None:
    assert digest_of_pieces("label", (b"ab", b"", b"c"), 3) == digest("label", b"abc")
    assert digest_of_pieces("label", (b"ab", b"c"), 3) != digest("label", b"ab", b"c")
    with pytest.raises(ParameterError):
        digest_of_pieces("label", (b"ab", b"c"), 4)


def test_parts_are_read_where_they_stand() -> None:
    reader = Reader(memoryview(b"aabbccd"))
    parts = reader.parts(2, 3)
    assert (list(parts), parts[-1], parts[1:], len(parts)) == ([b"aa", b"bb", b"cc"], b"cc", (b"bb", b"cc"), 3)
    with pytest.raises(IndexError):
        parts[3]
    with pytest.raises(PeerProtocolError):
        reader.parts(2, 1)
