"""A bureau's lists: published from a table, signed, shown, withdrawn. A published version never changes."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime

from node.clock import Clock
from node.codes import Code
from node.data.importer import ImportProgress
from node.data.sources import Source
from node.errors import Refusal
from node.lists.importing import read_list
from node.lists.importing_loans import read_loans
from node.lists.listfile import ListContent, open_list, write_list
from node.logs import get_logger
from node.policy.documents import SignedDocument
from node.policy.loan_classes import LOAN_LIST_KIND
from node.policy.screening_list import SALT_BYTES, ScreeningList
from node.storage.features import disk_errors
from node.storage.screening_lists import FOLDER, ListState, ScreeningLists, StoredList
from protocols.primitives.signing import SigningKey
from protocols.psi.tags import padded_count
from protocols.randomness import Randomness

_log = get_logger("lists")
_FILE_NAME_BYTES = 16
_ABSENT = "0" * 64


@dataclass(frozen=True)
class ListDraft:
    """What an operator says of a list before its codes are read.

    ``code_column`` is empty for the usual names, of codes or, for kind ``loan-classes``, of loan ids; ``class_column``
    is for that kind alone; ``label_columns`` name the labels, in order.
    """

    name: str
    version: str
    kind: str
    reason: str = ""
    code_column: str = ""
    class_column: str = ""
    label_columns: tuple[str, ...] = ()


class BureauLists:
    """Publishes lists under the bureau's signature."""

    def __init__(
        self, store: ScreeningLists, bureau: str, key: SigningKey, clock: Clock, randomness: Randomness
    ) -> None:
        self._store = store
        self._bureau = bureau
        self._key = key
        self._clock = clock
        self._randomness = randomness

    def publish(self, draft: ListDraft, source: Source) -> Generator[ImportProgress, None, StoredList]:
        """Read a table and publish it as one version of a list: all good rows at once, or nothing.

        A generator: it yields progress with rejects after every batch and returns the list. Closing it publishes
        nothing.

        Raises:
            Refusal: ``INVALID_INPUT`` for the draft, the source or its columns; ``IDEMPOTENCY_CONFLICT`` for a
                version that stands already; ``STORAGE_UNAVAILABLE``.
        """
        _check_columns(draft)
        self._document(draft, padded_count(1), _ABSENT)  # what is wrong with the draft is said before the table is read
        self._store.require_free(draft.name, draft.version)
        content = yield from _read(draft, source)
        return self._keep(draft, content)

    def content(self, stored: StoredList) -> ListContent:
        """Return a list's codes and labels, memory-mapped."""
        return open_list(self._store.path(stored), stored.codes, stored.label_bytes)

    def withdraw(self, name: str, version: str, reason: str) -> StoredList:
        """Take a version back: it can no longer be screened against, and open screenings of it are refused."""
        found = self._store.withdraw(name, version, reason, self._clock())
        _log.info("list withdrawn", list=name, version=version)
        return found

    def _keep(self, draft: ListDraft, content: ListContent) -> StoredList:
        salt = self._randomness.bytes(SALT_BYTES)
        padded = padded_count(len(content.codes))
        now = self._clock()
        document = self._document(draft, padded, content.digest(salt, draft.label_columns).hex(), now)
        path = self._store.folder / f"{self._randomness.bytes(_FILE_NAME_BYTES).hex()}.list"
        stored = StoredList(
            name=draft.name,
            version=draft.version,
            kind=draft.kind,
            document=document.encode(),
            digest=document.digest,
            salt=salt,
            codes=len(content.codes),
            padded_count=padded,
            label_bytes=content.label_bytes,
            path=f"{FOLDER}/{path.name}",
            state=ListState.PUBLISHED,
            published_at=now,
            changed_at=now,
        )
        try:
            with disk_errors():
                write_list(path, content)
            self._store.add(stored)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        _log.info("list published", list=draft.name, version=draft.version, padded_count=padded)
        return stored

    def _document(self, draft: ListDraft, padded: int, digest: str, now: int = 0) -> SignedDocument:
        body = {
            "bureau": self._bureau,
            "name": draft.name,
            "version": draft.version,
            "kind": draft.kind,
            "reason": draft.reason,
            "labels": list(draft.label_columns),
            "padded_count": padded,
            "digest": digest,
            "issued_at": datetime.fromtimestamp(now // 1000, UTC).isoformat(),
        }
        return ScreeningList.from_body(body).sign(self._key)


def _read(draft: ListDraft, source: Source) -> Generator[ImportProgress, None, ListContent]:
    if draft.kind == LOAN_LIST_KIND:
        return read_loans(source, draft.code_column, draft.class_column)
    return read_list(source, draft.code_column, draft.label_columns)


def _check_columns(draft: ListDraft) -> None:
    if draft.kind == LOAN_LIST_KIND and draft.label_columns:
        raise Refusal(Code.INVALID_INPUT, "a list of loan classes has no labels")
    if draft.kind != LOAN_LIST_KIND and draft.class_column:
        raise Refusal(Code.INVALID_INPUT, f"only a list of kind {LOAN_LIST_KIND} has a column of classes")
