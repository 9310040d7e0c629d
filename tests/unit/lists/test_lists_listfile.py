"""A list on disk is the list that was written, or nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from node.codes import Code
from node.errors import Refusal
from node.lists import listfile
from node.lists.listfile import CODE_BYTES, ListContent, open_list, write_list
from node.policy.uscc import valid_code
from protocols.transcript import bind

SALT = b"s" * 32


def content(count: int, label_bytes: int) -> ListContent:
    codes = np.array(sorted(valid_code(number) for number in range(count)), dtype="S18")
    labels = np.arange(count * label_bytes).reshape(count, label_bytes) % 251
    return ListContent(codes, labels.astype(np.uint8))


@pytest.mark.parametrize(("count", "label_bytes"), [(1, 0), (1, 16), (100, 0), (100, 48)])
def test_what_is_written_is_read_again(tmp_path: Path, count: int, label_bytes: int) -> None:
    path, written = tmp_path / "a.list", content(count, label_bytes)
    write_list(path, written)
    found = open_list(path, count, label_bytes)
    assert found.codes.tolist() == written.codes.tolist()
    assert found.labels.tolist() == written.labels.tolist()
    assert found.label_bytes == label_bytes
    assert path.stat().st_size == found.size == written.size == count * (CODE_BYTES + label_bytes)
    assert path.stat().st_mode & 0o077 == 0
    assert path.read_bytes() == written.codes.tobytes() + written.labels.tobytes()


def test_parts_are_small_and_make_up_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    written = content(100, 48)
    whole = b"".join(written.parts())
    monkeypatch.setattr(listfile, "_PART_BYTES", 500)
    parts = list(written.parts())
    assert b"".join(parts) == whole
    assert max(map(len, parts)) <= 500
    assert [len(part) % CODE_BYTES for part in parts[:4]] == [0] * 4, "whole codes"


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "a.list"
    write_list(path, content(3, 0))
    with pytest.raises(FileExistsError):
        write_list(path, content(4, 0))
    assert len(open_list(path, 3, 0).codes) == 3


@pytest.mark.parametrize(("count", "label_bytes"), [(4, 0), (2, 0), (3, 1)])
def test_a_file_of_another_size_is_refused(tmp_path: Path, count: int, label_bytes: int) -> None:
    path = tmp_path / "a.list"
    write_list(path, content(3, 0))
    with pytest.raises(Refusal, match="another size") as caught:
        open_list(path, count, label_bytes)
    assert caught.value.code is Code.STORAGE_UNAVAILABLE


def test_a_file_that_is_missing_is_refused_without_its_path(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as caught:
        open_list(tmp_path / "none.list", 1, 0)
    assert caught.value.code is Code.STORAGE_UNAVAILABLE
    assert "none.list" not in str(caught.value)


def test_the_digest_is_a_salted_hash_of_names_and_content() -> None:
    written = content(3, 16)
    names = b"\x00\x03why" + b"\x00\x06" + "证据".encode() + b"\x00\x00"
    message = SALT + names + written.codes.tobytes() + written.labels.tobytes()
    assert written.digest(SALT, ("why", "证据")) == hashlib.sha256(bind("screening/list", message)).digest()


def test_the_digest_commits_to_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    written = content(30, 16)
    other_label, other_code = written.labels.copy(), written.codes.copy()
    other_label[29, 15] ^= 1
    other_code[29] = valid_code(99).encode()
    digests = [
        written.digest(SALT, ("a", "bc")),
        written.digest(SALT, ("ab", "c")),
        written.digest(SALT, ("a",)),
        written.digest(SALT[:-1] + b"t", ("a", "bc")),
        ListContent(written.codes, other_label).digest(SALT, ("a", "bc")),
        ListContent(other_code, written.labels).digest(SALT, ("a", "bc")),
        ListContent(written.codes[:29], written.labels[:29]).digest(SALT, ("a", "bc")),
        ListContent(written.codes, written.labels[:, :0]).digest(SALT, ("a", "bc")),
    ]
    assert len(set(digests)) == len(digests)
    monkeypatch.setattr(listfile, "_PART_BYTES", 100)
    assert written.digest(SALT, ("a", "bc")) == digests[0], "however it is cut"
