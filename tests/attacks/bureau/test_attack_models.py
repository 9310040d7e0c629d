"""Models that a bank must not get in: descriptions out of bounds, ciphertexts that are not what they claim."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gmpy2
import pytest
from sqlalchemy import func, select

from node.codes import Code, Engine
from node.rpc import wire
from node.scorecards.public import DescribedBins, DescribedGroups, DescribedLinear
from node.storage.schema import bureau_models
from protocols.primitives.bfv_profile import BFV_8192_1
from protocols.scoring.engine import EncryptedModel, encoded_model_bytes
from protos import scoring_pb2
from tests.support.hostile_bank import Bank
from tests.support.hostile_bureau import HOUR_MS, Bureau, refused
from tests.support.hostile_models import CODES, FIELDS, WIDE, Model, encrypted_model, make_model
from tests.support.scoring_models import key_of

KEY_SEED = 32
POLYNOMIAL = 151_552
HEAD = 4 + len("bfv-8192-1") + 4
CIPHERTEXTS = HEAD + KEY_SEED + POLYNOMIAL
SALES, LEVEL, STAFF = FIELDS


def registered(bureau: Bureau) -> int:
    return bureau.count(select(func.count()).select_from(bureau_models))


@pytest.fixture
def untouched(bureau: Bureau, model: Model) -> Iterator[None]:
    """Whatever the test sends: no model more, no file more, no half a file."""
    before = registered(bureau), bureau.files()
    yield
    assert (registered(bureau), bureau.files()) == before


def test_the_bureau_takes_good_models_and_scores_with_them(bank: Bank, model: Model) -> None:
    bank.works(model)


def sales(*edges: str) -> dict[str, Any]:
    return {"fields": (DescribedBins("sales", edges), LEVEL, STAFF)}


def level(*groups: tuple[str, ...]) -> dict[str, Any]:
    return {"fields": (SALES, DescribedGroups("level", groups), STAFF)}


def staff(low: str, high: str, quantum: str) -> dict[str, Any]:
    return {"fields": (SALES, LEVEL, DescribedLinear("staff", low, high, quantum))}


DESCRIPTIONS: list[tuple[str, dict[str, Any], Code, str]] = [
    ("unknown profile", {"profile": "bfv-4096-1"}, Code.PROFILE_UNKNOWN, "bfv-4096-1"),
    ("unknown class", {"model_class": "marketing"}, Code.MALFORMED, "class"),
    ("class outside the agreement", {"model_class": "anti_fraud"}, Code.AGREEMENT_INACTIVE, "anti_fraud"),
    ("unknown purpose", {"purposes": ("curiosity",)}, Code.MALFORMED, "purposes"),
    ("no purpose", {"purposes": ()}, Code.MALFORMED, "purposes"),
    ("too many purposes", {"purposes": ("loan_origination",) * 17}, Code.MALFORMED, "purposes"),
    ("expired", {"expires_at": 1_700_000_000}, Code.MODEL_EXPIRED, "validity"),
    ("no expiry", {"expires_at": 0}, Code.MALFORMED, "expiry"),
    ("expiry beyond time", {"expires_at": 1 << 41}, Code.MALFORMED, "expiry"),
    ("unknown catalogue", {"catalogue_id": "another"}, Code.NOT_FOUND, "catalogue another"),
    ("catalogue version that is not agreed", {"catalogue_version": 2}, Code.FIELD_NOT_ALLOWED, "version 1"),
    ("catalogue version that is not there", {"catalogue_version": 9}, Code.NOT_FOUND, "version 9"),
    ("catalogue version 0", {"catalogue_version": 0}, Code.NOT_FOUND, "catalogue base"),
    ("catalogue version beyond an integer", {"catalogue_version": 2**32 - 1}, Code.NOT_FOUND, "version"),
    ("no field", {"fields": ()}, Code.MALFORMED, "fields"),
    ("unknown field", {"fields": (*FIELDS, DescribedBins("turnover", ()))}, Code.FIELD_NOT_ALLOWED, "turnover"),
    ("outside the agreement", {"fields": (*FIELDS, DescribedBins("spare", ()))}, Code.FIELD_NOT_ALLOWED, "spare"),
    ("aggregate_only", {"fields": (*FIELDS, DescribedBins("arrears", ()))}, Code.FIELD_NOT_ALLOWED, "arrears"),
    ("a field twice", {"fields": (*FIELDS, SALES)}, Code.INVALID_INPUT, "twice"),
    ("edge off the grid", sales("100", "505"), Code.INVALID_INPUT, "edges[1]"),
    ("edge between steps", sales("100.3", "500"), Code.INVALID_INPUT, "edges[0]"),
    ("edge outside the range", sales("100", "1010"), Code.INVALID_INPUT, "edges[1]"),
    ("edges that do not ascend", sales("500", "100"), Code.INVALID_INPUT, "ascend"),
    ("equal edges", sales("100", "100"), Code.INVALID_INPUT, "ascend"),
    ("edge not a number", sales("NaN", "500"), Code.INVALID_INPUT, "edges[0]"),
    ("edge infinite", sales("100", "Infinity"), Code.INVALID_INPUT, "edges[1]"),
    ("edge of a billion digits", sales("100", "1e999999999"), Code.INVALID_INPUT, "edges[1]"),
    ("empty edge", sales("100", ""), Code.MALFORMED, "edges"),
    ("code that is not listed", level(("A", "E")), Code.INVALID_INPUT, "groups[0]"),
    ("a code in two groups", level(("A", "B"), ("B",)), Code.INVALID_INPUT, "overlap"),
    ("empty group", level(("A",), ()), Code.INVALID_INPUT, "empty"),
    ("bins over codes", {"fields": (DescribedBins("level", ()),)}, Code.INVALID_INPUT, "groups"),
    ("groups over numbers", {"fields": (DescribedGroups("sales", ()),)}, Code.INVALID_INPUT, "bins or linear"),
    ("linear over codes", {"fields": (DescribedLinear("level", "0", "3", "1"),)}, Code.INVALID_INPUT, "groups"),
    ("linear range from above", staff("16", "65535", "16"), Code.INVALID_INPUT, "cover"),
    ("linear range not to the end", staff("0", "65519", "16"), Code.INVALID_INPUT, "cover"),
    ("linear quantum 0", staff("0", "65535", "0"), Code.INVALID_INPUT, "staff"),
    ("linear quantum negative", staff("0", "65535", "-1"), Code.INVALID_INPUT, "staff"),
    ("linear quantum between steps", staff("0", "65535", "0.5"), Code.INVALID_INPUT, "quantum"),
    ("linear value above 16 bits", staff("0", "70000", "1"), Code.INVALID_INPUT, "staff"),
    ("size 0", {"encrypted_bytes": 0}, Code.MALFORMED, "size"),
    ("size beyond the limit", {"encrypted_bytes": 1 << 60}, Code.MALFORMED, "size"),
    ("size of other columns", {"encrypted_bytes": encoded_model_bytes("bfv-8192-1", 9)}, Code.MALFORMED, "size"),
    ("the other profile's size", {"profile": "paillier-3072-1"}, Code.MALFORMED, "size"),
    ("digest of another length", {"encrypted_digest": bytes(31)}, Code.MALFORMED, "encrypted_digest"),
    ("no name", {"name": ""}, Code.MALFORMED, "name"),
    ("name longer than is kept", {"name": "n" * 101}, Code.MALFORMED, "name"),
    ("version longer than is kept", {"version": "1" * 41}, Code.MALFORMED, "version"),
    ("null character in the name", {"name": "card\0"}, Code.MALFORMED, "does not print"),
    ("null character in the catalogue", {"catalogue_id": "ba\0se"}, Code.MALFORMED, "does not print"),
    ("terminal codes in the version", {"version": "\x1b[2J"}, Code.MALFORMED, "does not print"),
]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("changes", "code", "word"), [case[1:] for case in DESCRIPTIONS], ids=[case[0] for case in DESCRIPTIONS]
)
def test_a_description_out_of_bounds(bank: Bank, changes: dict[str, Any], code: Code, word: str) -> None:
    refused(lambda: bank.register(make_model(**changes)), code, word)


@pytest.mark.usefixtures("untouched")
def test_a_field_of_no_kind(bank: Bank) -> None:
    header = wire.model_header(make_model().description)
    header.fields[1].ClearField("groups")
    refused(
        lambda: bank.register_frames(scoring_pb2.ModelFrame(header=header)),
        Code.MALFORMED,
        "neither bins, groups nor linear",
    )


@pytest.mark.usefixtures("untouched")
def test_more_columns_than_the_bound(bank: Bank) -> None:
    edges = tuple(str(edge) for edge in range(1, 600))
    fields = tuple(DescribedBins(f"wide-{place:02d}", edges) for place in range(2))
    refused(lambda: bank.register(make_model(fields=fields)), Code.BOUND_EXCEEDED, "1202 columns", "1024")


@pytest.mark.usefixtures("untouched")
def test_more_noise_than_the_bound(bank: Bank) -> None:
    """Honest in everything else: the announced size, the digest and every residue are right."""
    fields = tuple(DescribedLinear(f"wide-{place:02d}", "0", "65535", "1") for place in range(WIDE))
    _, small = encrypted_model(Engine.BFV)
    encrypted = EncryptedModel(small.profile, small.public_key, (small.ciphertexts[0],) * (2 * WIDE))
    made = make_model(fields=fields).carrying(encrypted.encode())
    refused(lambda: bank.register(made), Code.BOUND_EXCEEDED, "noise bound", "2^-40")


# ---- ciphertexts


def with_bytes(data: bytes, offset: int, value: bytes) -> bytes:
    return data[:offset] + value + data[offset + len(value) :]


MODULUS = BFV_8192_1.data_primes[0].to_bytes(6, "little")
ABOVE = b"\xff" * 6
CONTENT = make_model().encrypted


def test_the_offsets_below_are_those_of_the_encoding() -> None:
    assert len(CONTENT) == CIPHERTEXTS + 10 * 2 * POLYNOMIAL


CHANGED: list[tuple[str, bytes, str]] = [
    ("a residue of a ciphertext equal to its modulus", with_bytes(CONTENT, CIPHERTEXTS, MODULUS), "modulus"),
    ("a residue of the last ciphertext above", with_bytes(CONTENT, len(CONTENT) - POLYNOMIAL, ABOVE), "modulus"),
    ("a residue of the key equal to its modulus", with_bytes(CONTENT, HEAD + KEY_SEED, MODULUS), "modulus"),
    ("a residue of the key above", with_bytes(CONTENT, HEAD + KEY_SEED, ABOVE), "modulus"),
    ("a ciphertext that hides nothing", with_bytes(CONTENT, CIPHERTEXTS + POLYNOMIAL, bytes(POLYNOMIAL)), "degenerate"),
    ("another profile inside", with_bytes(CONTENT, 4, b"bfv-8192-2"), "profile"),
    ("another number of columns inside", with_bytes(CONTENT, HEAD - 4, (9).to_bytes(4, "big")), "columns"),
]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(("content", "word"), [case[1:] for case in CHANGED], ids=[case[0] for case in CHANGED])
def test_ciphertexts_that_are_announced_truly_and_are_none(bank: Bank, content: bytes, word: str) -> None:
    refused(lambda: bank.register(make_model().carrying(content)), Code.MALFORMED, word)


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    "extra", [1, POLYNOMIAL, 2 * POLYNOMIAL], ids=["a byte", "half a key", "a relinearisation key"]
)
def test_keys_and_bytes_behind_the_ciphertexts(bank: Bank, extra: int) -> None:
    """Announced, they are of the wrong size before a byte is taken; not announced, they are too long."""
    appended = CONTENT + bytes(extra)
    refused(lambda: bank.register(make_model().carrying(appended)), Code.MALFORMED, "wrong size")
    refused(lambda: bank.register(make_model(), iter([appended])), Code.MALFORMED, "longer than announced")


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("missing", [1, 2 * POLYNOMIAL, len(CONTENT)], ids=["a byte", "a ciphertext", "everything"])
def test_truncated_ciphertexts(bank: Bank, missing: int) -> None:
    cut = CONTENT[: len(CONTENT) - missing]
    refused(lambda: bank.register(make_model(), iter([cut])), Code.MALFORMED, "shorter than announced")
    refused(lambda: bank.register(make_model(), iter([])), Code.MALFORMED, "shorter than announced")


@pytest.mark.usefixtures("untouched")
def test_other_ciphertexts_than_announced(bank: Bank) -> None:
    """Every residue is right: two ciphertexts have changed places."""
    size = 2 * POLYNOMIAL
    first, second = (CONTENT[start : start + size] for start in (CIPHERTEXTS, CIPHERTEXTS + size))
    swapped = with_bytes(CONTENT, CIPHERTEXTS, second + first)
    refused(lambda: bank.register(make_model(), iter([swapped])), Code.MALFORMED, "digest")


@pytest.mark.usefixtures("untouched")
def test_frames_out_of_order(bank: Bank) -> None:
    header = scoring_pb2.ModelFrame(header=wire.model_header(make_model().description))
    part = scoring_pb2.ModelFrame(encrypted=b"\0")
    nothing = scoring_pb2.ModelFrame()
    for frames, word in (
        ((), "begins with its header"),
        ((part, header), "begins with its header"),
        ((nothing,), "begins with its header"),
        ((header, header), "once"),
        ((header, part, header), "once"),
        ((header, nothing), "once"),
    ):
        refused(lambda sent=frames: bank.register_frames(*sent), Code.MALFORMED, word)  # type: ignore[misc]


# ---- Paillier


@pytest.fixture(scope="module")
def paillier() -> Model:
    return make_model(Engine.PAILLIER)


def honest_modulus() -> int:
    return int.from_bytes(encrypted_model(Engine.PAILLIER)[1].public_key, "big")


def square() -> int:
    half = int(gmpy2.next_prime(3 << 1534 | 1))
    return half * half


BAD_MODULI: list[tuple[str, Callable[[], int], str]] = [
    ("even", lambda: honest_modulus() - 1, "odd"),
    ("short", lambda: honest_modulus() >> 1 | 1, "3072 bits"),
    ("prime", lambda: int(gmpy2.next_prime(1 << 3071 | 12345)), "prime or a power"),
    ("square", square, "prime or a power"),
    ("small factor", lambda: 1_048_573 * ((1 << 3071) // 1_048_573 + 2 | 1), "small factor"),
]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(("modulus", "word"), [case[1:] for case in BAD_MODULI], ids=[case[0] for case in BAD_MODULI])
def test_a_bad_paillier_modulus(bank: Bank, paillier: Model, modulus: Callable[[], int], word: str) -> None:
    head = 4 + len("paillier-3072-1") + 4
    content = with_bytes(paillier.encrypted, head, modulus().to_bytes(384, "big"))
    refused(lambda: bank.register(paillier.carrying(content)), Code.MALFORMED, word)


@pytest.mark.usefixtures("untouched")
def test_a_paillier_ciphertext_that_is_no_unit(bank: Bank, paillier: Model) -> None:
    modulus = honest_modulus()
    factor = int.from_bytes(key_of("paillier").export_secret()[32 : 32 + 192], "big")
    assert modulus % factor == 0
    for value in (0, modulus * modulus, modulus * modulus + 1, (1 << 6144) - 1, modulus, 5 * factor):
        content = paillier.encrypted[:-768] + value.to_bytes(768, "big")
        refused(lambda sent=content: bank.register(paillier.carrying(sent)), Code.MALFORMED, "unit")  # type: ignore[misc]


def test_paillier_models_are_taken_and_score(bank: Bank, paillier: Model) -> None:
    bank.register(paillier)
    bank.works(paillier)


# ---- registered models


def test_registering_twice_changes_nothing(bureau: Bureau, bank: Bank, model: Model) -> None:
    before = registered(bureau), bureau.files()
    assert bank.register(model) == model.model_id
    assert (registered(bureau), bureau.files()) == before


def test_an_unknown_model_and_another_banks(bank: Bank, other: Bank, model: Model) -> None:
    unknown = make_model(name="never-registered")
    refused(lambda: bank.open(bank.opening(unknown)), Code.MODEL_UNKNOWN, "registered no such model")
    refused(lambda: other.open(other.opening(model)), Code.MODEL_UNKNOWN, "registered no such model")
    refused(lambda: other.register(model), Code.IDEMPOTENCY_CONFLICT, "another bank registered this very model")
    bank.works(model)


def test_an_expired_model_opens_no_job_and_ends_a_running_one(bureau: Bureau, bank: Bank) -> None:
    short = make_model(name="short", expires_at=bureau.clock() // 1000 + 3600)
    bank.register(short)
    call = bank.chunk(short, bank.job(short), CODES[:1], [bytes(16)])
    with bureau.later(2 * HOUR_MS):
        refused(lambda: bank.open(bank.opening(short)), Code.MODEL_EXPIRED, "validity")
        refused(lambda: bank.score(call), Code.MODEL_EXPIRED, "validity")


def test_a_superseded_model_opens_no_job_but_ends_its_own(bureau: Bureau, bank: Bank) -> None:
    first, second = (make_model(name="chain", version=version) for version in "12")
    second = second.described(supersedes="1")
    bank.register(first)
    running = bank.job(first)
    bank.register(second)
    refused(lambda: bank.open(bank.opening(first)), Code.MODEL_EXPIRED, "superseded")
    bank.register(first)  # once more: it stays superseded
    refused(lambda: bank.open(bank.opening(first)), Code.MODEL_EXPIRED, "superseded")
    bank.works(second)
    call = bank.chunk(first, running, CODES[:1], [bank.consent(CODES[0])])
    assert bank.outcome(first, call, bank.score(call)) == first.scores([0])


def test_a_version_that_comes_after_the_one_that_supersedes_it(bank: Bank) -> None:
    first, second = (make_model(name="late", version=version) for version in "12")
    bank.register(second.described(supersedes="1"))
    refused(lambda: bank.register(first), Code.MODEL_EXPIRED, "supersedes")


def test_a_bank_supersedes_its_own_models_only(bank: Bank, other: Bank, model: Model) -> None:
    other.register(make_model(name=model.description.name, version="2", supersedes=model.description.version))
    bank.works(model)
