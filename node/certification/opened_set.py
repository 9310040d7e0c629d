"""An auditor makes the bank's side of a screening again, from the opened set and seed, and compares it with the record.

What a success shows: the bank asked about exactly the codes of the opened set, and none beside them but the dummies
that the seed gives; the commitment that the bureau got before it answered anything was to this set; both sides signed.
What it does not show: that these codes are the bank's customers. That is for the bank's evidence, code by code.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from node.codes import Code, Role, ScreeningMode, ScreeningProtocol, Side
from node.errors import Refusal
from node.jobs.screening_calls import terms_of
from node.jobs.screening_count import client as count_client
from node.jobs.screening_exchange import Exchanged, replay, unpack_messages
from node.jobs.screening_files import CODE
from node.jobs.screening_link import Opened
from node.jobs.screening_vole import receiver, unpack_step
from node.policy import documents, screening_record
from node.policy.screening_record import RECORD_KIND, ScreeningRecord
from protocols.errors import LocalProtocolError, ParameterError, PeerProtocolError
from protocols.primitives.signing import VerifyKey
from protocols.psi.cardinality.messages import decode_message as decode_count
from protocols.psi.commitment import CommittedInput, verify_opening
from protocols.psi.job import JobContext
from protocols.psi.oprf_job import rebuild
from protocols.psi.transcript import count_terms, part_digest, transcript_digest, vole_terms
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
    codes: int
    padded_codes: int
    transcript_digest: str
    without_evidence: tuple[str, ...]
    """Codes that were asked about and stand in no evidence; empty where none was given."""


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
    unproven = (
        () if evidence is None else tuple(code.decode() for code in opened_set.codes.tolist() if code not in evidence)
    )
    return AuditedSet(
        record.job_id,
        record.bank,
        record.bureau,
        f"{record.list_name}@{record.list_version}",
        record.purpose,
        record.mode,
        record.protocol,
        len(opened_set.codes),
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
    bureau: bytes


def _read(path: Path) -> _OpenedSet:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            if sum(entry.file_size for entry in archive.infolist()) > MAXIMUM_BYTES:
                raise Refusal(Code.INVALID_INPUT, f"{path} is too large for an opened set")
            return _OpenedSet(
                archive.read("record.json"),
                Opened.decode(archive.read("opened.json")),
                archive.read("seed"),
                np.frombuffer(archive.read("codes"), dtype=CODE),
                archive.read("parts") if "parts" in names else b"",
                archive.read("bureau/000000") if "bureau/000000" in names else b"",
            )
    except OSError as error:
        raise Refusal(Code.INVALID_INPUT, f"{path} cannot be read: {error.strerror or 'it is damaged'}") from None
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError):
        raise Refusal(Code.INVALID_INPUT, f"{path} is no opened set, or is damaged") from None


def _record(data: bytes, key_of: KeyOf) -> ScreeningRecord:
    document = documents.decode(data, RECORD_KIND)
    named = ScreeningRecord.from_body(document.body)
    keys = {named.bank: key_of(named.bank, Role.BANK), named.bureau: key_of(named.bureau, Role.BUREAU)}
    return screening_record.verify(document, keys, frozenset(keys))


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
        rebuild(committed, session_id=session, terms=terms, evaluated=evaluated, expected=expected)
        return
    given, terms = _replayed(record, opened_set, committed)
    rebuilt = transcript_digest(
        committed.context,
        root=committed.root,
        padded=committed.padded,
        session_id=session,
        terms=terms,
        parts={0: part_digest(0, given.bank, given.bureau)},
        count=1,
    )
    if rebuilt != expected:
        raise PeerProtocolError("the opened set and seed do not give the transcript that was signed")


def _replayed(record: ScreeningRecord, opened_set: _OpenedSet, committed: CommittedInput) -> tuple[Exchanged, bytes]:
    attempt, _, _, packed = unpack_step(opened_set.bureau)
    messages, session = unpack_messages(packed), bytes.fromhex(record.session_id)
    if record.protocol is ScreeningProtocol.CARDINALITY:
        terms = count_terms(list_items=record.list_items)
        return replay(count_client(committed, attempt), decode_count, messages), terms
    terms = vole_terms(list_items=record.list_items, buckets=record.buckets, bucket_key=opened_set.opened.bucket_key)
    machine = receiver(opened_set.codes, record.padded_codes, record.list_items, session, committed.seed, attempt)
    return replay(machine, decode_vole, messages), terms
