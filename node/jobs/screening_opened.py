"""The opened set of a screening: what an auditor needs to make the bank's side of the transcript again. CONFIDENTIAL.

A ZIP file: ``record.json`` (signed by both), ``opened.json`` (the bureau's answer to the opening), ``seed`` (32 bytes),
``codes`` (18 bytes each), ``parts`` (for an oprf job 32 bytes a batch: the digest of the bureau's message), and for the
other protocols ``bureau/NUMBER``: all messages of the bureau in that part, each behind its length in eight bytes;
``bureau/table`` likewise where classes were compared.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator

from node.codes import ScreeningMode, ScreeningProtocol
from node.jobs.screening_files import PART_BYTES, ScreeningFiles
from node.jobs.screening_intake import SEED_LABEL
from node.jobs.screening_records import StoredScreening
from node.keys import Sealer
from protocols.transcript import DIGEST_BYTES


class OpenedSets:
    """Writes opened sets of screenings that are done."""

    def __init__(self, files: ScreeningFiles, sealer: Sealer) -> None:
        self._files = files
        self._sealer = sealer

    def write(self, job: StoredScreening) -> Iterator[bytes]:
        """Give the file in parts of one mebibyte."""
        with tempfile.TemporaryFile() as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                self._fill(archive, job)
            file.seek(0)
            while part := file.read(PART_BYTES):
                yield part

    def _fill(self, archive: zipfile.ZipFile, job: StoredScreening) -> None:
        archive.writestr("record.json", job.record)
        archive.writestr("opened.json", job.opened)
        archive.writestr("seed", self._sealer.open(job.sealed_seed, SEED_LABEL))
        archive.writestr("codes", self._files.codes(job.job_id).tobytes())
        if job.mode is ScreeningMode.CLASSES:
            archive.writestr("bureau/table", self._files.kept(job.job_id, "table"))
        steps = sorted(self._files.steps(job.job_id))
        if job.protocol is ScreeningProtocol.OPRF:
            evaluated = (self._files.step(job.job_id, number)[DIGEST_BYTES : 2 * DIGEST_BYTES] for number in steps)
            archive.writestr("parts", b"".join(evaluated))
            return
        for number in steps:
            archive.writestr(f"bureau/{number:06d}", self._files.step(job.job_id, number))
