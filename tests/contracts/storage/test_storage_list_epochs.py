"""One key, one file of tags and one of sealed labels per bank and version of a list, on both databases."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select

from node.codes import Code
from node.errors import Refusal
from node.jobs.screening_calls import ListEpoch
from node.keys import Sealer
from node.lists.epochs import ListEpochs
from node.policy.screening_list import decode_label
from node.policy.uscc import valid_code
from node.storage.database import Database
from node.storage.schema import screening_epochs
from node.storage.screening_lists import StoredList
from protocols.psi.labels import open_label
from protocols.psi.oprf import Mode, OprfKey, evaluate
from protocols.psi.tags import TAG_BYTES, tag
from protocols.randomness import SystemRandomness
from tests.support.screening_lists import NOW, Publisher, code_table, draft, labelled_table

BANK, OTHER = "bank-a", "bank-b"
CODES = 9


@dataclass
class Bureau:
    """A bureau's epochs over one database and folder, with two published lists."""

    database: Database
    folder: Path
    epochs: ListEpochs = field(init=False)

    def __post_init__(self) -> None:
        self.publisher = Publisher(self.database, self.folder, lambda: NOW)
        self.plain = self.publisher.publish(draft("1"), code_table(self.folder, CODES))
        self.labelled = self.publisher.publish(draft("2", "reason"), labelled_table(self.folder, CODES))
        self.restart()

    def restart(self) -> None:
        """Begin again with an empty memory on the same database and files."""
        sealer = Sealer(bytes(range(32)), SystemRandomness())
        self.epochs = ListEpochs(self.database, self.folder, sealer, lambda: NOW, SystemRandomness())

    def epoch(self, stored: StoredList, bank: str = BANK) -> ListEpoch:
        """Return a bank's epoch of a list."""
        return self.epochs.epoch_for(bank, stored, self.publisher.loading(stored))

    def tags(self, epoch: ListEpoch, first: int = 0, segment: int = 0) -> bytes:
        """Return what a download of the tags gives."""
        return b"".join(self.epochs.read_tags(BANK, epoch.epoch_id, segment, first))

    def labels(self, epoch: ListEpoch, segment: int = 0) -> bytes:
        """Return what a download of the sealed labels gives."""
        return b"".join(self.epochs.read_labels(BANK, epoch.epoch_id, segment, 0))

    def outputs(self, epoch: ListEpoch) -> list[bytes]:
        """Return the OPRF outputs of the list's codes under the epoch's key, computed one by one."""
        key = OprfKey(self.epochs.key(BANK, epoch.epoch_id))
        return [evaluate(key, valid_code(number).encode(), Mode.VOPRF) for number in range(CODES)]

    def files(self) -> list[Path]:
        """Return the files of all epochs."""
        return sorted((self.folder / "lists" / "epochs").iterdir())


@pytest.fixture
def bureau(database: Database, tmp_path: Path) -> Bureau:
    return Bureau(database, tmp_path)


def refused(call: Callable[[], object]) -> Code:
    with pytest.raises(Refusal) as caught:
        call()
    return caught.value.code


def test_an_epoch_announces_what_the_download_gives(bureau: Bureau) -> None:
    epoch = bureau.epoch(bureau.plain)
    data = bureau.tags(epoch)
    assert len(data) == epoch.tag_count * TAG_BYTES == 1024 * TAG_BYTES
    assert hashlib.sha256(data).digest() == epoch.segments[0].tags_digest
    tags = [data[at : at + TAG_BYTES] for at in range(0, len(data), TAG_BYTES)]
    assert tags == sorted(set(tags)), "ascending and distinct, padding among them"
    assert {tag(output) for output in bureau.outputs(epoch)} <= set(tags)
    key = OprfKey(bureau.epochs.key(BANK, epoch.epoch_id))
    assert key.public_key().encoded == epoch.public_key
    assert bureau.tags(epoch, 1000) == data[1000 * TAG_BYTES :]
    assert (bureau.tags(epoch, 1024), epoch.segments[0].label_bytes, epoch.segments[0].labels_digest) == (b"", 0, b"")
    for first in (-1, 1025):
        assert refused(lambda first=first: bureau.tags(epoch, first)) is Code.INVALID_INPUT  # type: ignore[misc]
    assert refused(lambda: bureau.labels(epoch)) is Code.NOT_FOUND


def test_sealed_labels_stand_in_the_order_of_the_tags(bureau: Bureau) -> None:
    epoch = bureau.epoch(bureau.labelled)
    (base,) = epoch.segments
    data, sealed, width = bureau.tags(epoch), bureau.labels(epoch), bureau.labelled.label_bytes
    assert len(sealed) == 1024 * base.label_bytes
    assert hashlib.sha256(sealed).digest() == base.labels_digest
    for number, output in enumerate(bureau.outputs(epoch)):
        place = data.index(tag(output)) // TAG_BYTES
        one = sealed[place * base.label_bytes : (place + 1) * base.label_bytes]
        label = open_label(output, one, segment=base.number, width=width)
        assert decode_label(label, ["reason"]) == {"reason": f"原因 {number}"}


def test_keys_stand_sealed_and_codes_nowhere(bureau: Bureau) -> None:
    epoch = bureau.epoch(bureau.labelled)
    secret = bureau.epochs.key(BANK, epoch.epoch_id)
    with bureau.database.read() as connection:
        row = connection.execute(select(screening_epochs)).one()
    assert not any(secret in value for value in row if isinstance(value, bytes))
    whole = b"".join(path.read_bytes() for path in bureau.files())
    assert secret not in whole
    assert valid_code(1).encode() not in whole
    assert all(path.stat().st_mode & 0o077 == 0 for path in bureau.files())


def test_every_bank_and_version_has_a_key_of_its_own_and_keeps_it(bureau: Bureau) -> None:
    pairs = [(stored, bank) for stored in (bureau.plain, bureau.labelled) for bank in (BANK, OTHER)]
    epochs = [bureau.epoch(*pair) for pair in pairs]
    assert len({each.public_key for each in epochs}) == len({each.epoch_id for each in epochs}) == 4
    bureau.restart()
    assert [bureau.epoch(*pair) for pair in pairs] == epochs
    assert bureau.epochs.info(OTHER, epochs[1].epoch_id) == epochs[1]


def test_an_epoch_serves_its_own_bank_alone(bureau: Bureau) -> None:
    epoch_id = bureau.epoch(bureau.labelled).epoch_id
    foreign = (
        lambda: bureau.epochs.info(OTHER, epoch_id),
        lambda: bureau.epochs.key(OTHER, epoch_id),
        lambda: bureau.epochs.read_tags(OTHER, epoch_id, 0, 0),
        lambda: bureau.epochs.read_labels(OTHER, epoch_id, 0, 0),
    )
    assert [refused(call) for call in foreign] == [Code.NOT_FOUND] * 4


@pytest.mark.parametrize("suffix", [".tags", ".labels"])
@pytest.mark.parametrize("damage", ["missing", "shorter", "changed"])
def test_a_damaged_epoch_is_replaced_whole(bureau: Bureau, suffix: str, damage: str) -> None:
    old = bureau.epoch(bureau.labelled)
    path = next(path for path in bureau.files() if path.suffix == suffix)
    data = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(data[:-1] if damage == "shorter" else data[:-1] + bytes([data[-1] ^ 1]))
    bureau.restart()
    new = bureau.epoch(bureau.labelled)
    assert (new.epoch_id != old.epoch_id, new.public_key != old.public_key) == (True, True)
    assert hashlib.sha256(bureau.tags(new)).digest() == new.segments[0].tags_digest
    assert {path.stem for path in bureau.files()} == {f"{new.epoch_id.hex()}-000"}
    assert refused(lambda: bureau.tags(old)) is Code.NOT_FOUND
    assert refused(lambda: bureau.epochs.key(BANK, old.epoch_id)) is Code.NOT_FOUND


def test_many_calls_at_once_build_one_epoch(bureau: Bureau) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: bureau.epoch(bureau.plain), range(8)))
    assert len(set(found)) == 1
    assert [path.stem for path in bureau.files()] == [f"{found[0].epoch_id.hex()}-000"]


def test_files_that_no_epoch_names_are_removed(bureau: Bureau) -> None:
    epoch = bureau.epoch(bureau.labelled)
    for name in ("aa.tags", "aa.labels"):
        (bureau.folder / "lists" / "epochs" / name).write_bytes(b"x")
    assert bureau.epochs.remove_orphans() == 2
    assert {path.stem for path in bureau.files()} == {f"{epoch.epoch_id.hex()}-000"}
    assert bureau.epoch(bureau.labelled) == epoch
    assert bureau.epochs.remove_orphans() == 0
