from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from node.alignment.align import align
from node.alignment.epoch import EpochInfo, Progress
from node.alignment.tag_files import FRAME_TAGS
from node.codes import Code, Side
from node.errors import Refusal
from node.storage.schema import alignment_known, alignment_usage
from protocols.errors import PeerProtocolError
from protocols.primitives.ristretto import Point
from protocols.psi import reference
from protocols.psi.oprf import hash_to_group
from protocols.psi.tags import MAXIMUM_TAGS, TAG_BYTES
from protocols.randomness import SystemRandomness
from tests.support.alignment import BUREAU, Bank, Bureau, Wire, codes

HELD = codes(30)
ASKED = codes(20, first=20)  # ten held, ten not


def _align(bank: Bank, wire: Wire, asked: list[str] = ASKED, progress: Progress | None = None) -> dict[str, bool]:
    randomness = SystemRandomness()
    return align(asked, bureau=BUREAU, client=wire, memory=bank.memory, randomness=randomness, progress=progress)


def _oracle(asked: list[str], held: list[str]) -> dict[str, bool]:
    plain = reference.held([code.encode() for code in asked], [code.encode() for code in held])
    return {code.decode(): found for code, found in plain.items()}


def _files(bank: Bank) -> list[str]:
    return sorted(path.name for path in (bank.folder / "alignment" / BUREAU).iterdir())


def _frames_of(count: int) -> Callable[[Iterator[bytes]], Iterator[bytes]]:
    """Cut a download into frames of ``count`` tags."""

    def cut(frames: Iterator[bytes]) -> Iterator[bytes]:
        data = b"".join(frames)
        return iter([data[at : at + count * TAG_BYTES] for at in range(0, len(data), count * TAG_BYTES)])

    return cut


def test_the_result_is_the_plaintext_oracles(bank: Bank, bureau: Bureau) -> None:
    shown: list[tuple[int, int]] = []
    result = _align(bank, Wire(bureau, HELD), ASKED + ASKED[:5], progress=lambda *at: shown.append(at))
    assert result == _oracle(ASKED, HELD)
    assert sum(result.values()) == 10
    assert shown == [(0, 20), (20, 20)]


def test_a_list_longer_than_a_batch_goes_in_batches(bank: Bank, bureau: Bureau) -> None:
    asked, wire = codes(4100, first=25), Wire(bureau, HELD)
    assert _align(bank, wire, asked) == _oracle(asked, HELD)
    assert wire.calls == ["epoch", "download 0", "evaluate 4096", "evaluate 4"]


def test_what_is_known_is_not_asked_again_not_even_after_a_restart(bank: Bank, bureau: Bureau) -> None:
    first = Wire(bureau, HELD)
    expected = _align(bank, first)
    bank.restart()
    second = Wire(bureau, HELD)
    assert _align(bank, second) == expected
    assert second.calls == ["epoch"]
    third = Wire(bureau, HELD)
    assert _align(bank, third, [*ASKED, "A" * 18])["A" * 18] is False
    assert third.calls == ["epoch", "evaluate 1"]  # the tags are on disk


def test_an_enterprise_that_is_not_held_never_crosses_the_wire(bank: Bank, bureau: Bureau) -> None:
    wire = Wire(bureau, HELD)
    assert _align(bank, wire) == _oracle(ASKED, HELD)
    bank.memory.remember(BUREAU, bytes(16), dict.fromkeys(ASKED, False))  # makes what is known worthless
    assert _align(bank, wire) == _oracle(ASKED, HELD)
    received = b"".join(wire.to_bureau)
    for code in ASKED:
        assert code.encode() not in received
        assert hash_to_group(code.encode()).encoded not in received
    batches = [message for message in wire.to_bureau if len(message) == 32 * len(ASKED)]
    points = [batch[at : at + 32] for batch in batches for at in range(0, len(batch), 32)]
    assert len(batches) == 2
    assert len(set(points)) == 2 * len(ASKED)  # the same codes, other elements
    for point in points:
        Point(point)
    # And the bureau's own database tells no more than how many were asked.
    with bureau.database.read() as conn:
        (usage,) = conn.execute(select(alignment_usage)).all()
    assert usage.evaluations == 2 * len(ASKED)
    everything = (bureau.folder.parent / "bureau.db").read_bytes()
    wal = bureau.folder.parent / "bureau.db-wal"
    everything += wal.read_bytes() if wal.exists() else b""
    assert not any(code.encode() in everything for code in ASKED if code not in HELD)


def test_the_bureau_sees_the_same_shape_whether_all_are_held_or_none(bank: Bank, bureau: Bureau) -> None:
    all_held, none_held = Wire(bureau, HELD), Wire(bureau, HELD)
    assert all(_align(bank, all_held, HELD[:20]).values())
    assert not any(_align(bank, none_held, codes(20, first=1000)).values())
    shape = [len(message) for message in all_held.to_bureau[2:]]  # the first asked for the tags as well
    assert shape == [len(message) for message in none_held.to_bureau]


def test_a_changed_standing_set_is_asked_anew_and_old_knowledge_is_dropped(bank: Bank, bureau: Bureau) -> None:
    _align(bank, Wire(bureau, HELD))
    old_files = _files(bank)
    wire = Wire(bureau, codes(35))
    assert _align(bank, wire) == _oracle(ASKED, codes(35))
    assert wire.calls == ["epoch", "download 0", "evaluate 20"]
    assert len(_files(bank)) == 1
    assert _files(bank) != old_files
    with bank.database.read() as conn:
        assert len({row.epoch_id for row in conn.execute(select(alignment_known))}) == 1


def test_results_of_another_epoch_never_count(bank: Bank) -> None:
    bank.memory.remember(BUREAU, b"1" * 16, {"a": True, "b": False})
    bank.memory.remember("bureau-b", b"1" * 16, {"c": True})
    assert bank.memory.known(BUREAU, b"1" * 16, ["a", "b", "c", "d"]) == {"a": True, "b": False}
    assert bank.memory.known(BUREAU, b"2" * 16, ["a", "b"]) == {}
    bank.memory.remember(BUREAU, b"2" * 16, {"a": False})
    assert bank.memory.known(BUREAU, b"2" * 16, ["a", "b"]) == {"a": False}
    assert bank.memory.known(BUREAU, b"1" * 16, ["a", "b"]) == {"b": False}


def test_a_broken_download_goes_on_where_it_ended(bank: Bank, bureau: Bureau) -> None:
    def broken(frames: Iterator[bytes]) -> Iterator[bytes]:
        data = b"".join(frames)
        yield data[: 100 * TAG_BYTES]
        raise Refusal(Code.PEER_UNREACHABLE, "the line went down")

    with pytest.raises(Refusal) as caught:
        _align(bank, Wire(bureau, HELD, change_frames=broken))
    assert caught.value.code is Code.PEER_UNREACHABLE
    bank.restart()
    wire = Wire(bureau, HELD, change_frames=_frames_of(300))
    assert _align(bank, wire) == _oracle(ASKED, HELD)
    assert wire.calls == ["epoch", "download 100", "evaluate 20"]


def test_a_download_that_just_ends_is_refused_and_goes_on_later(bank: Bank, bureau: Bureau) -> None:
    def short(frames: Iterator[bytes]) -> Iterator[bytes]:
        yield b"".join(frames)[: 7 * TAG_BYTES]

    with pytest.raises(Refusal) as caught:
        _align(bank, Wire(bureau, HELD, change_frames=short))
    assert caught.value.code is Code.PEER_UNREACHABLE
    wire = Wire(bureau, HELD)
    assert _align(bank, wire) == _oracle(ASKED, HELD)
    assert wire.calls[1] == "download 7"


def test_half_a_tag_left_by_a_stop_is_cut_off(bank: Bank, bureau: Bureau) -> None:
    wire = Wire(bureau, HELD)
    epoch = wire.get_epoch()
    folder = bank.folder / "alignment" / BUREAU
    folder.mkdir(parents=True)
    data = b"".join(wire.download_tags(epoch.epoch_id, 0))
    (folder / f"{epoch.epoch_id.hex()}.part").write_bytes(data[: 5 * TAG_BYTES + 7])
    assert _align(bank, wire) == _oracle(ASKED, HELD)
    assert wire.calls[-2] == "download 5"


def test_a_whole_partial_file_needs_no_download(bank: Bank, bureau: Bureau) -> None:
    wire = Wire(bureau, HELD)
    epoch = wire.get_epoch()
    folder = bank.folder / "alignment" / BUREAU
    folder.mkdir(parents=True)
    data = b"".join(bureau.standing.read_tags(wire.bank, epoch.epoch_id, 0))
    (folder / f"{epoch.epoch_id.hex()}.part").write_bytes(data)
    assert _align(bank, wire) == _oracle(ASKED, HELD)
    assert wire.calls == ["epoch", "epoch", "evaluate 20"]


def _flip(frames: Iterator[bytes]) -> Iterator[bytes]:
    data = bytearray(b"".join(frames))
    data[-1] ^= 1
    yield bytes(data)


def _swap(frames: Iterator[bytes]) -> Iterator[bytes]:
    data = b"".join(frames)
    yield data[TAG_BYTES : 2 * TAG_BYTES] + data[:TAG_BYTES] + data[2 * TAG_BYTES :]


def _half_tag(frames: Iterator[bytes]) -> Iterator[bytes]:
    data = b"".join(frames)
    yield data[:-1]


def _too_many(frames: Iterator[bytes]) -> Iterator[bytes]:
    yield b"".join(frames) + bytes(TAG_BYTES)


def _empty_frame(frames: Iterator[bytes]) -> Iterator[bytes]:
    yield b""
    yield from frames


@pytest.mark.parametrize("harm", [_flip, _swap, _half_tag, _too_many, _empty_frame])
def test_a_corrupted_download_is_refused_nothing_is_asked_and_the_next_one_works(
    bank: Bank, bureau: Bureau, harm: Callable[[Iterator[bytes]], Iterator[bytes]]
) -> None:
    wire = Wire(bureau, HELD, change_frames=harm)
    with pytest.raises(Refusal) as caught:
        _align(bank, wire)
    assert (caught.value.code, caught.value.side) == (Code.MALFORMED, Side.BUREAU)
    assert wire.calls == ["epoch", "download 0"]
    assert not [name for name in _files(bank) if name.endswith(".tags")]
    assert _align(bank, Wire(bureau, HELD)) == _oracle(ASKED, HELD)


def test_tags_that_are_not_ascending_are_refused_even_if_the_digest_fits(bank: Bank) -> None:
    data = b"b" * TAG_BYTES + b"a" * TAG_BYTES
    epoch = EpochInfo(b"1" * 16, 2, hashlib.sha256(data).digest())
    with pytest.raises(Refusal, match="ascending") as caught:
        bank.memory.tag_set(BUREAU, epoch, lambda *_: iter([data]))
    assert caught.value.code is Code.MALFORMED


def test_a_damaged_file_on_the_banks_disk_is_downloaded_again(bank: Bank, bureau: Bureau) -> None:
    _align(bank, Wire(bureau, HELD))
    (name,) = _files(bank)
    path = bank.folder / "alignment" / BUREAU / name
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    bank.restart()
    wire = Wire(bureau, HELD)
    assert _align(bank, wire, codes(3)) == _oracle(codes(3), HELD)
    assert wire.calls == ["epoch", "download 0", "evaluate 3"]


def test_an_open_tag_set_is_not_read_again(bank: Bank, bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> None:
    _align(bank, Wire(bureau, HELD))
    monkeypatch.setattr("node.alignment.memory.open_tags", lambda *_: pytest.fail("the file was read again"))
    assert _align(bank, Wire(bureau, HELD), codes(1, first=500)) == {codes(1, first=500)[0]: False}


@pytest.mark.parametrize(
    "harm",
    [
        lambda answer: answer[:-32],
        lambda answer: answer + answer[:32],
        lambda answer: answer[:-1],
        lambda answer: b"",
        lambda answer: bytes(32) + answer[32:],
        lambda answer: b"\xff" * 32 + answer[32:],
    ],
    ids=["one less", "one more", "truncated", "empty", "identity", "not canonical"],
)
def test_a_false_answer_is_refused_and_nothing_is_remembered(
    bank: Bank, bureau: Bureau, harm: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(Refusal) as caught:
        _align(bank, Wire(bureau, HELD, change_answer=harm))
    assert (caught.value.code, caught.value.side) == (Code.MALFORMED, Side.BUREAU)
    with bank.database.read() as conn:
        assert conn.execute(select(alignment_known)).all() == []


def test_what_was_learned_before_the_quota_ended_is_kept(bank: Bank, bureau: Bureau) -> None:
    asked = codes(5000)
    with pytest.raises(Refusal) as caught:
        _align(bank, Wire(bureau, HELD, daily_limit=4500), asked)
    assert caught.value.code is Code.QUOTA_EXCEEDED
    bureau.now += 86_400_000
    wire = Wire(bureau, HELD, daily_limit=4500)
    assert _align(bank, wire, asked) == _oracle(asked, HELD)
    assert wire.calls == ["epoch", "evaluate 904"]


def test_an_epoch_that_ends_in_the_middle_is_begun_again_once(bank: Bank, bureau: Bureau) -> None:
    wire = Wire(bureau, HELD)
    plain = wire.evaluate

    def overtaken(epoch_id: bytes, blinded: bytes) -> bytes:
        if wire.held is HELD:
            wire.held = codes(32)
            wire.get_epoch()  # another call of this bank meets the new set first
        return plain(epoch_id, blinded)

    wire.evaluate = overtaken  # type: ignore[method-assign]
    assert _align(bank, wire) == _oracle(ASKED, codes(32))


def test_an_epoch_that_never_stays_is_refused(bank: Bank, bureau: Bureau) -> None:
    wire = Wire(bureau, HELD)

    def always_late(epoch_id: bytes, blinded: bytes) -> bytes:
        return bureau.standing.evaluate("bank-x", epoch_id, blinded, 1)

    wire.evaluate = always_late  # type: ignore[method-assign]
    with pytest.raises(Refusal) as caught:
        _align(bank, wire)
    assert caught.value.code is Code.NOT_FOUND


def test_threads_share_one_download(bank: Bank, bureau: Bureau) -> None:
    wire = Wire(bureau, HELD)
    results: list[dict[str, bool]] = []
    parts = [codes(5, first=5 * index) for index in range(8)]
    threads = [threading.Thread(target=lambda part=part: results.append(_align(bank, wire, part))) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len([call for call in wire.calls if call.startswith("download")]) == 1
    assert {code: held for result in results for code, held in result.items()} == _oracle(codes(40), HELD)


def test_nothing_asked_needs_nothing(bank: Bank, bureau: Bureau) -> None:
    wire = Wire(bureau, HELD)
    assert _align(bank, wire, []) == {}
    assert wire.calls == ["epoch"]


@pytest.mark.parametrize("party", ["../elsewhere", "", ".", "a/b", "a" * 65])
def test_a_party_id_that_is_no_folders_name_is_refused(bank: Bank, party: str) -> None:
    epoch = EpochInfo(b"1" * 16, 1, bytes(32))
    with pytest.raises(Refusal) as caught:
        bank.memory.tag_set(party, epoch, lambda *_: iter([]))
    assert caught.value.code is Code.INVALID_INPUT


@pytest.mark.parametrize(
    "change",
    [
        {"epoch_id": bytes(15)},
        {"tag_count": 0},
        {"tag_count": MAXIMUM_TAGS + 1},
        {"tags_digest": bytes(31)},
        {"tag_bytes": 8},
        {"suite": "OPRF(P-256, SHA-256)"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_epoch_of_a_peer_is_checked(change: dict[str, object]) -> None:
    given: dict[str, object] = {"epoch_id": bytes(16), "tag_count": 1, "tags_digest": bytes(32)}
    EpochInfo(**given)  # type: ignore[arg-type]
    with pytest.raises(PeerProtocolError):
        EpochInfo(**(given | change))  # type: ignore[arg-type]


def test_the_bound_on_false_matches_is_checked_before_anything_is_asked(
    bank: Bank, bureau: Bureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protocols.psi.tags.FALSE_MATCH_LIMIT_LOG2", -96.0)
    wire = Wire(bureau, HELD)
    with pytest.raises(Refusal) as caught:
        _align(bank, wire)
    assert caught.value.code is Code.BOUND_EXCEEDED
    assert wire.calls == ["epoch"]


def test_a_set_of_several_frames_is_downloaded_whole(bank: Bank) -> None:
    count = FRAME_TAGS + 10
    tags = np.unique(np.frombuffer(SystemRandomness().bytes(count * TAG_BYTES), dtype=f"S{TAG_BYTES}"))
    data = tags.tobytes()
    epoch = EpochInfo(b"1" * 16, len(tags), hashlib.sha256(data).digest())
    cut = FRAME_TAGS * TAG_BYTES
    opened = bank.memory.tag_set(BUREAU, epoch, lambda *_: iter([data[:cut], data[cut:]]))
    assert opened.contains([bytes(tags[0]).ljust(12, b"\0"), data[-12:], bytes(12)]) == [True, True, False]
    assert Path(bank.folder / "alignment" / BUREAU / f"{epoch.epoch_id.hex()}.tags").read_bytes() == data
