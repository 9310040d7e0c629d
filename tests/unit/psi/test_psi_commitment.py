from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols.errors import LocalProtocolError, ParameterError, PeerProtocolError
from protocols.psi.commitment import (
    MAXIMUM_CODE_BYTES,
    CodeOpening,
    CommittedInput,
    is_dummy,
    padded_size,
    verify_code,
    verify_opening,
)
from protocols.psi.job import MAXIMUM_POSITIONS, JobContext, JobSeed
from protocols.psi.shuffle import permutation
from protocols.randomness import SeededRandomness
from tests.support import psi_commitment_reference as reference
from tests.support.psi_jobs import CONTEXT, SEED, codes, committed

Form = Callable[[Sequence[bytes]], "Sequence[bytes] | NDArray[np.bytes_]"]
MIXED = [b"A", b"a" * MAXIMUM_CODE_BYTES, b"AB", b"\xff\xfe", *codes(60)]


def _array(given: Sequence[bytes]) -> NDArray[np.bytes_]:
    return np.array(given, dtype="S40")


FORMS = pytest.mark.parametrize("form", [list, tuple, _array], ids=["list", "tuple", "array"])


@pytest.mark.parametrize(
    ("given", "padded"),
    [(codes(1), 64), (codes(64), 64), (codes(65), 128), (MIXED, 64), (MIXED, 65), (codes(4097), 4352), (codes(1), 1)],
    ids=["one", "full", "one more", "mixed widths", "another padding", "three levels", "no dummy"],
)
def test_the_plain_reference_gives_the_same_commitment(given: list[bytes], padded: int) -> None:
    made = committed(given, padded)
    expected = reference.commit(CONTEXT.encode(), SEED, given, padded)
    assert made.inputs(0, padded) == list(expected.inputs)
    assert made.tree_root == expected.tree_root
    assert made.root == expected.root
    for position in (0, padded // 2, padded - 1):
        opened = made.open_code(position)
        assert (opened.code, opened.salt) == (expected.inputs[position], expected.salts[position])


def test_the_jobs_encoding_is_the_plain_references() -> None:
    names = ("city-bank", "tax-bureau", "abnormal-enterprises", "2026-06", "oprf", "codes", "portfolio_screening")
    assert CONTEXT.encode() == reference.job(CONTEXT.job_id, *names)


def test_a_jobs_stream_is_the_plain_references() -> None:
    seed = JobSeed(SEED)
    assert seed.randomness("oprf/blinds", 3).bytes(100) == reference.stream(SEED, "psi/job/oprf/blinds", 100, 3)
    drawn = {seed.randomness(*each).bytes(32) for each in (("a",), ("a", 0), ("a", 1), ("a", 0, 1), ("b",), ("a1",))}
    assert len(drawn) == 6


def test_every_code_stands_once_and_dummies_fill_up() -> None:
    made = committed(codes(50))
    inputs = made.inputs(0, made.padded)
    assert len(inputs) == made.padded == 64
    assert sorted(each for each in inputs if not is_dummy(each)) == codes(50)
    assert len({each for each in inputs if is_dummy(each)}) == 14
    assert inputs[10:20] == made.inputs(10, 10)
    assert made.inputs(60, 10) == inputs[60:]


@FORMS
@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)], ids=["ascending", "descending"])
def test_the_root_depends_neither_on_the_order_nor_on_the_form_of_the_codes(form: Form, order: slice) -> None:
    shuffled = [MIXED[place] for place in permutation(len(MIXED), SeededRandomness(bytes(32)))]
    for given in (MIXED[order], shuffled):
        made = CommittedInput(CONTEXT, JobSeed(SEED), form(given))
        assert made.root == committed(MIXED).root
        assert made.inputs(0, 64) == committed(MIXED).inputs(0, 64)


def test_an_array_that_is_not_contiguous_gives_the_same_root() -> None:
    apart = np.array([each for code in codes(10) for each in (code, b"between")], dtype="S20")[::2]
    assert CommittedInput(CONTEXT, JobSeed(SEED), apart).root == committed(codes(10)).root


@pytest.mark.parametrize(
    "change",
    [
        {"job_id": bytes(16)},
        {"bank": "another"},
        {"bureau": "another"},
        {"list_name": "another"},
        {"list_version": "another"},
        {"protocol": "vole"},
        {"mode": "labels"},
        {"purpose": "another"},
        {"bank": "city-banktax", "bureau": "-bureau"},
    ],
    ids=lambda change: ", ".join(change),
)
def test_the_root_depends_on_all_of_the_job(change: dict[str, str]) -> None:
    other = replace(CONTEXT, **change)  # type: ignore[arg-type]
    assert CommittedInput(other, JobSeed(SEED), codes(10)).root != committed().root


def test_the_root_depends_on_count_seed_and_codes() -> None:
    roots = [
        committed().root,
        committed(padded=65).root,
        committed(seed=bytes(32)).root,
        committed(codes(11)).root,
        committed(codes(9)).root,
        committed(codes(10, first=1)).root,
        committed([*codes(9), codes(10)[9][:-1]]).root,
    ]
    assert len(set(roots)) == len(roots)


def test_the_seeds_commitment_is_bound_and_is_not_the_seed() -> None:
    made = committed()
    opened = made.open_code(0)
    assert opened.seed_commitment == JobSeed(SEED).commitment() == reference.bound("psi/job-seed", SEED)
    assert opened.seed_commitment != SEED


@FORMS
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "no codes"),
        ([b"A", b"B", b"A"], "twice"),
        ([b"A", b"A"], "twice"),
        ([b"", b"A"], r"1\.\.36"),
        ([b"A", b"a" * 37], r"1\.\.36"),
        ([b"A", b"\x00B"], "zero"),
        ([b"A", b"B\x00C"], "zero"),
        ([b"A\x00" + b"B" * 34], "zero"),
    ],
    ids=["none", "twice", "only twice", "empty", "too long", "leading zero", "inner zero", "zero in a full one"],
)
def test_codes_of_another_form_are_refused(form: Form, given: list[bytes], message: str) -> None:
    with pytest.raises(LocalProtocolError, match=message):
        CommittedInput(CONTEXT, JobSeed(SEED), form(given))


@pytest.mark.parametrize("form", [list, tuple], ids=["list", "tuple"])
@pytest.mark.parametrize("code", [b"A\x00", b"A\x00\x00", b"\x00", b"a" * 35 + b"\x00"])
def test_a_trailing_zero_byte_is_refused(form: Form, code: bytes) -> None:
    with pytest.raises(LocalProtocolError, match="zero"):
        CommittedInput(CONTEXT, JobSeed(SEED), form([b"B", code]))


def test_in_an_array_trailing_zero_bytes_are_its_filling_and_never_another_code() -> None:
    # NumPy cannot tell b"A" from b"A\0": it is one code there, so it is a duplicate beside the other.
    assert CommittedInput(CONTEXT, JobSeed(SEED), _array([b"A\x00", b"B"])).root == committed([b"A", b"B"]).root
    with pytest.raises(LocalProtocolError, match="twice"):
        CommittedInput(CONTEXT, JobSeed(SEED), _array([b"A\x00", b"A"]))
    with pytest.raises(LocalProtocolError, match=r"1\.\.36"):
        CommittedInput(CONTEXT, JobSeed(SEED), _array([b"\x00", b"A"]))


@pytest.mark.parametrize(
    ("count", "padded"),
    [(0, 64), (1, 64), (64, 64), (65, 128), (1024, 1024), (1025, 1088), (2047, 2048), (2049, 2176), (10**6, 1_015_808)],
)
def test_padding(count: int, padded: int) -> None:
    assert padded_size(count) == padded


def test_a_padded_size_has_a_bound_and_never_shows_more_than_one_part_in_sixteen() -> None:
    assert padded_size(MAXIMUM_POSITIONS) == MAXIMUM_POSITIONS
    with pytest.raises(ParameterError):
        padded_size(MAXIMUM_POSITIONS + 1)
    for count in range(1, 20_000, 7):
        assert count <= padded_size(count) < count + max(64, count / 16 + 1)
        assert padded_size(padded_size(count)) == padded_size(count)


@pytest.mark.parametrize("padded", [0, 9, -1, MAXIMUM_POSITIONS + 1])
def test_more_codes_than_positions_and_too_many_positions_are_refused(padded: int) -> None:
    with pytest.raises(LocalProtocolError, match="positions"):
        committed(codes(10), padded)


def test_every_position_opens() -> None:
    made = committed(codes(60))
    inputs = made.inputs(0, 64)
    for position in range(64):
        opened = made.open_code(position)
        assert opened.code == inputs[position]
        verify_code(CONTEXT, made.root, 64, opened)


def _opened() -> tuple[CommittedInput, CodeOpening]:
    made = committed(codes(100), 130)
    return made, made.open_code(77)


@pytest.mark.parametrize(
    "change",
    [
        lambda given: replace(given, position=given.position + 1),
        lambda given: replace(given, position=given.position - 64),
        lambda given: replace(given, position=-1),
        lambda given: replace(given, position=130),
        lambda given: replace(given, code=b"91350100M999999999"),
        lambda given: replace(given, code=given.code + b"\x00"),
        lambda given: replace(given, code=given.code[:-1]),
        lambda given: replace(given, code=b""),
        lambda given: replace(given, code=b"a" * 37),
        lambda given: replace(given, salt=bytes(16)),
        lambda given: replace(given, salt=given.salt[:-1]),
        lambda given: replace(given, salt=given.salt + b"\x00"),
        lambda given: replace(given, proof=given.proof[:1]),
        lambda given: replace(given, proof=()),
        lambda given: replace(given, proof=(*given.proof, given.tree_root)),
        lambda given: replace(given, proof=given.proof[::-1]),
        lambda given: replace(given, seed_commitment=bytes(32)),
        lambda given: replace(given, tree_root=bytes(32)),
    ],
)
def test_a_changed_opening_is_refused(change: Callable[[CodeOpening], CodeOpening]) -> None:
    made, opened = _opened()
    verify_code(CONTEXT, made.root, 130, opened)
    with pytest.raises(PeerProtocolError):
        verify_code(CONTEXT, made.root, 130, change(opened))


def test_an_opening_fits_its_own_commitment_job_and_count_alone() -> None:
    made, opened = _opened()
    for context, root, padded in (
        (replace(CONTEXT, purpose="another"), made.root, 130),
        (CONTEXT, committed(codes(100), 130, bytes(32)).root, 130),
        (CONTEXT, made.root, 129),
        (CONTEXT, made.root, 131),
    ):
        with pytest.raises(PeerProtocolError, match="another commitment"):
            verify_code(context, root, padded, opened)


def test_an_opening_shows_one_code_and_no_other() -> None:
    made, opened = _opened()
    shown = pickle.dumps((opened.position, opened.code, opened.salt, opened.proof, opened.tree_root))
    assert opened.code in shown
    assert not any(other in shown for other in made.inputs(0, 130) if other != opened.code)
    assert SEED not in shown


def _opening(
    context: JobContext = CONTEXT, padded: int = 64, seed: bytes = SEED, given: Sequence[bytes] | None = None
) -> CommittedInput:
    opened = codes(10) if given is None else given
    return verify_opening(context, committed().root, padded, seed, opened)


def test_an_opened_set_and_seed_give_the_committed_input() -> None:
    opened = _opening(given=codes(10)[::-1])
    assert opened.root == committed().root
    assert opened.inputs(0, 64) == committed().inputs(0, 64)


@pytest.mark.parametrize("count", [11, 64])
def test_a_larger_opened_set_is_refused(count: int) -> None:
    with pytest.raises(PeerProtocolError, match="not the committed one"):
        _opening(given=codes(count))
    with pytest.raises(PeerProtocolError, match="larger than the committed"):
        _opening(given=codes(65))


@pytest.mark.parametrize(
    "given",
    [codes(9), codes(10, first=1), [*codes(9), b"91350100M00000000X"], [*codes(9), codes(1, first=9)[0] + b"0"]],
    ids=["smaller", "shifted", "one exchanged", "one longer"],
)
def test_another_opened_set_is_refused(given: list[bytes]) -> None:
    with pytest.raises(PeerProtocolError, match="not the committed one"):
        _opening(given=given)


@pytest.mark.parametrize(
    "given",
    [[], [*codes(9), codes(1)[0]], [*codes(9), b""], [*codes(9), b"A\x00"]],
    ids=["none", "twice", "empty", "zero"],
)
def test_a_set_that_cannot_be_committed_to_is_refused_as_the_peers_mistake(given: list[bytes]) -> None:
    with pytest.raises(PeerProtocolError, match=r"not one that can be|is not the committed one"):
        _opening(given=given)


def test_every_changed_bit_of_the_seed_is_refused() -> None:
    for bit in range(256):
        changed = bytearray(SEED)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(PeerProtocolError, match="not the committed one"):
            _opening(seed=bytes(changed))


def test_a_seed_of_another_length_another_job_or_count_is_refused() -> None:
    for seed in (b"", SEED[:-1], SEED + b"\x00"):
        with pytest.raises(PeerProtocolError, match="32 bytes"):
            _opening(seed=seed)
    with pytest.raises(PeerProtocolError, match="not the committed one"):
        _opening(context=replace(CONTEXT, job_id=bytes(16)))
    for padded in (10, 63, 65):
        with pytest.raises(PeerProtocolError, match="not the committed one"):
            _opening(padded=padded)


def test_a_seed_and_a_committed_input_show_nothing_and_are_not_pickled() -> None:
    seed = JobSeed(SEED)
    assert SEED.hex() not in repr(seed)
    assert codes(1)[0].decode() not in repr(committed())
    for secret in (seed, committed()):
        with pytest.raises(TypeError):
            pickle.dumps(secret)
    assert len(JobSeed.generate(SeededRandomness(bytes(32))).export_secret()) == 32
    with pytest.raises(ParameterError):
        JobSeed(SEED[:-1])
    with pytest.raises(ParameterError, match="16 bytes"):
        replace(CONTEXT, job_id=bytes(15))


def test_a_permutation_is_one_and_comes_of_the_stream_alone() -> None:
    for count in (0, 1, 2, 1000):
        assert sorted(permutation(count, SeededRandomness(bytes(32))).tolist()) == list(range(count))
    first, second = (permutation(1000, SeededRandomness(bytes([each] * 32))) for each in (1, 2))
    assert first.tolist() != second.tolist()
    assert first.tolist() == permutation(1000, SeededRandomness(bytes([1] * 32))).tolist()


def test_every_order_of_three_is_as_likely_as_another() -> None:
    stream = SeededRandomness(bytes(32))
    seen: dict[tuple[int, ...], int] = {}
    for _ in range(6000):
        order = tuple(permutation(3, stream).tolist())
        seen[order] = seen.get(order, 0) + 1
    # Six cells of 1000: chi-squared with five degrees of freedom passes 25.7 with probability 10^-4.
    assert len(seen) == 6
    assert sum((count - 1000) ** 2 / 1000 for count in seen.values()) < 25.7


class _Zeros:
    def bytes(self, count: int) -> bytes:
        return bytes(count)


def test_a_source_that_repeats_itself_gives_no_order() -> None:
    with pytest.raises(ParameterError, match="repeats"):
        permutation(2, _Zeros())
