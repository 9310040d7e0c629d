"""Takes a bank's list in for screening: normalised, checked and without duplicates before anybody is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from node.codes import Code, JobState, Purpose, ScreeningProtocol
from node.errors import Refusal
from node.jobs.screening_calls import JOB_ID_BYTES, PROTOCOLS_OF_MODE
from node.jobs.screening_files import CODE, ScreeningFiles
from node.jobs.screening_journal import ScreeningJournal
from node.jobs.screening_records import NewScreening, ScreeningRequest, StoredScreening
from node.keys import Sealer
from node.policy.textmatrix import lengths, mask, one_text
from node.policy.uscc import LENGTH, check_many
from protocols.randomness import SEED_BYTES, Randomness
from protocols.transcript import digest

SEED_LABEL = "screening/seed"
MAXIMUM_CODES = 1 << 27
MAXIMUM_BYTES = 64 * MAXIMUM_CODES
MAXIMUM_LINE_BYTES = 1 << 16
_MIXING = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)  # odd, bits well spread


@dataclass(frozen=True)
class CheckedList:
    """A list as it is screened: ``codes`` of dtype S18 in the order in which each first stands in the list."""

    codes: NDArray[np.bytes_]
    rows: int
    bad_codes: int
    duplicates: int


def check_list(parts: Iterable[bytes]) -> CheckedList:
    """Return what is screened of codes as people typed them, UTF-8, one in a line; blank lines do not count.

    ``parts`` follow each other and may end anywhere; each is checked while the next one is on its way.

    Raises:
        Refusal: ``INVALID_INPUT``: it is not UTF-8, or too long.
    """
    rows, found = 0, [np.empty(0, CODE)]
    for lines in _whole_lines(parts):
        try:
            typed = _normalised(lines)
        except pa.ArrowInvalid:
            raise Refusal(Code.INVALID_INPUT, "the list is not UTF-8") from None
        rows += len(typed)
        found.append(_fixed(typed.filter(mask(check_many(typed)))))
    valid = np.concatenate(found)
    codes = _distinct(valid)
    return CheckedList(codes, rows, rows - len(valid), len(valid) - len(codes))


def _whole_lines(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Give the same text in parts that end where a line ends."""
    size, rest = 0, b""
    for part in parts:
        size += len(part)
        if size > MAXIMUM_BYTES:
            raise Refusal(Code.INVALID_INPUT, f"a list has at most {MAXIMUM_CODES} codes")
        whole, mark, rest = (rest + part).rpartition(b"\n")
        if len(rest) > MAXIMUM_LINE_BYTES:
            raise Refusal(Code.INVALID_INPUT, "a line of the list is too long to be a code")
        yield whole + mark
    yield rest


def _normalised(lines: bytes) -> pa.Array:
    """Return the lines that are not blank, as they are checked."""
    texts = pc.split_pattern(one_text(lines), "\n").flatten()
    typed = pc.utf8_upper(pc.utf8_trim_whitespace(pc.utf8_normalize(texts, form="NFKC")))
    return typed.filter(mask(lengths(typed) > 0))


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
        checked = check_list(parts)
        if not len(checked.codes):
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
                    len(checked.codes),
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
