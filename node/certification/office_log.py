"""What an auditor did, line after line in one file: each line holds the digest of the one before it.

A line that is changed, taken out or put in breaks the chain, and :meth:`OfficeLog.read` says where. NOT protected:
whoever can write the file can cut off its end or write a whole new one; keep copies elsewhere if that matters.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from node.clock import Clock
from node.codes import Code
from node.errors import Refusal
from node.policy.strictjson import JsonFault, canonical
from node.storage.durable import sync_folder
from protocols.transcript import digest

_NOTHING = "0" * 64


class Deed(StrEnum):
    """What was done."""

    REVIEWED = "reviewed"
    REFUSED = "review failed"
    ADMITTED = "admitted"
    COUNTERSIGNED = "countersigned"
    REVOKED = "revoked"
    FORGOTTEN = "forgotten"


@dataclass(frozen=True)
class LogEntry:
    """One line of the log. ``dossier`` and ``model_id`` are digests, empty where a line is about none."""

    at: str
    deed: str
    bank: str
    model: str
    model_id: str
    dossier: str
    detail: str
    previous: str

    @property
    def digest(self) -> str:
        """What the next line names this one by."""
        return digest("certification/office-log", canonical(asdict(self))).hex()


class OfficeLog:
    """The log of one auditor's directory."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    def read(self) -> list[LogEntry]:
        """Return all lines, the oldest first.

        Raises:
            Refusal: ``AUDIT_UNAVAILABLE``: the file cannot be read, or its chain is broken.
        """
        entries: list[LogEntry] = []
        for number, line in enumerate(self._lines(), start=1):
            entries.append(self._entry(line, number, entries[-1].digest if entries else _NOTHING))
        return entries

    def append(self, deed: Deed, *, bank: str, model: str, model_id: str, dossier: str, detail: str = "") -> LogEntry:
        """Write one line; it is on the disk when this returns.

        Raises:
            Refusal: ``AUDIT_UNAVAILABLE``: the log cannot be written, or its chain is broken.
        """
        entries = self.read()
        at = datetime.fromtimestamp(self._clock() // 1000, UTC).isoformat()
        previous = entries[-1].digest if entries else _NOTHING
        entry = LogEntry(at, deed, bank, model, model_id, dossier, detail, previous)
        try:
            with self._path.open("ab") as file:
                file.write(canonical(asdict(entry)) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            sync_folder(self._path.parent)
        except OSError:
            raise Refusal(Code.AUDIT_UNAVAILABLE, f"{self._path} cannot be written") from None
        return entry

    def _lines(self) -> list[bytes]:
        try:
            return self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError:
            raise Refusal(Code.AUDIT_UNAVAILABLE, f"{self._path} cannot be read") from None

    def _entry(self, line: bytes, number: int, previous: str) -> LogEntry:
        try:
            entry = LogEntry(**json.loads(line))
            if entry.previous == previous and canonical(asdict(entry)) == line:
                return entry
        except (ValueError, TypeError, JsonFault, RecursionError):
            pass
        raise Refusal(
            Code.AUDIT_UNAVAILABLE,
            f"{self._path}: line {number} does not continue the chain of the lines before it",
            remedy="Find out who changed the file; restore it from a copy.",
        )
