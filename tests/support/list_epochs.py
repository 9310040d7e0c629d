"""A bureau's epochs over one database and folder, versions of one list in them, and what a bank makes of a download."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from node.alignment.list_tags import ListTags
from node.jobs.screening_calls import ListEpoch
from node.keys import Sealer
from node.lists.epochs import ListEpochs
from node.lists.listfile import ListContent
from node.policy.screening_list import decode_label
from node.policy.uscc import valid_code
from node.storage.database import Database
from node.storage.screening_lists import StoredList
from protocols.psi.labels import open_label, sealed_bytes
from protocols.psi.oprf import Mode, OprfKey, evaluate
from protocols.psi.tags import tag
from protocols.randomness import SystemRandomness
from tests.support.screening_lists import NAME, NOW, Publisher, draft, table

BANK = "bank-a"
BUREAU = "tax-bureau"
OVERLAP_MS = 1_000_000
Content = Mapping[int, str]
"""Number of a code -> its label; all labels are empty in a list without any."""


@dataclass
class EpochTrial:
    """One bureau with one list, and one bank that keeps its downloads. ``key_stays`` is the agreement's word."""

    database: Database
    folder: Path
    key_stays: bool = True
    labelled: bool = True
    now: int = NOW
    downloaded: list[tuple[str, int, int]] = field(default_factory=list)
    """(what, number of the segment, bytes) of every frame."""

    def __post_init__(self) -> None:
        self.publisher = Publisher(self.database, self.folder / "bureau", self.clock)
        (self.folder / "bureau").mkdir()
        sealer, randomness = Sealer(bytes(range(32)), SystemRandomness()), SystemRandomness()
        self.epochs = ListEpochs(
            self.database, self.folder / "bureau", sealer, self.clock, randomness, overlap_ms=OVERLAP_MS
        )
        self.bank = ListTags(self.folder / "bank")

    def clock(self) -> int:
        """Return the time; each look is a millisecond later."""
        self.now += 1
        return self.now

    def publish(self, version: str, content: Content) -> StoredList:
        """Publish a version of the list."""
        rows = [(valid_code(number), label) for number, label in content.items()]
        source = table(self.folder, rows, "uscc,reason")
        return self.publisher.publish(draft(version, *(("reason",) if self.labelled else ())), source)

    def earlier(self, version: str) -> ListContent:
        """Return an earlier version's content."""
        return self.publisher.lists.content(self.publisher.store.get(NAME, version))

    def epoch(self, stored: StoredList) -> ListEpoch:
        """Return the bank's epoch for a version."""
        earlier = self.earlier if self.key_stays else None
        return self.epochs.epoch_for(BANK, stored, self.publisher.loading(stored), earlier)

    def download(self, epoch: ListEpoch, what: str, segment: int, first: int) -> Iterator[bytes]:
        """Give what a bank downloads, and count it."""
        read = {"tags": self.epochs.read_tags, "labels": self.epochs.read_labels}[what]
        for frame in read(BANK, epoch.epoch_id, segment, first):
            self.downloaded.append((what, segment, len(frame)))
            yield frame

    def answers(self, epoch: ListEpoch, numbers: range) -> dict[int, str]:
        """Return the codes of ``numbers`` that are held, with their labels, as a bank finds them out."""
        key = OprfKey(self.epochs.key(BANK, epoch.epoch_id))
        outputs = [evaluate(key, valid_code(number).encode(), Mode.VOPRF) for number in numbers]
        tags = self.bank.tags(BUREAU, NAME, epoch, lambda *at: self.download(epoch, "tags", *at))
        sealed = self.bank.labels(BUREAU, NAME, epoch, lambda *at: self.download(epoch, "labels", *at))
        found = tags.find(np.array([tag(output) for output in outputs], dtype="S12"))
        answers = {}
        for place in np.flatnonzero(found.held).tolist():
            segment = epoch.segments[found.segment[place]]
            answers[numbers[place]] = ""
            if self.labelled:
                one = sealed[found.segment[place]][found.index[place]].tobytes()
                width = segment.label_bytes - sealed_bytes(1) + 1
                label = open_label(outputs[place], one, segment=segment.number, width=width)
                answers[numbers[place]] = decode_label(label, ["reason"])["reason"]
        return answers

    def bank_files(self) -> list[str]:
        """Return the names of the bank's files."""
        return sorted(path.name for path in (self.folder / "bank" / "lists" / BUREAU / NAME).iterdir())
