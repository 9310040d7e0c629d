"""What every engine owes, on both: the oracle's integers, freshness, repeatable models, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from protocols.errors import ParameterError, PeerProtocolError
from protocols.randomness import SystemRandomness
from protocols.scoring import reference
from protocols.scoring.engine import EncryptedModel, EncryptedScores
from protocols.scoring.engines import ENGINES, PROFILE_NAMES, engine_of_profile
from protocols.scoring.model import BinnedField, LinearField, PublicModel, SecretModel
from tests.support.scoring_models import MASTER, MODEL, PUBLIC, Setting, features, key_of, seeded, setting, standard

EXTREME = 2**31 - 1
EXTREMES = SecretModel(
    PublicModel((BinnedField("a", (0,)), LinearField("b", 0, 65535, 1), BinnedField("c", ()))),
    (EXTREME - 40_000, -EXTREME + 40_000, 0, 0, 0, 40_000, -40_000),
)


@pytest.fixture(params=["bfv", "paillier"])
def made(request: pytest.FixtureRequest) -> Setting:
    return standard(str(request.param))


def evaluated(made: Setting, columns: np.ndarray[tuple[int, int], np.dtype[np.uint16]]) -> EncryptedScores:
    scores = made.evaluator.evaluate(columns, SystemRandomness())
    return EncryptedScores.decode(scores.encode())


@pytest.mark.parametrize("rows", [1, 2, 17])
def test_scores_are_the_oracle_s(rows: int, made: Setting) -> None:
    table = features(rows, seed=rows)
    found = made.decryptor.decrypt(evaluated(made, PUBLIC.columns(table)))
    assert found.dtype == np.int64
    assert found.tolist() == reference.scores(MODEL, table).tolist()


def test_a_full_chunk_of_the_batch_engine() -> None:
    made = standard("bfv")
    table = features(8192)
    found = made.decryptor.decrypt(evaluated(made, PUBLIC.columns(table)))
    assert np.array_equal(found, reference.scores(MODEL, table))


def test_scores_at_the_very_bound(made: Setting) -> None:
    strong = setting(made.name, EXTREMES)
    table = {
        "a": np.array([-1, 0, 0, -1], dtype=np.int64),
        "b": np.array([0, 65535, 0, 7], dtype=np.int64),
        "c": np.array([0, -(2**63), -(2**63), 0], dtype=np.int64),
    }
    expected = reference.scores(EXTREMES, table)
    assert expected[0] == EXTREMES.score_high == EXTREME
    assert expected[1] == EXTREMES.score_low == -EXTREME
    found = strong.decryptor.decrypt(evaluated(strong, EXTREMES.public.columns(table)))
    assert found.tolist() == expected.tolist()


def test_a_linear_weight_reaches_the_bound(made: Setting) -> None:
    model = SecretModel(PublicModel((LinearField("b", 0, 65535, 1),)), (-32_768, 5))
    strong = setting(made.name, model)
    table = {"b": np.array([0, 1, 65_535, -(2**63), 32_768], dtype=np.int64)}
    found = strong.decryptor.decrypt(evaluated(strong, model.public.columns(table)))
    assert found.tolist() == [0, -32_768, -32_768 * 65_535, 5, -(2**30)]


@pytest.mark.parametrize("rows", [1, 20])
def test_columns_that_are_all_zero_score_zero(rows: int, made: Setting) -> None:
    zeros = np.zeros((PUBLIC.column_count, rows), dtype=np.uint16)
    assert made.decryptor.decrypt(evaluated(made, zeros)).tolist() == [0] * rows


def test_weights_that_are_all_zero_score_zero(made: Setting) -> None:
    model = SecretModel(PUBLIC, (0,) * PUBLIC.column_count)
    blank = setting(made.name, model)
    assert blank.decryptor.decrypt(evaluated(blank, PUBLIC.columns(features(3)))).tolist() == [0] * 3


def test_two_evaluations_of_the_same_rows_share_no_residue(made: Setting) -> None:
    columns = PUBLIC.columns(features(4))
    first, second = (evaluated(made, columns) for _ in range(2))
    size = made.evaluator.evaluate(columns, SystemRandomness()).wire.row_bytes
    for left, right in ((first.shared, second.shared), (first.rows, second.rows)):
        pieces = [(left[at : at + size], right[at : at + size]) for at in range(0, len(left), size)]
        assert all(one != other for one, other in pieces)


def test_an_evaluation_is_as_fresh_as_its_randomness(made: Setting) -> None:
    """The counterpart: only the stream makes two evaluations differ, so a stream used twice would repeat it."""
    columns = PUBLIC.columns(features(2))
    same = [made.evaluator.evaluate(columns, seeded("one")).digest() for _ in range(2)]
    assert same[0] == same[1] != made.evaluator.evaluate(columns, seeded("two")).digest()


def test_select_drops_rows_and_nothing_else(made: Setting) -> None:
    table = features(6)
    scores = evaluated(made, PUBLIC.columns(table))
    keep = np.array([True, False, False, True, True, False])
    kept = EncryptedScores.decode(scores.select(keep).encode())
    assert kept.kept_mask.tolist() == keep.tolist()
    assert len(kept.rows) == 3 * ENGINES[made.name].row_bytes
    assert made.decryptor.decrypt(kept).tolist() == reference.scores(MODEL, table)[keep].tolist()
    again = kept.select(np.array([False, True, False]))
    assert made.decryptor.decrypt(again).tolist() == [reference.scores(MODEL, table)[3]]
    assert made.decryptor.decrypt(kept.select(np.zeros(3, dtype=np.bool_))).tolist() == []
    with pytest.raises(ParameterError):
        kept.select(keep)


def test_a_model_is_encrypted_the_same_way_again(made: Setting) -> None:
    engine = ENGINES[made.name]
    restored = engine.from_secret(made.key.export_secret())
    steps: list[tuple[int, int]] = []
    again = engine.encrypt_model(restored, MODEL, lambda done, total: steps.append((done, total)))
    assert again.digest() == made.encrypted.digest()
    assert steps == [(place + 1, PUBLIC.column_count) for place in range(PUBLIC.column_count)]


def test_models_under_one_key_share_no_randomness(made: Setting) -> None:
    """Two ciphertexts that share (u, e) differ by their weights in the clear: another model, other seeds."""
    other = SecretModel(PUBLIC, (*MODEL.weights[:-1], MODEL.weights[-1] + 1))
    encrypted = ENGINES[made.name].encrypt_model(made.key, other)
    assert encrypted.public_key == made.encrypted.public_key
    assert not set(encrypted.ciphertexts) & set(made.encrypted.ciphertexts)
    assert len(set(made.encrypted.ciphertexts)) == PUBLIC.column_count


def test_an_evaluator_checks_every_column(made: Setting) -> None:
    columns = PUBLIC.columns(features(3))
    for place, top in enumerate(PUBLIC.maxima):
        if top < 65_535:
            over = columns.copy()
            over[place, 1] = top + 1
            with pytest.raises(ParameterError, match="maximum"):
                made.evaluator.evaluate(over, SystemRandomness())
    for wrong in (columns[1:], columns[:, :0], columns.astype(np.int64), columns[0]):
        with pytest.raises(ParameterError):
            made.evaluator.evaluate(wrong, SystemRandomness())  # type: ignore[arg-type]


def test_more_rows_than_one_evaluation_takes_are_refused(made: Setting) -> None:
    over = np.zeros((PUBLIC.column_count, made.evaluator.chunk_rows + 1), dtype=np.uint16)
    with pytest.raises(ParameterError, match="rows"):
        made.evaluator.evaluate(over, SystemRandomness())


def test_the_other_engine_s_values_are_refused(made: Setting) -> None:
    other = standard("paillier" if made.name == "bfv" else "bfv")
    engine = ENGINES[made.name]
    with pytest.raises(PeerProtocolError, match="profile"):
        engine.evaluator(other.encrypted, PUBLIC)
    with pytest.raises(PeerProtocolError, match="profile"):
        made.decryptor.decrypt(evaluated(other, PUBLIC.columns(features(1))))
    for use in (engine.decryptor, lambda key: engine.encrypt_model(key, MODEL)):
        with pytest.raises(ParameterError, match="another engine"):
            use(other.key)


def test_a_model_of_another_number_of_columns_is_refused(made: Setting) -> None:
    with pytest.raises(PeerProtocolError, match="columns"):
        ENGINES[made.name].evaluator(made.encrypted, PublicModel(PUBLIC.fields[:2]))


def test_an_evaluator_checks_ciphertexts_that_were_never_decoded(made: Setting) -> None:
    encrypted = made.encrypted
    broken = (b"\xff" * len(encrypted.ciphertexts[0]), *encrypted.ciphertexts[1:])
    with pytest.raises(PeerProtocolError):
        ENGINES[made.name].evaluator(EncryptedModel(encrypted.profile, encrypted.public_key, broken), PUBLIC)


def test_a_response_under_another_key_is_refused(made: Setting) -> None:
    engine = ENGINES[made.name]
    stranger = engine.decryptor(key_of(made.name, bytes(32)))
    scores = evaluated(made, PUBLIC.columns(features(6)))
    with pytest.raises(PeerProtocolError):
        stranger.decrypt(scores)


def test_the_engines_agree_with_each_other() -> None:
    rng = np.random.default_rng(3)
    weights = tuple(int(weight) for weight in rng.integers(-20_000, 20_000, PUBLIC.column_count))
    columns = PUBLIC.columns(features(8, seed=9))
    found = []
    for name in ENGINES:
        made = setting(name, SecretModel(PUBLIC, weights))
        found.append(made.decryptor.decrypt(evaluated(made, columns)).tolist())
    assert found[0] == found[1]


def test_engines_are_found_by_name_and_profile() -> None:
    assert set(ENGINES) == {"bfv", "paillier"}
    assert PROFILE_NAMES == ("bfv-8192-1", "paillier-3072-1")
    assert all(engine_of_profile(engine.profile) is engine for engine in ENGINES.values())
    with pytest.raises(ParameterError):
        engine_of_profile("bfv-4096-1")


def test_a_wrong_master_seed_is_refused(made: Setting) -> None:
    for wrong in (b"", MASTER[:-1], MASTER + b"\0"):
        with pytest.raises(ParameterError):
            ENGINES[made.name].generate(wrong)
    with pytest.raises(ParameterError):
        ENGINES[made.name].from_secret(b"\0")
