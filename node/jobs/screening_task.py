"""A screening that is under way, with everything that its protocol needs, and what a protocol gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from node.alignment.list_tags import ListTags
from node.codes import Code
from node.errors import Refusal
from node.jobs.documents import Documents
from node.jobs.screening_calls import MAXIMUM_ATTEMPTS
from node.jobs.screening_files import ScreeningFiles
from node.jobs.screening_journal import ScreeningJournal
from node.jobs.screening_line import Lines
from node.jobs.screening_link import Opened, ScreeningLink
from node.jobs.screening_records import StoredScreening
from node.keys import Sealer
from protocols.primitives.signing import SigningKey
from protocols.psi.commitment import CommittedInput
from protocols.psi.job import JobContext, JobSeed
from protocols.psi.transcript import transcript_digest
from protocols.psi.vole.buckets import BUCKET_ITEMS

COMMITTING_THREADS = 2


@dataclass(frozen=True)
class ScreeningParts:
    """What the steps work with."""

    bank: str
    journal: ScreeningJournal
    files: ScreeningFiles
    tags: ListTags
    documents: Documents
    sealer: Sealer
    signing_key: SigningKey
    bucket_items: int = BUCKET_ITEMS
    """Items of a bucket of vole on average, at most."""
    lines: Lines = field(default_factory=Lines)


@dataclass(frozen=True)
class Outcome:
    """What a protocol gave: the result as CSV, how many matched, and the digest of all that was said."""

    result: bytes
    matched: int
    transcript_digest: bytes


@dataclass(frozen=True)
class Task:
    """One screening against one bureau, opened. ``codes``: dtype S18, in the order of the bank's list."""

    job: StoredScreening
    opened: Opened
    seed: JobSeed
    codes: NDArray[np.bytes_]
    labels: tuple[str, ...]
    parts: ScreeningParts
    link: ScreeningLink
    check_running: Callable[[], None]
    """Raises where the node stops or the screening was cancelled."""

    @property
    def context(self) -> JobContext:
        """What commitment and transcript are of."""
        return context_of(self.job, self.parts.bank)

    def begin_attempt(self, bucket: int = 0) -> int:
        """Return the number of a fresh attempt at the exchange of a bucket, never used before.

        The bureau is asked something harmless first, so that one that is away costs no attempt.

        Raises:
            Refusal: what :attr:`check_running` and the bureau raise; ``COMPUTE_FAILED`` where too many broke off.
        """
        self.check_running()
        self.link.get_list(self.job.list_name, self.job.list_version)
        attempt = self.parts.files.begin_attempt(self.job.job_id, bucket)
        if attempt >= MAXIMUM_ATTEMPTS:
            raise Refusal(
                Code.COMPUTE_FAILED,
                f"{MAXIMUM_ATTEMPTS} attempts at the exchange broke off",
                remedy="Begin a new screening.",
            )
        return attempt

    def epochs_in_use(self) -> set[bytes]:
        """Return the ids of epochs that unfinished screenings against this list run under: their files stay."""
        opened = map(Opened.decode, self.parts.journal.opened(self.job.bureau, self.job.list_name))
        return {one.epoch.epoch_id for one in opened if one.epoch is not None}

    def committed(self) -> CommittedInput:
        """Return the committed input, made again from codes and seed."""
        return commit(self.context, self.seed, self.codes, self.job.padded_codes)

    def transcript(self, committed: CommittedInput | None, terms: bytes, parts: Mapping[int, bytes]) -> bytes:
        """Return the digest of all that was said, from the digest of every part."""
        return transcript_digest(
            self.context,
            root=self.job.commitment if committed is None else committed.root,
            padded=self.job.padded_codes,
            session_id=self.opened.session_id,
            terms=terms,
            parts=parts,
            count=len(parts),
        )


def commit(context: JobContext, seed: JobSeed, codes: NDArray[np.bytes_], padded: int | None = None) -> CommittedInput:
    """Return the committed input of codes, made on two cores: the bureau waits for its root."""
    with ThreadPoolExecutor(COMMITTING_THREADS, thread_name_prefix="commit") as pool:
        return CommittedInput(context, seed, codes, padded, pool.map)


def context_of(job: StoredScreening, bank: str) -> JobContext:
    """Return what a screening's commitment and transcript are of; list version and protocol are known."""
    assert job.protocol is not None
    return JobContext(
        job.job_id, bank, job.bureau, job.list_name, job.list_version, job.protocol, job.mode, job.purpose
    )
