"""The bureau's side: one OPRF key and one tag file per bank and state of the standing set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select

from node.alignment.epoch import (
    EPOCH_ID_BYTES,
    EpochInfo,
    Runner,
    Sealer,
    StandingCodes,
    run_here,
)
from node.alignment.quota import charge
from node.alignment.tag_files import TagFileError, check_file, check_size, frames
from node.alignment.turns import Turns
from node.clock import Clock
from node.codes import Code, Side
from node.errors import Refusal
from node.storage.database import Database
from node.storage.durable import write_whole
from node.storage.schema import alignment_epochs
from protocols.errors import ParameterError, PeerProtocolError
from protocols.psi.messages import BlindedBatch
from protocols.psi.oprf import SEED_BYTES, OprfKey, derive_key_pair
from protocols.psi.server import OprfServer
from protocols.psi.tags import TAG_BYTES, evaluate_tags, padded_count, publish
from protocols.randomness import Randomness
from protocols.transcript import bind, digest

SLICE_CODES = 4096  # about a quarter of a second of work for one worker
_FOLDER = Path("alignment") / "standing"


_OF_BANK = select(alignment_epochs).where(alignment_epochs.c.bank == bindparam("of_bank"))


class StandingSet:
    """The enterprises that a bureau answers for, as each bank may see them. Shared by all threads of the node.

    An epoch lasts as long as the standing set stays the same. When it changes, or the tag file is lost or damaged,
    the next :meth:`epoch_for` makes a fresh key, and the old one is deleted with its file.
    """

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
    ) -> None:
        self._database = database
        self._data_dir = data_dir
        self._sealer = sealer
        self._clock = clock
        self._randomness = randomness
        self._runner = runner
        self._building = Turns(wait_seconds, "the standing set is still being prepared for this bank")
        self._digest: tuple[str, bytes] | None = None  # of the version seen last
        self._checked: set[bytes] = set()  # epochs whose file's digest was checked in this process
        self._keys: dict[str, tuple[bytes, OprfKey]] = {}

    def epoch_for(self, bank: str, codes: StandingCodes) -> EpochInfo:
        """Return the bank's epoch for the present standing set; builds it if need be (about 60 µs a code and core).

        Raises:
            Refusal: ``DEADLINE_EXCEEDED`` when another call's build for this bank does not end in time,
                ``BOUND_EXCEEDED`` for a standing set of more than 2^27 codes.
        """
        with self._building.turn(bank):
            row = self._row(bank)
            if row is not None and self._digest == (codes.version, row.standing_digest) and self._sound(row):
                return _info(row)
            inputs, standing = self._load(codes)
            if row is not None and row.standing_digest == standing and self._sound(row):
                return _info(row)
            return self._build(bank, inputs, standing)

    def read_tags(self, bank: str, epoch_id: bytes, first: int) -> Iterator[bytes]:
        """Give the tags of the bank's epoch from index ``first``, in frames of whole tags.

        Raises:
            Refusal: ``NOT_FOUND`` for an epoch that is not the bank's current one, ``INVALID_INPUT`` for an index
                past the end. Both at the call, before the first frame; ``NOT_FOUND`` also at the first frame
                when the file was lost.
        """
        with self._database.read() as conn:
            row = _required(conn, bank, epoch_id)
        if not 0 <= first <= row.tag_count:
            raise Refusal(Code.INVALID_INPUT, "the first tag asked for is past the end of the epoch's tags")
        return _current_frames(self._data_dir / row.path, first)

    def evaluate(self, bank: str, epoch_id: bytes, blinded: bytes, daily_limit: int) -> bytes:
        """Evaluate an encoded blinded batch and return the encoded answer; its size is charged to the day FIRST.

        Raises:
            Refusal: ``MALFORMED`` (nothing is charged), ``NOT_FOUND`` for an epoch that is not the bank's current one,
                ``QUOTA_EXCEEDED`` when the day's queries would pass ``daily_limit``.
        """
        try:
            batch = BlindedBatch.decode(blinded)
        except PeerProtocolError as fault:
            raise Refusal(Code.MALFORMED, str(fault)) from None
        with self._database.write() as conn:
            row = _required(conn, bank, epoch_id)
            charge(conn, bank, self._clock(), len(batch.elements), daily_limit)
        (answer,) = OprfServer(self._key(row)).receive(batch)
        return answer.encode()

    def remove_orphans(self) -> int:
        """Delete files that no epoch names, left by a stop in mid-build; call it once at start. Returns how many."""
        with self._database.read() as conn:
            named = {self._data_dir / path for path in conn.scalars(select(alignment_epochs.c.path))}
        folder = self._data_dir / _FOLDER
        orphans = [path for path in folder.glob("*") if path not in named] if folder.is_dir() else []
        for path in orphans:
            path.unlink()
        return len(orphans)

    def _row(self, bank: str) -> Row[Any] | None:
        with self._database.read() as conn:
            return conn.execute(_OF_BANK, {"of_bank": bank}).one_or_none()

    def _load(self, codes: StandingCodes) -> tuple[list[bytes], bytes]:
        """Return the distinct codes, sorted, and the digest that names this state; it never leaves the bureau."""
        inputs = sorted({code.encode("ascii") for code in codes.load()})
        standing = digest("alignment/standing-set", b"\n".join(inputs))
        self._digest = (codes.version, standing)
        return inputs, standing

    def _sound(self, row: Row[Any]) -> bool:
        """Tell whether the epoch's file is there; its digest is computed once per process, its size every time."""
        path = self._data_dir / row.path
        try:
            if row.epoch_id in self._checked:
                check_size(path, row.tag_count)
            else:
                check_file(path, row.tag_count, row.tags_digest)
        except TagFileError:
            return False
        self._checked.add(row.epoch_id)
        return True

    def _build(self, bank: str, inputs: Sequence[bytes], standing: bytes) -> EpochInfo:
        try:
            padded_count(len(inputs))
        except ParameterError as fault:
            raise Refusal(Code.BOUND_EXCEEDED, str(fault), side=Side.BUREAU) from None
        epoch_id = self._randomness.bytes(EPOCH_ID_BYTES)
        seed = self._randomness.bytes(SEED_BYTES)
        key = derive_key_pair(seed, bind("alignment/key", bank.encode("utf-8"), epoch_id))
        tags = publish(self._evaluate_all(key, inputs), len(inputs), self._randomness)
        info = EpochInfo(epoch_id, len(tags) // TAG_BYTES, hashlib.sha256(tags).digest())
        path = _FOLDER / f"{epoch_id.hex()}.tags"
        (self._data_dir / _FOLDER).mkdir(parents=True, exist_ok=True)
        # The file first: a row without its file would be found damaged, a file without its row is only an orphan.
        write_whole(self._data_dir / path, tags)
        self._replace(bank, self._values(bank, info, standing, key, path))
        self._checked.add(epoch_id)
        return info

    def _values(self, bank: str, info: EpochInfo, standing: bytes, key: OprfKey, path: Path) -> dict[str, Any]:
        return {
            "epoch_id": info.epoch_id,
            "bank": bank,
            "standing_digest": standing,
            "sealed_key": self._sealer.seal(key.export_secret(), _label(bank, info.epoch_id)),
            "tag_count": info.tag_count,
            "tags_digest": info.tags_digest,
            "path": str(path),
            "created_at": self._clock(),
        }

    def _evaluate_all(self, key: OprfKey, inputs: Sequence[bytes]) -> Iterator[bytes]:
        secret = key.export_secret()
        starts = range(0, len(inputs), SLICE_CODES)
        jobs = [(secret, inputs[start : start + SLICE_CODES]) for start in starts]
        return iter(self._runner(evaluate_tags, jobs))

    def _replace(self, bank: str, values: dict[str, Any]) -> None:
        """Put the new epoch in place of the bank's old ones in one transaction, then delete their files and keys."""
        mine = alignment_epochs.c.bank == bank
        with self._database.write() as conn:
            old = conn.execute(select(alignment_epochs.c.epoch_id, alignment_epochs.c.path).where(mine)).all()
            conn.execute(delete(alignment_epochs).where(mine))
            conn.execute(insert(alignment_epochs), values)
        self._keys.pop(bank, None)
        for epoch_id, path in old:
            self._checked.discard(epoch_id)
            (self._data_dir / path).unlink(missing_ok=True)

    def _key(self, row: Row[Any]) -> OprfKey:
        """Return the epoch's key; one opened key is kept per bank, so that a retired one does not stay in memory."""
        epoch_id, key = self._keys.get(row.bank, (b"", None))
        if key is None or epoch_id != row.epoch_id:
            key = OprfKey(self._sealer.open(row.sealed_key, _label(row.bank, row.epoch_id)))
            self._keys[row.bank] = (row.epoch_id, key)
        return key


def _required(conn: Connection, bank: str, epoch_id: bytes) -> Row[Any]:
    mine = (alignment_epochs.c.bank == bank) & (alignment_epochs.c.epoch_id == epoch_id)
    row = conn.execute(select(alignment_epochs).where(mine)).one_or_none()
    if row is None:
        raise _retired()
    return row


def _current_frames(path: Path, first: int) -> Iterator[bytes]:
    try:
        yield from frames(path, first)
    except TagFileError:  # replaced between the look at the table and the first frame, or lost
        raise _retired() from None


def _retired() -> Refusal:
    return Refusal(
        Code.NOT_FOUND,
        "the alignment epoch is not the current one of this bank",
        remedy="Ask for the epoch again and align anew.",
    )


def _info(row: Row[Any]) -> EpochInfo:
    return EpochInfo(row.epoch_id, row.tag_count, row.tags_digest)


def _label(bank: str, epoch_id: bytes) -> str:
    return f"alignment-key/{bank}/{epoch_id.hex()}"
