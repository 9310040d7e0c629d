"""No agreement in force that covers it, no answer: for every call; and documents that must not come into force."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.message import Message

from node.codes import Code, Role
from node.policy import documents
from node.policy.strictjson import canonical
from node.rpc import methods, wire
from node.rpc.methods import PEER_METHODS, Method
from protocols.psi.client import OprfClient
from protocols.randomness import SystemRandomness
from protos import alignment_pb2, consent_pb2, scoring_pb2, screening_pb2
from tests.support.hostile_bank import Bank
from tests.support.hostile_bureau import HOUR_MS, Bureau, agreement_draft, refused
from tests.support.hostile_models import CODES, catalogue_body, make_model
from tests.support.transport import Party, make_party

MODEL = make_model(name="from-better-days")
SCORING = [method for method in PEER_METHODS if method.service != methods.SCREENING]
"""Screening has its own, further down."""
REPEATABLE = [method for method in SCORING if method not in (methods.CLOSE_JOB, methods.REVOKE_CONSENT)]
"""The others end what these need; they are answered in the tests of jobs and consents."""
COVERED = [method for method in SCORING if method is not methods.REVOKE_CONSENT]


def days(bureau: Bureau, count: float) -> datetime:
    return datetime.fromtimestamp(bureau.clock() / 1000, UTC) + timedelta(days=count)


class Victim:
    """A bank with an epoch, a model, an open job and a consent from better days, as far as it had any."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self.job, self.epoch, self.consent = secrets.token_bytes(16), secrets.token_bytes(16), secrets.token_bytes(16)

    def prepare(self) -> None:
        self.bank.register(MODEL)
        self.job, self.consent = self.bank.job(MODEL), self.bank.consent(CODES[1], maximum_uses=1000)
        (epoch,) = self.bank.call(methods.GET_EPOCH, alignment_pb2.EpochRequest())
        self.epoch = epoch.epoch_id

    def messages(self, method: Method[Any, Any]) -> list[Message]:
        """What the bureau answers a bank with an agreement."""
        opening = self.bank.opening(MODEL, 1)
        one = self.bank.chunk(MODEL, opening.job_id, CODES[1:2], [self.consent])
        chunk = self.bank.chunk(MODEL, self.job, CODES[1:2], [self.consent])
        (batch,) = OprfClient([CODES[1].encode()], SystemRandomness()).start()
        token = self.bank.sign(self.bank.draft(CODES[1]))
        header = scoring_pb2.ModelFrame(header=wire.model_header(MODEL.description))
        requests: dict[str, list[Message]] = {
            "RegisterModel": [header, *(scoring_pb2.ModelFrame(encrypted=part) for part in MODEL.parts())],
            "OpenJob": [wire.opening_message(opening)],
            "ScoreChunk": [wire.chunk_message(chunk)],
            "ScoreOne": [
                scoring_pb2.ScoreOneRequest(open=wire.opening_message(opening), chunk=wire.chunk_message(one))
            ],
            "CloseJob": [scoring_pb2.CloseJobRequest(job_id=self.job)],
            "Register": [consent_pb2.RegisterFrame(sequence=0, consents=[token])],
            "Revoke": [consent_pb2.RevokeRequest(consent_id=self.consent.hex())],
            "GetEpoch": [alignment_pb2.EpochRequest()],
            "DownloadTags": [alignment_pb2.TagsRequest(epoch_id=self.epoch)],
            "Evaluate": [alignment_pb2.EvaluateRequest(epoch_id=self.epoch, blinded=batch.encode())],
        }
        return requests[method.name]


@pytest.fixture(scope="module")
def victims(bureau: Bureau) -> Iterator[dict[str, Victim]]:
    """By what is wrong with their agreement. «expired» is so an hour later, after it did all that a bank does."""
    agreements: dict[str, dict[str, Any] | None] = {
        "expired": {"valid_until": days(bureau, 0.5 / 24)},
        "future": {"valid_from": days(bureau, 1)},
        "elsewhere": {"peer_networks": ("10.0.0.0/8", "2001:db8::/32")},
        "none": None,
    }
    with ExitStack() as closing:
        found = {}
        for name, changes in agreements.items():
            bank = Bank(bureau, f"bank-{name}")
            closing.callback(bank.close)
            if changes is None:
                bureau.control.parties.trust(bank.party.card().sign(bank.party.signing).encode())
            else:
                bureau.agree(bank.party, **changes)
            found[name] = Victim(bank)
        found["expired"].prepare()
        yield found


@pytest.mark.parametrize("method", REPEATABLE, ids=lambda method: method.name)
def test_the_calls_below_are_answered_while_an_agreement_is_in_force(
    victims: dict[str, Victim], method: Method[Any, Any]
) -> None:
    victim = victims["expired"]
    assert victim.bank.call(method, *victim.messages(method))


@pytest.mark.parametrize("method", COVERED, ids=lambda method: method.name)
@pytest.mark.parametrize("name", ["expired", "future", "elsewhere", "none"])
def test_no_call_is_answered_without_an_agreement(
    bureau: Bureau, victims: dict[str, Victim], name: str, method: Method[Any, Any]
) -> None:
    victim = victims[name]
    word = "network" if name == "elsewhere" else "no agreement"
    with bureau.later(HOUR_MS if name == "expired" else 0):
        refused(lambda: victim.bank.call(method, *victim.messages(method)), Code.AGREEMENT_INACTIVE, word)


def screening_message(method: Method[Any, Any]) -> Message:
    """Return a request that is well formed; of the calls within a session, about one that nobody opened."""
    session = secrets.token_bytes(16)
    if method.request is screening_pb2.ListRequest:
        return screening_pb2.ListRequest(list="abnormal")
    if method.request is screening_pb2.OpenScreeningRequest:
        return screening_pb2.OpenScreeningRequest(
            job_id=session,
            list="abnormal",
            version="1",
            mode="codes",
            protocol="oprf",
            purpose="portfolio_screening",
            padded_codes=64,
            commitment=secrets.token_bytes(32),
            size_class=6,
        )
    if method.request is screening_pb2.ExchangeFrame:
        return screening_pb2.ExchangeFrame(header=screening_pb2.ExchangeHeader(session_id=session))
    if method.request is screening_pb2.EvaluateListRequest:
        return screening_pb2.EvaluateListRequest(session_id=session, blinded=bytes(32))
    request: Message = method.request(session_id=session)
    return request


@pytest.mark.parametrize("method", [method for method in PEER_METHODS if method not in SCORING], ids=lambda m: m.name)
@pytest.mark.parametrize("name", ["expired", "future", "elsewhere", "none"])
def test_no_screening_without_an_agreement(
    bureau: Bureau, victims: dict[str, Victim], name: str, method: Method[Any, Any]
) -> None:
    """Whether a list is there is not told, and a session that nobody opened opens nothing."""
    within = method.request not in (screening_pb2.ListRequest, screening_pb2.OpenScreeningRequest)
    with bureau.later(HOUR_MS if name == "expired" else 0):
        code = Code.NOT_FOUND if within else Code.AGREEMENT_INACTIVE
        refused(lambda: victims[name].bank.call(method, screening_message(method)), code)


@pytest.mark.parametrize("method", [methods.GET_LIST, methods.OPEN_SCREENING], ids=lambda method: method.name)
def test_an_agreement_without_a_section_on_screening_allows_none(
    victims: dict[str, Victim], method: Method[Any, Any]
) -> None:
    """It is in force; scoring is all that it covers."""
    bank = victims["expired"].bank
    refused(lambda: bank.call(method, screening_message(method)), Code.AGREEMENT_INACTIVE, "screening")


def test_without_an_agreement_nothing_is_told_of_what_else_is_wrong(victims: dict[str, Victim]) -> None:
    bank = victims["none"].bank
    for action in (
        lambda: bank.register(make_model(profile="bfv-4096-1")),
        lambda: bank.register(make_model(expires_at=1)),
        lambda: bank.open(bank.opening(make_model(name="never-registered"))),
        lambda: bank.score(bank.chunk(MODEL, bytes(16), CODES[:1], [bytes(16)])),
        lambda: bank.close_job(bytes(16)),
    ):
        refused(action, Code.AGREEMENT_INACTIVE, "no agreement")


def test_a_withdrawal_is_heard_without_an_agreement(bureau: Bureau, victims: dict[str, Victim]) -> None:
    victim = victims["expired"]
    with bureau.later(HOUR_MS):
        (answer,) = victim.bank.call(methods.REVOKE_CONSENT, *victim.messages(methods.REVOKE_CONSENT))
    assert answer.revoked_at_ms > 0


# ---- what the operator is handed


@pytest.fixture(scope="module")
def partner(bureau: Bureau) -> Party:
    party = make_party(bureau.folder / "bank-partner", Role.BANK, "bank-partner")
    bureau.control.parties.trust(party.card().sign(party.signing).encode())
    return party


@pytest.fixture
def kept(bureau: Bureau) -> Iterator[None]:
    """Nothing comes into force."""
    before = bureau.control.agreements.list(), bureau.control.catalogues.list()
    yield
    assert (bureau.control.agreements.list(), bureau.control.catalogues.list()) == before


def both(bureau: Bureau, partner: Party, **changes: Any) -> documents.SignedDocument:
    signed = bureau.control.agreements.sign(agreement_draft(partner.party_id, bureau.clock(), **changes).encode())
    return documents.add_signature(documents.decode(signed, "agreement"), partner.signing, partner.party_id)


def with_body(document: documents.SignedDocument, **changes: Any) -> bytes:
    parsed = json.loads(document.encode())
    parsed["body"] |= changes
    return json.dumps(parsed).encode()


@pytest.mark.usefixtures("kept")
def test_an_agreement_of_one_side_or_of_none(bureau: Bureau, partner: Party) -> None:
    draft = agreement_draft(partner.party_id, bureau.clock())
    ours = bureau.control.agreements.sign(draft.encode())
    theirs = documents.add_signature(draft, partner.signing, partner.party_id).encode()
    for data, missing in ((ours, "bank-partner"), (theirs, "bureau-zj")):
        refused(lambda sent=data: bureau.control.agreements.add(sent), Code.PEER_UNTRUSTED, missing)  # type: ignore[misc]
    refused(lambda: bureau.control.agreements.add(draft.encode()), Code.PEER_UNTRUSTED, "not signed by")


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    "changes",
    [
        {"fields": ["sales", "spare"]},
        {"purposes": ["loan_monitoring"]},
        {"limits": {"max_rows_per_job": 10**9}},
        {"peer_networks": ["0.0.0.0/0"]},
        {"valid_until": "2099-01-01T00:00:00+00:00"},
        {"agreement_id": "another"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_tampered_agreement(bureau: Bureau, partner: Party, changes: dict[str, Any]) -> None:
    tampered = with_body(both(bureau, partner), **changes)
    refused(lambda: bureau.control.agreements.add(tampered), Code.PEER_UNTRUSTED, "signature")


@pytest.mark.usefixtures("kept")
def test_an_agreement_signed_by_another_key_or_between_others(bureau: Bureau, partner: Party, other: Bank) -> None:
    draft = agreement_draft(partner.party_id, bureau.clock())
    ours = documents.decode(bureau.control.agreements.sign(draft.encode()), "agreement")
    forged = documents.add_signature(ours, other.party.signing, partner.party_id).encode()
    refused(lambda: bureau.control.agreements.add(forged), Code.PEER_UNTRUSTED, "bank-partner")
    foreign = agreement_draft(partner.party_id, bureau.clock(), bureau="bureau-other")
    refused(lambda: bureau.control.agreements.sign(foreign.encode()), Code.INVALID_INPUT, "neither bank nor bureau")
    unknown = documents.add_signature(
        documents.decode(
            bureau.control.agreements.sign(agreement_draft("bank-never-seen", bureau.clock()).encode()), "agreement"
        ),
        other.party.signing,
        "bank-never-seen",
    )
    refused(lambda: bureau.control.agreements.add(unknown.encode()), Code.PEER_UNTRUSTED, "bank-never-seen")


@pytest.mark.usefixtures("kept")
def test_an_agreement_over_what_is_not_there(bureau: Bureau, partner: Party) -> None:
    for changes, code, word in (
        ({"catalogue_version": 3}, Code.NOT_FOUND, "version 3"),
        ({"catalogue_id": "nowhere"}, Code.NOT_FOUND, "nowhere"),
        ({"fields": ("sales", "turnover")}, Code.FIELD_NOT_ALLOWED, "fields[1]"),
    ):
        draft = agreement_draft(partner.party_id, bureau.clock(), **changes).encode()
        refused(lambda sent=draft: bureau.control.agreements.sign(sent), code, word)  # type: ignore[misc]


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"\xff\xfe", b'{"kind": "agreement"}', b'{"a": 1, "a": 2}', b"[" * 100_000, b" " * (3 << 20)],
    ids=["empty", "cut", "list", "no UTF-8", "members", "member twice", "deep", "oversized"],
)
def test_what_is_no_document(bureau: Bureau, data: bytes) -> None:
    for take in (bureau.control.agreements.add, bureau.control.agreements.sign, bureau.control.catalogues.add):
        refused(lambda call=take: call(data), Code.INVALID_INPUT)  # type: ignore[misc]


@pytest.mark.usefixtures("kept")
def test_a_catalogue_of_another_bureau_and_another_content(bureau: Bureau) -> None:
    other = canonical({**catalogue_body(), "bureau": "bureau-other"})
    refused(lambda: bureau.control.catalogues.add(other), Code.INVALID_INPUT, "another bureau")
    changed = catalogue_body()
    changed["fields"] = changed["fields"][:3]
    refused(lambda: bureau.control.catalogues.add(canonical(changed)), Code.WRONG_STATE, "other content")


def test_after_all_this_a_good_job_works(other: Bank) -> None:
    own = make_model(name="witness-3")
    other.register(own)
    other.works(own)
