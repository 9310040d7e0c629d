from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from sqlalchemy import select

from node.alignment.epoch import StandingCodes, TagJob
from node.alignment.quota import day_of
from node.alignment.standing import StandingSet
from node.codes import Code
from node.errors import Refusal
from node.keys import Sealer
from node.storage.schema import alignment_epochs, alignment_usage
from protocols.primitives.ristretto import Point, Scalar
from protocols.psi.oprf import OprfKey, finalize, hash_to_group
from protocols.psi.tags import TAG_BYTES, TagSet, evaluate_tags, tag
from protocols.randomness import SystemRandomness
from tests.support.alignment import BANK, DAY, NOON, Bureau, codes, standing_codes

POINTS = b"".join(hash_to_group(bytes([index])).encoded for index in range(5))
LIMIT = 10**6


def _files(bureau: Bureau) -> set[Path]:
    return set((bureau.folder / "alignment" / "standing").iterdir())


def _tags(bureau: Bureau, epoch_id: bytes, first: int = 0) -> bytes:
    return b"".join(bureau.standing.read_tags(BANK, epoch_id, first))


def _used(bureau: Bureau) -> dict[tuple[str, str], int]:
    with bureau.database.read() as conn:
        return {(row.bank, row.day): row.evaluations for row in conn.execute(select(alignment_usage))}


def test_an_epoch_announces_what_the_download_gives(bureau: Bureau) -> None:
    held = codes(40)
    epoch = bureau.standing.epoch_for(BANK, standing_codes(held + held[:3]))
    data = _tags(bureau, epoch.epoch_id)
    assert len(data) == epoch.tag_count * TAG_BYTES == 1024 * TAG_BYTES
    assert hashlib.sha256(data).digest() == epoch.tags_digest
    with bureau.database.read() as conn:
        row = conn.execute(select(alignment_epochs)).one()
    label = f"alignment-key/{BANK}/{epoch.epoch_id.hex()}"
    secret = Sealer(bytes(range(32)), SystemRandomness()).open(row.sealed_key, label)
    assert secret not in row.sealed_key
    tags = evaluate_tags(secret, [code.encode() for code in held])
    cut = [tags[at : at + TAG_BYTES] for at in range(0, len(tags), TAG_BYTES)]
    assert all(TagSet.from_bytes(data).contains(cut))


def test_a_download_goes_on_from_any_tag_and_stops_at_the_end(bureau: Bureau) -> None:
    epoch = bureau.standing.epoch_for(BANK, standing_codes(codes(3)))
    data = _tags(bureau, epoch.epoch_id)
    assert _tags(bureau, epoch.epoch_id, 1000) == data[1000 * TAG_BYTES :]
    assert _tags(bureau, epoch.epoch_id, 1024) == b""
    for first in (1025, -1):
        with pytest.raises(Refusal) as caught:
            bureau.standing.read_tags(BANK, epoch.epoch_id, first)
        assert caught.value.code is Code.INVALID_INPUT


def test_the_same_set_keeps_its_epoch_over_calls_and_restarts(bureau: Bureau) -> None:
    held = codes(5)
    epoch = bureau.standing.epoch_for(BANK, standing_codes(held))
    assert bureau.standing.epoch_for(BANK, standing_codes(held)) == epoch
    assert bureau.standing.epoch_for(BANK, StandingCodes("another name", lambda: reversed(held))) == epoch
    bureau.restart()
    assert bureau.standing.epoch_for(BANK, standing_codes(held)) == epoch
    bureau.standing.evaluate(BANK, epoch.epoch_id, POINTS, LIMIT)


def test_the_codes_are_not_read_again_while_their_version_stays(bureau: Bureau) -> None:
    loads: list[int] = []

    def load() -> list[str]:
        loads.append(1)
        return codes(5)

    provider = StandingCodes("one", load)
    for _ in range(3):
        bureau.standing.epoch_for(BANK, provider)
    assert len(loads) == 1


def test_a_changed_set_gets_a_fresh_key_and_the_old_epoch_is_gone(bureau: Bureau) -> None:
    old = bureau.standing.epoch_for(BANK, standing_codes(codes(5)))
    answer = bureau.standing.evaluate(BANK, old.epoch_id, POINTS, LIMIT)
    (old_file,) = _files(bureau)
    new = bureau.standing.epoch_for(BANK, standing_codes(codes(6)))
    assert new.epoch_id != old.epoch_id
    assert bureau.standing.evaluate(BANK, new.epoch_id, POINTS, LIMIT) != answer
    assert not old_file.exists()
    assert len(_files(bureau)) == 1
    with bureau.database.read() as conn:
        assert [row.epoch_id for row in conn.execute(select(alignment_epochs))] == [new.epoch_id]
    for call in (
        lambda: bureau.standing.evaluate(BANK, old.epoch_id, POINTS, LIMIT),
        lambda: bureau.standing.read_tags(BANK, old.epoch_id, 0),
    ):
        with pytest.raises(Refusal) as caught:
            call()
        assert caught.value.code is Code.NOT_FOUND
    # And the state before, when it comes back, is a new epoch too: the old key is not there any more.
    assert bureau.standing.epoch_for(BANK, standing_codes(codes(5))).epoch_id != old.epoch_id


def test_two_banks_have_two_keys_and_neither_sees_the_others_epoch(bureau: Bureau) -> None:
    provider = standing_codes(codes(5))
    mine, theirs = bureau.standing.epoch_for(BANK, provider), bureau.standing.epoch_for("bank-b", provider)
    own = bureau.standing.evaluate(BANK, mine.epoch_id, POINTS, LIMIT)
    assert own != bureau.standing.evaluate("bank-b", theirs.epoch_id, POINTS, LIMIT)
    assert mine.tags_digest != theirs.tags_digest
    for call in (
        lambda: bureau.standing.evaluate(BANK, theirs.epoch_id, POINTS, LIMIT),
        lambda: bureau.standing.read_tags(BANK, theirs.epoch_id, 0),
    ):
        with pytest.raises(Refusal) as caught:
            call()
        assert caught.value.code is Code.NOT_FOUND


@pytest.mark.parametrize("harm", ["lost", "shortened", "changed"])
def test_a_lost_or_damaged_file_is_built_again_under_a_fresh_epoch(bureau: Bureau, harm: str) -> None:
    provider = standing_codes(codes(5))
    epoch = bureau.standing.epoch_for(BANK, provider)
    (path,) = _files(bureau)
    data = path.read_bytes()
    if harm == "lost":
        path.unlink()
    else:
        path.write_bytes(data[:-TAG_BYTES] if harm == "shortened" else bytes(TAG_BYTES) + data[TAG_BYTES:])
    if harm == "lost":
        with pytest.raises(Refusal) as caught:
            _tags(bureau, epoch.epoch_id)
        assert caught.value.code is Code.NOT_FOUND
    if harm == "changed":
        bureau.restart()  # a digest is checked once per process
    again = bureau.standing.epoch_for(BANK, provider)
    assert again.epoch_id != epoch.epoch_id
    assert hashlib.sha256(_tags(bureau, again.epoch_id)).digest() == again.tags_digest


def test_concurrent_calls_build_once_and_all_get_the_same_epoch(bureau: Bureau) -> None:
    builds: list[int] = []

    def slow(function: Callable[[bytes, Sequence[bytes]], bytes], jobs: Sequence[TagJob]) -> Iterable[bytes]:
        builds.append(len(jobs))
        time.sleep(0.1)
        return [function(*job) for job in jobs]

    bureau.runner = slow
    bureau.restart()
    provider, epochs = standing_codes(codes(5000)), []
    threads = [
        threading.Thread(target=lambda: epochs.append(bureau.standing.epoch_for(BANK, provider))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert builds == [2]  # one build, of two slices
    assert len(epochs) == 6
    assert len(set(epochs)) == 1


def test_worker_processes_build_the_same_tags(bureau: Bureau) -> None:
    def in_workers(function: Callable[[bytes, Sequence[bytes]], bytes], jobs: Sequence[TagJob]) -> Iterable[bytes]:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            return [future.result(60) for future in [pool.submit(function, *job) for job in jobs]]

    bureau.runner = in_workers
    bureau.restart()
    held = codes(50)
    epoch = bureau.standing.epoch_for(BANK, standing_codes(held))
    asked = hash_to_group(held[0].encode())
    element = Point(bureau.standing.evaluate(BANK, epoch.epoch_id, asked.encoded, LIMIT))
    one = finalize(held[0].encode(), Scalar((1).to_bytes(32, "little")), element)
    assert TagSet.from_bytes(_tags(bureau, epoch.epoch_id)).contains([tag(one)]) == [True]


def test_waiting_for_a_build_has_an_end(bureau: Bureau) -> None:
    begun, release = threading.Event(), threading.Event()

    def held_up(function: Callable[[bytes, Sequence[bytes]], bytes], jobs: Sequence[TagJob]) -> Iterable[bytes]:
        begun.set()
        release.wait(60)
        return [function(*job) for job in jobs]

    standing = StandingSet(
        bureau.database,
        bureau.folder,
        Sealer(bytes(32), SystemRandomness()),
        lambda: NOON,
        SystemRandomness(),
        runner=held_up,
        wait_seconds=0.05,
    )
    provider = standing_codes(codes(2))
    builder = threading.Thread(target=lambda: standing.epoch_for(BANK, provider))
    builder.start()
    begun.wait(60)
    with pytest.raises(Refusal) as caught:
        standing.epoch_for(BANK, provider)
    assert caught.value.code is Code.DEADLINE_EXCEEDED
    release.set()
    builder.join(60)
    standing.epoch_for(BANK, provider)


def test_a_build_that_fails_leaves_the_old_epoch_and_can_be_tried_again(bureau: Bureau) -> None:
    old = bureau.standing.epoch_for(BANK, standing_codes(codes(5)))

    def broken(function: Callable[[bytes, Sequence[bytes]], bytes], jobs: Sequence[TagJob]) -> Iterable[bytes]:
        raise RuntimeError("a worker died")

    bureau.runner = broken
    bureau.restart()
    with pytest.raises(RuntimeError):
        bureau.standing.epoch_for(BANK, standing_codes(codes(6)))
    bureau.standing.evaluate(BANK, old.epoch_id, POINTS, LIMIT)
    assert bureau.standing.epoch_for(BANK, standing_codes(codes(5))) == old


def test_orphans_of_a_stop_in_mid_build_are_removed_and_nothing_else(bureau: Bureau) -> None:
    assert bureau.standing.remove_orphans() == 0
    epoch = bureau.standing.epoch_for(BANK, standing_codes(codes(5)))
    (named,) = _files(bureau)
    (named.parent / "ffff.tags").write_bytes(b"x")
    (named.parent / "ffff.tmp").write_bytes(b"x")
    assert bureau.standing.remove_orphans() == 2
    assert _files(bureau) == {named}
    assert bureau.standing.epoch_for(BANK, standing_codes(codes(5))) == epoch


def test_an_empty_standing_set_is_random_padding_only(bureau: Bureau) -> None:
    assert bureau.standing.epoch_for(BANK, standing_codes([])).tag_count == 1024


@pytest.mark.parametrize(
    "blinded",
    [
        b"",
        POINTS[:-1],
        POINTS + b"\0",
        POINTS + bytes(32),
        POINTS + b"\xff" * 32,
        POINTS[:32] * 4097,
        POINTS[:31] + bytes([POINTS[31] | 0x80]),
    ],
    ids=["zero", "truncated", "trailing", "identity", "not canonical", "too many", "topmost bit"],
)
def test_a_malformed_batch_is_refused_and_charged_nothing(bureau: Bureau, blinded: bytes) -> None:
    epoch = bureau.standing.epoch_for(BANK, standing_codes(codes(5)))
    with pytest.raises(Refusal) as caught:
        bureau.standing.evaluate(BANK, epoch.epoch_id, blinded, LIMIT)
    assert caught.value.code is Code.MALFORMED
    assert _used(bureau) == {}


def test_a_wrong_epoch_is_charged_nothing(bureau: Bureau) -> None:
    bureau.standing.epoch_for(BANK, standing_codes(codes(5)))
    with pytest.raises(Refusal) as caught:
        bureau.standing.evaluate(BANK, bytes(16), POINTS, LIMIT)
    assert caught.value.code is Code.NOT_FOUND
    assert _used(bureau) == {}


def test_the_quota_is_counted_per_day_and_bank(bureau: Bureau) -> None:
    provider = standing_codes(codes(5))
    epoch, other = bureau.standing.epoch_for(BANK, provider), bureau.standing.epoch_for("bank-b", provider)
    bureau.standing.evaluate(BANK, epoch.epoch_id, POINTS, 12)
    bureau.standing.evaluate(BANK, epoch.epoch_id, POINTS, 12)
    with pytest.raises(Refusal) as caught:
        bureau.standing.evaluate(BANK, epoch.epoch_id, POINTS, 12)
    assert caught.value.code is Code.QUOTA_EXCEEDED
    bureau.standing.evaluate(BANK, epoch.epoch_id, POINTS[:64], 12)  # the two that are left
    bureau.standing.evaluate("bank-b", other.epoch_id, POINTS, 5)
    bureau.now += DAY
    bureau.standing.evaluate(BANK, epoch.epoch_id, POINTS, 12)
    assert _used(bureau) == {
        (BANK, day_of(NOON)): 12,
        ("bank-b", day_of(NOON)): 5,
        (BANK, day_of(NOON + DAY)): 5,
    }


def test_the_count_is_written_before_the_answer_is_made(bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> None:
    epoch = bureau.standing.epoch_for(BANK, standing_codes(codes(5)))

    def stopped(self: object, message: object) -> None:
        raise SystemExit("kill -9 would stop here")

    monkeypatch.setattr("node.alignment.standing.OprfServer.receive", stopped)
    with pytest.raises(SystemExit):
        bureau.standing.evaluate(BANK, epoch.epoch_id, POINTS, 5)
    monkeypatch.undo()
    assert list(_used(bureau).values()) == [5]
    with pytest.raises(Refusal) as caught:
        bureau.standing.evaluate(BANK, epoch.epoch_id, POINTS[:32], 5)
    assert caught.value.code is Code.QUOTA_EXCEEDED


def test_the_key_is_kept_sealed_and_shown_nowhere(bureau: Bureau) -> None:
    epoch = bureau.standing.epoch_for(BANK, standing_codes(codes(5)))
    bureau.standing.evaluate(BANK, epoch.epoch_id, POINTS, LIMIT)
    with bureau.database.read() as conn:
        row = conn.execute(select(alignment_epochs)).one()
    label = f"alignment-key/{BANK}/{epoch.epoch_id.hex()}"
    opened = OprfKey(Sealer(bytes(range(32)), SystemRandomness()).open(row.sealed_key, label))
    assert opened.export_secret().hex() not in repr(bureau.standing.__dict__)
