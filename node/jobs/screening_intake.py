"""Takes a bank's list in for screening: normalised, checked and without duplicates before anybody is asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from node.codes import Code, JobState, Purpose, ScreeningMode, ScreeningProtocol
from node.errors import Refusal
from node.jobs.screening_calls import JOB_ID_BYTES, PROTOCOLS_OF_MODE
from node.jobs.screening_files import CODE, ScreeningFiles
from node.jobs.screening_journal import ScreeningJournal
from node.jobs.screening_lines import CheckedList, text_lines, whole_lines, without_empty
from node.jobs.screening_loans import check_loans
from node.jobs.screening_records import NewScreening, ScreeningRequest, StoredScreening
from node.keys import Sealer
from node.policy.textmatrix import mask
from node.policy.uscc import LENGTH, check_many
from protocols.randomness import SEED_BYTES, Randomness
from protocols.transcript import digest

SEED_LABEL = "screening/seed"
MAXIMUM_CODES = 1 << 27
_MIXING = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)  # odd, bits well spread


def check_list(parts: Iterable[bytes]) -> CheckedList:
    """Return what is screened of codes as people typed them, UTF-8, one in a line; blank lines do not count.

    ``parts`` follow each other and may end anywhere; each is checked while the next one is on its way.

    Raises:
        Refusal: ``INVALID_INPUT``: it is not UTF-8, or too long.
    """
    rows, found = 0, [np.empty(0, CODE)]
    for lines in whole_lines(parts, MAXIMUM_CODES):
        typed = _normalised(lines)
        rows += len(typed)
        found.append(_fixed(typed.filter(mask(check_many(typed)))))
    valid = np.concatenate(found)
    codes = _distinct(valid)
    return CheckedList(codes, rows, rows - len(valid), len(valid) - len(codes))


def _normalised(lines: bytes) -> pa.Array:
    """Return the lines that are not blank, as they are checked."""
    return without_empty(pc.utf8_upper(pc.utf8_trim_whitespace(pc.utf8_normalize(text_lines(lines), form="NFKC"))))


def _distinct(codes: NDArray[np.bytes_]) -> NDArray[np.bytes_]:
    """Return valid codes without repetitions, in the order in which each first stands there."""
    words = np.zeros((len(codes), 3), np.uint64)
    words.view(np.uint8)[:, :LENGTH] = codes.view(np.uint8).reshape(len(codes), LENGTH)
    keys = np.sort(words @ _MIXING)
    # Equal codes have equal keys: without equal keys, which sort in a tenth of the time, nothing has to be taken out.
    if not (keys[1:] == keys[:-1]).any():
        return codes
    return codes[np.sort(np.unique(codes, return_index=True)[1])]


def _fixed(codes: pa.Array) -> NDArray[np.bytes_]:
    if not len(codes):
        return np.empty(0, CODE)
    fixed = codes.cast(pa.large_binary()).cast(pa.binary(LENGTH))
    return np.frombuffer(fixed.buffers()[1], dtype=CODE, count=fixed.offset + len(fixed))[fixed.offset :]


class ScreeningIntake:
    """Turns a submitted list into a journalled screening."""

    def __init__(
        self, journal: ScreeningJournal, files: ScreeningFiles, sealer: Sealer, randomness: Randomness
    ) -> None:
        self._journal = journal
        self._files = files
        self._sealer = sealer
        self._randomness = randomness

    def take(self, request: ScreeningRequest, parts: Iterable[bytes]) -> StoredScreening:
        """Journal a screening; the same key with the same content gives the one that exists.

        Raises:
            Refusal: ``INVALID_INPUT`` (no valid code, a protocol that does not fit the mode), ``IDEMPOTENCY_CONFLICT``.
        """
        _check_request(request)
        checked = _checked(request.mode, parts)
        if not checked.items:
            raise Refusal(Code.INVALID_INPUT, f"the list has no valid code among its {checked.rows} rows")
        job_id = self._randomness.bytes(JOB_ID_BYTES)
        request = replace(request, idempotency_key=request.idempotency_key or job_id.hex())
        content = digest("screening/content", *_request_parts(request), checked.codes.tobytes())
        seed = self._sealer.seal(self._randomness.bytes(SEED_BYTES), SEED_LABEL)
        self._files.create(job_id, checked.codes)
        try:
            stored = self._journal.create(
                NewScreening(
                    job_id,
                    request,
                    content,
                    checked.rows,
                    checked.items,
                    checked.bad_codes,
                    checked.duplicates,
                    seed,
                )
            )
        except BaseException:
            self._files.discard(job_id)
            raise
        if stored.job_id != job_id:
            self._files.discard(job_id)
        return stored


def _checked(mode: ScreeningMode, parts: Iterable[bytes]) -> CheckedList:
    return check_loans(parts) if mode is ScreeningMode.CLASSES else check_list(parts)


def is_open(job: StoredScreening) -> bool:
    """Return whether a screening has still to be driven."""
    return job.state not in {JobState.DONE, JobState.FAILED, JobState.CANCELLED}


def _check_request(request: ScreeningRequest) -> None:
    if request.purpose not in list(Purpose):
        raise Refusal(Code.INVALID_INPUT, "purpose: not one of " + ", ".join(Purpose))
    if request.protocol is not None and request.protocol not in PROTOCOLS_OF_MODE[request.mode]:
        fitting = ", ".join(sorted(PROTOCOLS_OF_MODE[request.mode]))
        raise Refusal(Code.INVALID_INPUT, f"protocol: mode {request.mode} runs on {fitting}")
    if request.security is not None and ScreeningProtocol.VOLE not in (
        PROTOCOLS_OF_MODE[request.mode] if request.protocol is None else (request.protocol,)
    ):
        raise Refusal(Code.INVALID_INPUT, "security: only protocol vole has profiles")
    if not request.bureau or not request.list_name:
        raise Refusal(Code.INVALID_INPUT, "name the list as BUREAU/LIST")
    if len(request.idempotency_key) > 100 or len(request.label) > 200:
        raise Refusal(Code.INVALID_INPUT, "idempotency_key or label: too long")
    if not (request.idempotency_key + request.label).isprintable():
        raise Refusal(Code.INVALID_INPUT, "idempotency_key or label: holds a character that does not print")


def _request_parts(request: ScreeningRequest) -> tuple[bytes, ...]:
    names = (request.bureau, request.list_name, request.list_version, request.purpose, request.mode)
    return tuple(name.encode("utf-8") for name in (*names, request.protocol or "", request.security or ""))
