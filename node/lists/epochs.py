"""A bank's epochs of a list: one VOPRF key each, and segments of tags and sealed labels that grow with its versions.

Where the agreement lets the key stay, a new version adds a delta to the epoch. Otherwise, and when deltas have grown
too many, it gets a fresh key and a new base; the old epoch is retired: it goes on serving the screenings that were
opened under it, for a time. When a file is lost or damaged its epoch goes at once, and the next call makes a fresh one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from node.alignment.epoch import Sealer
from node.alignment.tag_files import TagFileError
from node.alignment.turns import Turns
from node.clock import Clock
from node.codes import Code
from node.errors import Refusal
from node.jobs.screening_calls import EPOCH_ID_BYTES, ListEpoch
from node.lists.deltas import RESERVE, Evaluate, base, delta
from node.lists.evaluating import SLICE_CODES, evaluate_slice, sealed_length
from node.lists.listfile import ListContent
from node.lists.segment_files import SegmentFiles
from node.storage.database import Database
from node.storage.list_epochs import ListEpochTable, StoredEpoch, StoredSegment
from node.storage.screening_lists import StoredList
from protocols.psi.oprf import SEED_BYTES, Mode, derive_key_pair
from protocols.psi.segments import SegmentedTags
from protocols.psi.tags import TAG_BYTES
from protocols.randomness import Randomness
from protocols.transcript import bind

SETTLING_MS = 60_000
"""A retired epoch serves at least so long: an opening that found it just before may not be written down yet."""
SliceJob = tuple[bytes, bytes, bytes, int, int]
SliceFunction = Callable[[bytes, bytes, bytes, int, int], tuple[bytes, bytes]]
Runner = Callable[[SliceFunction, Sequence[SliceJob]], Iterable[tuple[bytes, bytes]]]
"""Runs a top-level function once per job, in this process or in workers, and gives the results in their order."""
Earlier = Callable[[str], ListContent | None]
"""Version of a list -> its content, or nothing where it cannot be the start of a delta."""


def run_here(function: SliceFunction, jobs: Sequence[SliceJob]) -> Iterator[tuple[bytes, bytes]]:
    """Run every job in this thread, one after the other."""
    return (function(*job) for job in jobs)


class ListEpochs:
    """The epochs of all banks and lists. Shared by all threads of the node."""

    def __init__(
        self,
        database: Database,
        data_dir: Path,
        sealer: Sealer,
        clock: Clock,
        randomness: Randomness,
        *,
        runner: Runner = run_here,
        wait_seconds: float = 900.0,
        overlap_ms: int = 7 * 24 * 3600 * 1000,
    ) -> None:
        """``overlap_ms``: for how long a retired epoch serves the screenings that were opened under it."""
        self._overlap_ms = overlap_ms
        self._table = ListEpochTable(database)
        self._files = SegmentFiles(data_dir)
        self._sealer = sealer
        self._clock = clock
        self._randomness = randomness
        self._runner = runner
        self._building = Turns(wait_seconds, "the list is still being prepared for this bank")

    def epoch_for(
        self, bank: str, stored: StoredList, load: Callable[[], ListContent], earlier: Earlier | None = None
    ) -> ListEpoch:
        """Return the bank's epoch up to a version of a list; builds what is missing (about 60 µs a code and core).

        ``earlier`` is given where the bank's agreement lets a key stay across versions: then a version that follows
        the epoch's last one adds a delta, if it can. Without it every version has a key of its own.

        Raises:
            Refusal: ``DEADLINE_EXCEEDED`` when another call's build of it does not end in time.
        """
        with self._building.turn(f"{bank}/{stored.name}"):
            known = [one for one in self._table.of_list(bank, stored.name) if self._kept(one)]
            for epoch in known:
                if epoch.up_to(stored.version):
                    return _view(epoch, stored.version)
            current = next((one for one in known if one.retired_at is None), None)
            late = current is not None and stored.published_at < self._table.published_at(stored.name, current.version)
            if (
                earlier is not None
                and current is not None
                and not late
                and self._extend(current, stored, load, earlier)
            ):
                return self.info(bank, current.epoch_id, stored.version)
            return self._build(bank, stored, load(), known, earlier is not None, retired=late)

    def info(self, bank: str, epoch_id: bytes, version: str = "") -> ListEpoch:
        """Return a bank's epoch up to a version of its list, or whole; raises ``NOT_FOUND``."""
        epoch = self._required(bank, epoch_id)
        return _view(epoch, version or epoch.version)

    def key(self, bank: str, epoch_id: bytes) -> bytes:
        """Return the SECRET key of a bank's epoch; raises ``NOT_FOUND``."""
        return self._secret(self._required(bank, epoch_id))

    def read_tags(self, bank: str, epoch_id: bytes, segment: int, first: int) -> Iterator[bytes]:
        """Give the tags of an epoch's segment from index ``first``, in frames of whole ones.

        Raises:
            Refusal: ``NOT_FOUND`` for an epoch that is gone; ``INVALID_INPUT`` for no segment or an index past its end.
        """
        stored = self._segment(bank, epoch_id, segment, first)
        return _current(self._files.tag_frames(stored, first))

    def read_labels(self, bank: str, epoch_id: bytes, segment: int, first: int) -> Iterator[bytes]:
        """Give a segment's sealed labels in the order of its tags; raises as :meth:`read_tags` and for none."""
        stored = self._segment(bank, epoch_id, segment, first)
        if not stored.segment.label_bytes:
            raise Refusal(Code.NOT_FOUND, "the segment has no labels")
        return _current(self._files.label_frames(stored, first))

    def remove_retired(self) -> int:
        """Delete keys and files of retired epochs that serve nobody, or for longer than the overlap; returns how many.

        A screening that is still open under one that goes can neither go on nor be closed with a record.
        """
        now = self._clock()
        over = self._table.over(settled_before=now - SETTLING_MS, retired_before=now - self._overlap_ms)
        for epoch in over:
            self._remove(epoch)
        return len(over)

    def remove_orphans(self) -> int:
        """Delete files that no epoch names, left by a stop in mid-build; call it once at start. Returns how many."""
        return self._files.remove_others(self._table.paths())

    def _required(self, bank: str, epoch_id: bytes) -> StoredEpoch:
        found = self._table.get(bank, epoch_id)
        if found is None:
            raise _gone()
        return found

    def _segment(self, bank: str, epoch_id: bytes, number: int, first: int) -> StoredSegment:
        segments = self._required(bank, epoch_id).segments
        if not 0 <= number < len(segments) or not 0 <= first <= segments[number].segment.count:
            raise Refusal(Code.INVALID_INPUT, "the segment or the first item asked for is past the end")
        return segments[number]

    def _kept(self, epoch: StoredEpoch) -> bool:
        """Tell whether an epoch's files are sound; where they are not it is removed whole."""
        if all(map(self._files.sound, epoch.segments)):
            return True
        self._remove(epoch)
        return False

    def _remove(self, epoch: StoredEpoch) -> None:
        self._table.remove(epoch.epoch_id)
        self._files.remove(epoch)

    def _secret(self, epoch: StoredEpoch) -> bytes:
        return self._sealer.open(epoch.sealed_key, _label(epoch.bank, epoch.epoch_id))

    def _build(
        self,
        bank: str,
        stored: StoredList,
        content: ListContent,
        known: Sequence[StoredEpoch],
        key_stays: bool,
        *,
        retired: bool,
    ) -> ListEpoch:
        """Make a fresh key and a base under it. Unless it is ``retired`` from the start, the ``known`` ones are."""
        epoch_id, now = self._randomness.bytes(EPOCH_ID_BYTES), self._clock()
        info = bind("screening/key", bank.encode(), stored.name.encode(), stored.version.encode(), epoch_id)
        key = derive_key_pair(self._randomness.bytes(SEED_BYTES), info, Mode.VOPRF)
        secret = key.export_secret()
        evaluate = self._evaluation(secret)
        piece = base(content, RESERVE if key_stays else 0, secret, evaluate, self._randomness)
        # The files first: a row without its files would be found damaged, a file without its row is only an orphan.
        epoch = StoredEpoch(
            epoch_id,
            bank,
            stored.name,
            self._sealer.seal(secret, _label(bank, epoch_id)),
            key.public_key().encoded,
            now,
            now if retired else None,
            (self._files.write(epoch_id, 0, stored.version, piece),),
        )
        self._table.add(epoch, () if retired else [one.epoch_id for one in known])
        return _view(epoch, stored.version)

    def _extend(
        self, epoch: StoredEpoch, stored: StoredList, load: Callable[[], ListContent], earlier: Earlier
    ) -> bool:
        """Add a version as a delta; tells whether it could be one."""
        old = earlier(epoch.version)
        if old is None:
            return False
        segments = _view(epoch, epoch.version).segments
        each = [self._files.tags(one) for one in epoch.segments]
        published = segments, SegmentedTags([one.kind for one in segments], each), each
        secret, new = self._secret(epoch), load()
        pieces = delta(old, new, published, secret, self._evaluation(secret), self._randomness)
        if pieces is None:
            return False
        numbers = range(len(segments), len(segments) + len(pieces))
        added = [
            self._files.write(epoch.epoch_id, number, stored.version, piece)
            for number, piece in zip(numbers, pieces, strict=True)
        ]
        self._table.extend(epoch.epoch_id, added)
        return True

    def _evaluation(self, secret: bytes) -> Evaluate:
        def evaluate(
            codes: NDArray[np.bytes_], labels: NDArray[np.uint8], segment: int
        ) -> tuple[NDArray[np.bytes_], NDArray[np.uint8]]:
            width = int(labels.shape[1])
            parts = list(self._runner(evaluate_slice, _jobs(secret, codes, labels, segment)))
            tags = np.frombuffer(b"".join(part for part, _ in parts), dtype=f"S{TAG_BYTES}")
            sealed = np.frombuffer(b"".join(part for _, part in parts), dtype=np.uint8)
            return tags, sealed.reshape(len(codes), sealed_length(width))

        return evaluate


def _jobs(secret: bytes, codes: NDArray[np.bytes_], labels: NDArray[np.uint8], segment: int) -> list[SliceJob]:
    return [
        (
            secret,
            codes[start : start + SLICE_CODES].tobytes(),
            labels[start : start + SLICE_CODES].tobytes(),
            int(labels.shape[1]),
            segment,
        )
        for start in range(0, len(codes), SLICE_CODES)
    ]


def _view(epoch: StoredEpoch, version: str) -> ListEpoch:
    return ListEpoch(epoch.epoch_id, epoch.public_key, epoch.up_to(version))


def _current(frames: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from frames
    except TagFileError:  # removed between the look at the table and the first frame, or lost
        raise _gone() from None


def _gone() -> Refusal:
    return Refusal(
        Code.NOT_FOUND,
        "the epoch is none of this bank and list any more",
        remedy="Open the screening anew.",
    )


def _label(bank: str, epoch_id: bytes) -> str:
    return f"screening-key/{bank}/{epoch_id.hex()}"
