"""Key and ciphertexts are made again: one changed point, one changed coefficient, one shared seed, and it is named."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from node.certification.comparison import Comparison, compare
from node.certification.dossier import DossierReader
from node.certification.papers import read_papers
from node.certification.result import Check, Outcome, Subject
from node.codes import Engine, Role
from node.scorecards.format import parse_scorecard
from protocols.encoding import Writer
from protocols.primitives.bfv_keys import BfvEncryptor, BfvPublicKey
from protocols.primitives.bfv_packing import pack_polynomials, unpack_polynomials
from protocols.primitives.paillier import PaillierPublicKey, PaillierSecretKey, draw_unit, stream
from protocols.scoring.bounds import noise_bounds
from protocols.scoring.engine import EncryptedModel, encoded_model_bytes
from protocols.scoring.engines import ENGINES
from protocols.scoring.measure import measured_noise
from tests.support.certification import AUDITOR, MASTER, CertificationWorld, Dossier, describe

WIDTH = 16
COLUMN = 5  # the second bin of the second field


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> CertificationWorld:
    """Parties and a model of 16 columns: nothing is measured here, only compared."""
    return CertificationWorld(tmp_path_factory.mktemp("compared"), WIDTH)


@pytest.fixture(scope="module")
def honest(world: CertificationWorld) -> Dossier:
    """The honest dossier."""
    return world.dossier()


def compared(world: CertificationWorld, dossier: Dossier | Path) -> Comparison:
    """Open a dossier and compare, without the measurement that a review goes on to."""
    path = dossier if isinstance(dossier, Path) else world.written(dossier, "compared.dossier")
    with world.office() as office, path.open("rb") as file:
        reader = DossierReader(file, AUDITOR, office.encryption_key, lambda bank: office.key_of(bank, Role.BANK))
        return compare(reader, read_papers(reader.content, office.key_of), lambda *_: None)


def failed(found: Comparison) -> dict[Subject, Check]:
    return {check.subject: check for check in found.checks if check.outcome is Outcome.FAILED}


def with_points(world: CertificationWorld, place: int, change: int) -> bytes:
    card = json.loads(world.scorecard())
    card["fields"][place // 4]["points"][place % 4] += change
    return parse_scorecard(json.dumps(card)).to_json().encode()


def encryption(dossier: Dossier, weight: int, seed: bytes) -> bytes:
    encryptor = BfvEncryptor(BfvPublicKey.decode(dossier.pieces[1]))
    return pack_polynomials(encryptor.encrypt(weight, seed))


def weights_of(world: CertificationWorld) -> tuple[int, ...]:
    return world.compiled(world.scorecard()).secret_model.weights


def test_an_honest_dossier_is_the_same_bit_for_bit(world: CertificationWorld, honest: Dossier) -> None:
    found = compared(world, honest)
    assert failed(found) == {}
    assert len(found.ciphertext_digests) == len(set(found.ciphertext_digests)) == WIDTH
    assert found.encrypted_digest == json.loads(honest.content.header.description)["encrypted_digest"]


def test_the_noise_is_that_of_the_real_errors(world: CertificationWorld, honest: Dossier) -> None:
    found = compared(world, honest).noise
    model = world.compiled(world.scorecard()).secret_model
    key = ENGINES[Engine.BFV].generate(MASTER)
    encrypted = EncryptedModel(honest.content.header.profile, honest.pieces[1], tuple(honest.pieces[2:]))
    real = measured_noise(key, encrypted, model)
    assert (found.norms, found.largest_coefficient) == (real.norms, real.largest_coefficient)
    assert found.distance_log2 == real.distance_log2
    worst = noise_bounds(model.public)
    assert found.worst_case_log2 == worst.distance_log2
    assert real.distance_log2 < worst.distance_log2 - 2
    assert found.total_bound < worst.total_bound


def test_one_point_that_differs_is_named_with_its_field_and_bin(world: CertificationWorld, honest: Dossier) -> None:
    """The seeds follow from all points, so every ciphertext differs, but one alone holds another number of points."""
    found = compared(world, honest.with_scorecard(with_points(world, COLUMN, 1)))
    weight, randomness = (check for check in found.checks if check.outcome is Outcome.FAILED)
    edges = json.loads(world.scorecard())["fields"][1]["edges"]
    where = f"column {COLUMN} (field-001, [{edges[0]}, {edges[1]}))"
    assert weight.text == f"{where}: does not hold the points that the scorecard says"
    assert (weight.subject, weight.value) == (Subject.CIPHERTEXTS, f"1 of {WIDTH} columns")
    assert "holds its points, but not under the randomness" in randomness.text
    assert randomness.value == f"{WIDTH - 1} of {WIDTH} columns"


def test_randomness_that_is_used_twice_is_named_by_both_columns(world: CertificationWorld, honest: Dossier) -> None:
    weights, seed = weights_of(world), bytes(32)
    shared = honest.with_ciphertext(3, encryption(honest, weights[3], seed))
    shared = shared.with_ciphertext(11, encryption(honest, weights[11], seed))
    found = failed(compared(world, shared))
    assert found.keys() == {Subject.CIPHERTEXTS, Subject.RANDOMNESS}
    assert "columns 3 and 11 use the same randomness" in found[Subject.RANDOMNESS].text
    assert "column 3" in found[Subject.CIPHERTEXTS].text
    assert "column 11" in found[Subject.CIPHERTEXTS].text


def test_an_encryption_of_its_own_weight_under_other_randomness_fails(
    world: CertificationWorld, honest: Dossier
) -> None:
    """Re-encrypted: honest as it may be, its noise is not what the seed gives, so nobody has certified it."""
    other = honest.with_ciphertext(COLUMN, encryption(honest, weights_of(world)[COLUMN], bytes(32)))
    found = failed(compared(world, other))
    assert found.keys() == {Subject.CIPHERTEXTS}
    assert "not under the randomness" in found[Subject.CIPHERTEXTS].text


def test_a_second_model_in_the_noise_fails(world: CertificationWorld, honest: Dossier) -> None:
    residues = unpack_polynomials(honest.pieces[2 + COLUMN], 2).astype(np.int64)
    residues[0, :, 0] += 1 << 30  # above every honest error, far below a point: scores stay exact
    hidden = honest.with_ciphertext(COLUMN, pack_polynomials(residues.astype(np.uint64)))
    found = failed(compared(world, hidden))
    assert found.keys() == {Subject.CIPHERTEXTS}
    assert "does not hold the points" in found[Subject.CIPHERTEXTS].text


def test_reordered_ciphertexts_fail(world: CertificationWorld, honest: Dossier) -> None:
    first, second = honest.pieces[2], honest.pieces[3]
    swapped = honest.with_ciphertext(0, second).with_ciphertext(1, first)
    assert "column 0" in failed(compared(world, swapped))[Subject.CIPHERTEXTS].text


def test_a_ciphertext_that_is_not_canonical_fails(world: CertificationWorld, honest: Dossier) -> None:
    found = failed(compared(world, honest.with_ciphertext(COLUMN, b"\xff" * len(honest.pieces[2]))))
    assert "no canonical ciphertext" in found[Subject.CIPHERTEXTS].text


def test_another_public_key_fails(world: CertificationWorld, honest: Dossier) -> None:
    other = ENGINES[Engine.BFV].generate(bytes(32))
    pieces = [honest.pieces[0], ENGINES[Engine.BFV].public_key(other), *honest.pieces[2:]]
    found = failed(compared(world, Dossier(honest.content, pieces).redigested()))
    assert found.keys() == {Subject.PUBLIC_KEY}


def test_another_seed_fails_everywhere(world: CertificationWorld, honest: Dossier) -> None:
    content = honest.replaced(master=bytes(32))
    assert failed(compared(world, content)).keys() == {Subject.PUBLIC_KEY, Subject.CIPHERTEXTS}


def test_ciphertexts_with_another_digest_than_registered_fail(world: CertificationWorld, honest: Dossier) -> None:
    told = json.loads(honest.content.header.description) | {"encrypted_digest": "00" * 32}
    changed = honest.with_header(description=json.dumps(told, sort_keys=True, separators=(",", ":")))
    assert failed(compared(world, changed)).keys() == {Subject.DIGEST}


# ---- Paillier


@pytest.fixture(scope="module")
def thin(tmp_path_factory: pytest.TempPathFactory) -> CertificationWorld:
    """A world whose model has 4 columns, for Paillier's sake."""
    return CertificationWorld(tmp_path_factory.mktemp("thin"), 4)


@pytest.fixture(scope="module")
def honest_thin(thin: CertificationWorld) -> Dossier:
    """Its honest dossier."""
    return thin.dossier(engine=Engine.PAILLIER)


def test_paillier_primes_and_every_r_are_made_again(thin: CertificationWorld, honest_thin: Dossier) -> None:
    found = compared(thin, honest_thin)
    assert failed(found) == {}
    assert found.noise.distance_log2 is None


def test_a_paillier_r_that_is_used_twice_and_a_point_that_differs_are_named(
    thin: CertificationWorld, honest_thin: Dossier
) -> None:
    public = PaillierSecretKey.generate(MASTER).public_key
    unit = draw_unit(stream(bytes(32), "r"), public.modulus)
    weights = weights_of(thin)
    right, wrong = (public.encode_ciphertext(public.encrypt(each, unit)) for each in (weights[1], weights[2] + 1))
    found = compared(thin, honest_thin.with_ciphertext(1, right).with_ciphertext(2, wrong))
    texts = [check.text for check in found.checks if check.outcome is Outcome.FAILED]
    assert len(texts) == 3
    assert "column 2" in texts[0]
    assert "does not hold the points" in texts[0]
    assert "column 1" in texts[1]
    assert "not under the randomness" in texts[1]
    assert "columns 1 and 2 use the same randomness" in texts[2]


def test_a_paillier_modulus_that_is_unfit_fails_by_name(thin: CertificationWorld, honest_thin: Dossier) -> None:
    modulus = PaillierPublicKey.decode(honest_thin.pieces[1]).modulus
    smooth = next(odd for odd in range(modulus, modulus - 6, -2) if odd % 3 == 0)
    pieces = [honest_thin.pieces[0], smooth.to_bytes(384, "big"), *honest_thin.pieces[2:]]
    found = failed(compared(thin, Dossier(honest_thin.content, pieces).redigested()))
    assert "small factor" in found[Subject.PUBLIC_KEY].text


# ---- size

COLUMNS = 120


def test_memory_does_not_grow_with_the_columns(tmp_path: Path) -> None:
    """A dossier of 36 MB; the comparison holds a few megabytes and tells how far it is, column by column."""
    world = CertificationWorld(tmp_path, COLUMNS)
    path = large_dossier(world)
    told: list[tuple[int, int]] = []
    with world.office() as office, path.open("rb") as file:
        reader = DossierReader(file, AUDITOR, office.encryption_key, lambda bank: office.key_of(bank, Role.BANK))
        papers = read_papers(reader.content, office.key_of)
        tracemalloc.start()
        found = compare(reader, papers, lambda done, total: told.append((done, total)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert failed(found).keys() == {Subject.DIGEST}
    assert told == [(done, COLUMNS) for done in range(1, COLUMNS + 1)]
    assert peak < 16 << 20


def large_dossier(world: CertificationWorld) -> Path:
    """Write a dossier without ever holding its ciphertexts; their digest is not known when its header is written."""
    scorecard = world.scorecard()
    compiled, engine, key = world.compiled(scorecard), ENGINES[Engine.BFV], ENGINES[Engine.BFV].generate(MASTER)
    size = encoded_model_bytes(engine.profile, COLUMNS)
    description = describe(parse_scorecard(scorecard), compiled, bytes(32), size, engine.profile)

    def pieces() -> Iterator[bytes]:
        yield Writer().text(engine.profile).uint(COLUMNS, 4).finish()
        yield engine.public_key(key)
        yield from engine.encrypt_columns(key, compiled.secret_model)

    return world.write(world.content(scorecard, description, Engine.BFV), pieces(), "large.dossier")
