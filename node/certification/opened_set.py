"""An auditor makes the bank's side of a screening again, from the opened set and seed, and compares it with the record.

What a success shows: the bank asked about exactly the codes of the opened set, and none beside them but the dummies
that the seed gives; the commitment that the bureau got before it answered anything was to this set; both sides signed.
What it does not show: that these codes are the bank's customers. That is for the bank's evidence, code by code.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from node.codes import Code, Role, ScreeningMode, ScreeningProtocol, Side
from node.errors import Refusal
from node.jobs.screening_calls import ExchangePlace, protocol_parts, terms_of
from node.jobs.screening_classes import client as table_client
from node.jobs.screening_count import client as count_client
from node.jobs.screening_exchange import replay, unpack_messages
from node.jobs.screening_files import CODE
from node.jobs.screening_link import Opened
from node.jobs.screening_vole import receiver, unpack_step
from node.policy import documents, screening_record
from node.policy.screening_record import RECORD_KIND, ScreeningRecord
from protocols.errors import LocalProtocolError, ParameterError, PeerProtocolError
from protocols.primitives.signing import VerifyKey
from protocols.primitives.vole.parameters import SecurityProfile
from protocols.psi.cardinality.messages import decode_message as decode_count
from protocols.psi.classes.entries import describe, loans_of
from protocols.psi.classes.messages import decode_message as decode_table
from protocols.psi.commitment import CommittedInput, verify_opening
from protocols.psi.job import JobContext
from protocols.psi.oprf_job import rebuild
from protocols.psi.transcript import count_terms, part_digest, transcript_digest, vole_terms
from protocols.psi.vole.buckets import BucketPlan
from protocols.psi.vole.items import pack
from protocols.psi.vole.messages import decode_message as decode_vole
from protocols.transcript import DIGEST_BYTES

MAXIMUM_BYTES = 1 << 34

KeyOf = Callable[[str, Role], VerifyKey]
"""The verification key of a trusted party of one role; raises ``PEER_UNTRUSTED``."""


@dataclass(frozen=True)
class AuditedSet:
    """What was found of an opened set whose transcript could be made again."""

    job_id: str
    bank: str
    bureau: str
    list: str
    purpose: str
    mode: str
    protocol: str
    security: str
    """Of protocol vole: what the run withstood; else empty."""
    codes: int
    padded_codes: int
    transcript_digest: str
    without_evidence: tuple[str, ...]
    """Codes, or loans with their class, that were asked about and stand in no evidence; empty where none was given."""


def audit_opened_set(path: Path, key_of: KeyOf, evidence: Collection[bytes] | None = None) -> AuditedSet:
    """Make the transcript of an opened set again and compare it with the record that both sides signed.

    Args:
        path: the file that ``banktax screening open-set`` wrote.
        key_of: keys of the parties that the auditor trusts.
        evidence: the codes that the bank can show a reason for, normalised; None: not asked.

    Raises:
        Refusal: ``INVALID_INPUT``: the file is no opened set; ``PEER_UNTRUSTED``: the record is not signed by both;
            ``RESULT_REJECTED`` on the bank's side: set, seed or messages are not those of the record.
    """
    opened_set = _read(path)
    record = _record(opened_set.record, key_of)
    try:
        committed = verify_opening(
            _context(record),
            bytes.fromhex(record.commitment),
            record.padded_codes,
            opened_set.seed,
            opened_set.codes.tolist(),
        )
        _rebuild(record, opened_set, committed)
    except (PeerProtocolError, LocalProtocolError, ParameterError) as fault:
        raise Refusal(
            Code.RESULT_REJECTED,
            str(fault),
            side=Side.BANK,
            remedy="The bank asked about something else than it shows, or shows it wrongly: have it explain.",
        ) from None
    asked = opened_set.codes.tolist()
    if record.mode is ScreeningMode.CLASSES:
        asked = asked[len(asked) // 2 :]  # the pairs: a loan's id is in evidence with its class
    unproven = () if evidence is None else tuple(_shown(record, code) for code in asked if code not in evidence)
    return AuditedSet(
        record.job_id,
        record.bank,
        record.bureau,
        f"{record.list_name}@{record.list_version}",
        record.purpose,
        record.mode,
        record.protocol,
        record.security or "",
        len(asked),
        record.padded_codes,
        record.transcript_digest,
        unproven,
    )


@dataclass(frozen=True)
class _OpenedSet:
    record: bytes
    opened: Opened
    seed: bytes
    codes: NDArray[np.bytes_]
    parts: bytes
    path: Path

    def messages(self, number: int) -> tuple[int, tuple[bytes, ...]]:
        """Return the attempt that counted of one part, and the bureau's messages in it: one part is in memory."""
        return self._exchange(f"bureau/{number:06d}")

    def table(self) -> tuple[int, tuple[bytes, ...]]:
        """Return the same of the exchange of the confusion table."""
        return self._exchange("bureau/table")

    def _exchange(self, name: str) -> tuple[int, tuple[bytes, ...]]:
        with _readable(self.path), zipfile.ZipFile(self.path) as archive:
            attempt, _, _, packed = unpack_step(archive.read(name))
        return attempt, unpack_messages(packed)


def _read(path: Path) -> _OpenedSet:
    with _readable(path), zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MAXIMUM_BYTES:
            raise Refusal(Code.INVALID_INPUT, f"{path} is too large for an opened set")
        return _OpenedSet(
            archive.read("record.json"),
            Opened.decode(archive.read("opened.json")),
            archive.read("seed"),
            np.frombuffer(archive.read("codes"), dtype=CODE),
            archive.read("parts") if "parts" in archive.namelist() else b"",
            path,
        )


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Refusal(Code.INVALID_INPUT, f"{path} cannot be read: {error.strerror or 'it is damaged'}") from None
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError):
        raise Refusal(Code.INVALID_INPUT, f"{path} is no opened set, or is damaged") from None


def opened_mode(path: Path) -> ScreeningMode:
    """Return the mode that an opened set says it is of, which decides what its evidence has to hold."""
    return ScreeningRecord.from_body(documents.decode(_read(path).record, RECORD_KIND).body).mode


def _record(data: bytes, key_of: KeyOf) -> ScreeningRecord:
    document = documents.decode(data, RECORD_KIND)
    named = ScreeningRecord.from_body(document.body)
    keys = {named.bank: key_of(named.bank, Role.BANK), named.bureau: key_of(named.bureau, Role.BUREAU)}
    return screening_record.verify(document, keys, frozenset(keys))


def _shown(record: ScreeningRecord, code: bytes) -> str:
    return describe(code) if record.mode is ScreeningMode.CLASSES else code.decode()


def _context(record: ScreeningRecord) -> JobContext:
    return JobContext(
        bytes.fromhex(record.job_id),
        record.bank,
        record.bureau,
        record.list_name,
        record.list_version,
        record.protocol,
        record.mode,
        record.purpose,
    )


def _rebuild(record: ScreeningRecord, opened_set: _OpenedSet, committed: CommittedInput) -> None:
    """Return if the bank's messages, made again, give the transcript that was signed."""
    session, expected = bytes.fromhex(record.session_id), bytes.fromhex(record.transcript_digest)
    if record.protocol is ScreeningProtocol.OPRF:
        epoch = opened_set.opened.epoch
        if epoch is None:
            raise PeerProtocolError("the opened set names no epoch")
        parts = (opened_set.parts[at : at + DIGEST_BYTES] for at in range(0, len(opened_set.parts), DIGEST_BYTES))
        terms = terms_of(epoch, labelled=record.mode is ScreeningMode.LABELS)
        evaluated = dict(enumerate(parts))
        further = _table_part(record, opened_set, committed)
        rebuild(committed, session_id=session, terms=terms, evaluated=evaluated, expected=expected, further=further)
        return
    terms, replayed = _replayed(record, opened_set, committed)
    replayed = {**replayed, **_table_part(record, opened_set, committed)}
    rebuilt = transcript_digest(
        committed.context,
        root=committed.root,
        padded=committed.padded,
        session_id=session,
        terms=terms,
        parts=replayed,
        count=len(replayed),
    )
    if rebuilt != expected:
        raise PeerProtocolError("the opened set and seed do not give the transcript that was signed")


def _table_part(record: ScreeningRecord, opened_set: _OpenedSet, committed: CommittedInput) -> dict[int, bytes]:
    """Return the confusion table's part of the transcript by its number, made again; nothing in other modes.

    Raises:
        LocalProtocolError: the bank asked for a loan with none or several classes.
    """
    if record.mode is not ScreeningMode.CLASSES:
        return {}
    attempt, messages = opened_set.table()
    machine = table_client(loans_of(opened_set.codes), record.padded_codes, committed.seed, attempt)
    given = replay(machine, decode_table, messages)
    number = protocol_parts(record.protocol, record.padded_codes, record.buckets)
    return {number: part_digest(number, given.bank, given.bureau)}


def _replayed(
    record: ScreeningRecord, opened_set: _OpenedSet, committed: CommittedInput
) -> tuple[bytes, Mapping[int, bytes]]:
    """Return the terms, and the digest of every part with the bank's messages made again."""
    if record.protocol is ScreeningProtocol.CARDINALITY:
        attempt, messages = opened_set.messages(0)
        given = replay(count_client(committed, attempt), decode_count, messages)
        return count_terms(list_items=record.list_items), {0: part_digest(0, given.bank, given.bureau)}
    security = record.security or SecurityProfile.SEMI_HONEST
    key = opened_set.opened.bucket_key
    plan = BucketPlan(record.padded_codes, record.list_items, record.buckets, key, security)
    items, parts = pack(opened_set.codes), {}
    numbers = plan.assign(items)
    plan.check_loads(np.bincount(numbers, minlength=plan.buckets), plan.receiver_capacity)
    for bucket in range(plan.buckets):
        attempt, messages = opened_set.messages(bucket)
        place = ExchangePlace(bytes.fromhex(record.session_id), bucket, attempt)
        machine = receiver(items[numbers == bucket], plan, place, committed.seed)
        given = replay(machine, decode_vole, messages)
        parts[bucket] = part_digest(bucket, given.bank, given.bureau)
    terms = vole_terms(list_items=record.list_items, buckets=plan.buckets, bucket_key=key, security=security)
    return terms, parts
