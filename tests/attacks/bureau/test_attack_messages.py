"""Bytes: replays, mutations of signed messages, answers in the wrong place, and noise at every call."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from node.codes import Code
from node.errors import Refusal
from node.rpc import methods, wire
from node.rpc.methods import PEER_METHODS, Method
from node.storage.schema import bureau_chunks, bureau_jobs, bureau_models, consent_uses
from protos import common_pb2, scoring_pb2
from tests.support.hostile_bank import Bank
from tests.support.hostile_bureau import Bureau, refused
from tests.support.hostile_models import CODES, Model

MUTATIONS = 512
UNKNOWN_FIELD = b"\xf8\x3f\x01"  # field 1023, varint 1
REFUSED_BYTES = {Code.MALFORMED, Code.PEER_UNTRUSTED, Code.VERSION_UNSUPPORTED}
NOT_A_DECISION = {Code.INTERNAL, Code.COMPUTE_FAILED, Code.STORAGE_UNAVAILABLE, Code.PEER_UNREACHABLE}
"""What a bureau never says because of what a bank sent."""


def state(bureau: Bureau) -> list[int]:
    tables = (bureau_models, bureau_jobs, bureau_chunks, consent_uses)
    return [bureau.count(select(func.count()).select_from(table)) for table in tables]


def mutations(data: bytes, count: int = MUTATIONS) -> list[bytes]:
    """Single bytes changed at random places, each place at most once."""
    chosen = random.Random(20_260_331)
    places = chosen.sample(range(len(data)), count)
    return [data[:place] + bytes([data[place] ^ chosen.randrange(1, 256)]) + data[place + 1 :] for place in places]


@pytest.fixture
def chunk(bank: Bank, model: Model) -> Message:
    """A good request for one chunk of an open job."""
    consents = [bank.consent(code) for code in CODES[:20]]
    return wire.chunk_message(bank.chunk(model, bank.job(model, 20), CODES[:20], consents))


def test_a_replayed_request(bureau: Bureau, bank: Bank, chunk: Message) -> None:
    data = bank.sealed(methods.SCORE_CHUNK, chunk.SerializeToString(deterministic=True))
    assert bank.send(methods.SCORE_CHUNK, data)
    before = state(bureau)
    refused(lambda: bank.send(methods.SCORE_CHUNK, data), Code.MALFORMED, "replayed")
    assert state(bureau) == before


def test_a_request_of_one_call_at_another(bank: Bank, model: Model) -> None:
    """Both calls would take the payload."""
    closing = scoring_pb2.CloseJobRequest(job_id=bank.job(model)).SerializeToString()
    data = bank.sealed(methods.CLOSE_JOB, closing)
    refused(lambda: bank.send(methods.REVOKE_CONSENT, data), Code.PEER_UNTRUSTED, "signature")


def test_another_bank_cannot_send_it_on(bureau: Bureau, bank: Bank, other: Bank, chunk: Message) -> None:
    data = bank.sealed(methods.SCORE_CHUNK, chunk.SerializeToString(deterministic=True))
    refused(lambda: other.send(methods.SCORE_CHUNK, data), Code.PEER_UNTRUSTED, "another sender")


def test_every_mutation_of_a_request(bureau: Bureau, bank: Bank, chunk: Message) -> None:
    data, before = bank.sealed(methods.SCORE_CHUNK, chunk.SerializeToString(deterministic=True)), state(bureau)
    for changed in mutations(data):
        with pytest.raises(Refusal) as caught:
            bank.send(methods.SCORE_CHUNK, changed)
        assert caught.value.code in REFUSED_BYTES
    assert state(bureau) == before
    assert bank.send(methods.SCORE_CHUNK, data)


def test_every_mutation_of_a_response_and_the_answer_to_another_request(bank: Bank, chunk: Message) -> None:
    first, second = (bank.exchange(methods.SCORE_CHUNK) for _ in range(2))
    answer = bank.send(methods.SCORE_CHUNK, first.request(chunk))
    again = bank.send(methods.SCORE_CHUNK, second.request(chunk))
    for changed in mutations(answer):
        with pytest.raises(Refusal) as caught:
            first.response(changed)
        assert caught.value.code in REFUSED_BYTES
    refused(lambda: first.response(again), Code.PEER_UNTRUSTED, "for this call")
    assert first.response(answer) == second.response(again)


def unknown_version(bank: Bank, method: Method[Any, Any], payload: bytes) -> bytes:
    envelope = common_pb2.SignedMessage.FromString(bank.sealed(method, payload))
    envelope.version = 2
    return envelope.SerializeToString(deterministic=True)


@pytest.mark.parametrize("method", PEER_METHODS, ids=lambda method: method.name)
def test_unknown_fields_and_versions_at_every_call(bank: Bank, method: Method[Any, Any]) -> None:
    refused(lambda: bank.send(method, bank.sealed(method, UNKNOWN_FIELD)), Code.MALFORMED, "unknown fields")
    refused(lambda: bank.send(method, unknown_version(bank, method, b"")), Code.VERSION_UNSUPPORTED, "version 2")


def test_unknown_fields_deep_inside(bank: Bank, model: Model) -> None:
    """Within the description of a field, within the header, within the frame."""
    header = wire.model_header(model.description)
    field = header.fields[0].SerializeToString() + UNKNOWN_FIELD
    header.ClearField("fields")
    inner = b"\x3a" + bytes([len(field)]) + field  # ModelHeader.fields is field 7
    whole = header.SerializeToString() + inner
    frame = b"\x0a" + _varint(len(whole)) + whole  # ModelFrame.header is field 1
    refused(
        lambda: bank.send(methods.REGISTER_MODEL, bank.sealed(methods.REGISTER_MODEL, frame)),
        Code.MALFORMED,
        "unknown fields",
    )


def _varint(value: int) -> bytes:
    encoded = b""
    while value > 127:
        encoded, value = encoded + bytes([value & 127 | 128]), value >> 7
    return encoded + bytes([value])


# ---- noise


def values(field: Any) -> st.SearchStrategy[Any]:
    """Random values of one field, lengths and numbers that mean something among them."""
    match field.type:
        case FieldDescriptor.TYPE_MESSAGE:
            return messages(field.message_type._concrete_class)
        case FieldDescriptor.TYPE_BYTES:
            sizes = st.sampled_from([0, 1, 15, 16, 17, 18, 32, 36, 54])
            return sizes.flatmap(lambda size: st.binary(min_size=size, max_size=size)) | st.binary(max_size=200)
        case FieldDescriptor.TYPE_STRING:
            known = ["loan_origination", "credit_approval", "base", "sales", "bfv-8192-1", "1", "0.5", "\0", "-0"]
            return st.sampled_from(known) | st.text(max_size=40)
        case FieldDescriptor.TYPE_BOOL:
            return st.booleans()
        case FieldDescriptor.TYPE_UINT32:
            return st.sampled_from([0, 1, 2, 2**31, 2**32 - 1]) | st.integers(0, 2**32 - 1)
        case FieldDescriptor.TYPE_INT64:
            return st.sampled_from([-(2**63), -1, 0, 1, 2**39, 2**63 - 1]) | st.integers(-(2**63), 2**63 - 1)
        case _:
            return st.sampled_from([0, 1, 2, 2**39, 2**63, 2**64 - 1]) | st.integers(0, 2**64 - 1)


@st.composite
def messages(draw: st.DrawFn, kind: Callable[[], Message]) -> Message:
    """A message of a kind with random values in a random choice of its fields."""
    made: Any = kind()
    for field in made.DESCRIPTOR.fields:
        if not draw(st.integers(0, 7)):
            continue
        if field.is_repeated:
            drawn = draw(st.lists(values(field), max_size=3))
            getattr(made, field.name).extend(drawn)
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            getattr(made, field.name).CopyFrom(draw(values(field)))
        else:
            setattr(made, field.name, draw(values(field)))
    return made  # type: ignore[no-any-return]


def outcome(bank: Bank, method: Method[Any, Any], data: bytes) -> Refusal | None:
    """What the bureau says to one raw message: an answer, or a refusal that is one of its decisions."""
    refusal = None
    try:
        bank.send(method, data)
    except Refusal as said:
        refusal = said
    if refusal is not None:
        assert refusal.code not in NOT_A_DECISION, str(refusal)
        assert refusal.detail.isprintable()
    return refusal


NOISE = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.parametrize("method", PEER_METHODS, ids=lambda method: method.name)
@NOISE
@given(data=st.data())
def test_random_fields_in_a_well_signed_payload(bank: Bank, method: Method[Any, Any], data: st.DataObject) -> None:
    payload = data.draw(messages(method.request)).SerializeToString(deterministic=True)
    outcome(bank, method, bank.sealed(method, payload))


@pytest.mark.parametrize("method", PEER_METHODS, ids=lambda method: method.name)
@NOISE
@given(payload=st.binary(min_size=1, max_size=300))
@example(b"\0")
@example(b"\xff" * 64)
@example(b"\x0a\xff\xff\xff\xff\x0f")
def test_random_bytes_as_a_well_signed_payload(bank: Bank, method: Method[Any, Any], payload: bytes) -> None:
    refusal = outcome(bank, method, bank.sealed(method, payload))
    assert refusal is not None
    assert refusal.code is not Code.PEER_UNTRUSTED


@pytest.mark.parametrize("method", PEER_METHODS, ids=lambda method: method.name)
@NOISE
@given(data=st.data())
def test_random_bytes_and_envelopes_without_a_signature(
    bureau: Bureau, bank: Bank, method: Method[Any, Any], data: st.DataObject
) -> None:
    envelopes = messages(common_pb2.SignedMessage).map(lambda made: made.SerializeToString(deterministic=True))
    refusal = outcome(bank, method, data.draw(st.binary(max_size=400) | envelopes))
    assert refusal is not None
    assert refusal.code in REFUSED_BYTES


def test_noise_leaves_nothing_behind_and_a_good_job_works(bureau: Bureau, bank: Bank, model: Model) -> None:
    assert not [name for name in bureau.files() if name.startswith(".incoming")]
    bank.works(model)
