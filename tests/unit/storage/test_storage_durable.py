"""A file has its name only when its bytes are on the disk, and the name is on the disk when the call returns."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.storage.durable import rename, sync_folder, write_new, write_whole


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is forced to disk and renamed, in order, by name."""
    told: list[str] = []
    sync, replace = os.fsync, os.replace

    def syncing(descriptor: int) -> None:
        told.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        sync(descriptor)

    def replacing(source: Path, target: Path) -> None:
        told.append(f"rename {Path(source).name}")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(os, "replace", replacing)
    return told


def test_a_whole_file_is_synced_then_named_then_its_name_is_synced(tmp_path: Path, steps: list[str]) -> None:
    write_whole(tmp_path / "a", b"old")
    steps.clear()
    write_whole(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert steps == ["sync .a.new", "rename .a.new", f"sync {tmp_path.name}"]


def test_a_run_that_was_cut_off_does_not_stand_in_the_way(tmp_path: Path) -> None:
    (tmp_path / ".a.new").write_bytes(b"half")
    write_whole(tmp_path / "a", b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_new_file_is_synced_and_its_owner_s_alone(tmp_path: Path, steps: list[str]) -> None:
    write_new(tmp_path / "a", (b"one", b"", b"two"))
    assert (tmp_path / "a").read_bytes() == b"onetwo"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    assert steps == ["sync a"]
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "a", (b"other",))


def test_what_the_parts_raise_passes_through(tmp_path: Path) -> None:
    def parts() -> Iterator[bytes]:
        yield b"one"
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        write_new(tmp_path / "a", parts())


def test_a_rename_replaces_what_was_there(tmp_path: Path, steps: list[str]) -> None:
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "old").write_bytes(b"old")
    rename(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old").read_bytes() == b"new"
    assert steps == ["rename new", f"sync {tmp_path.name}"]


def test_only_a_folder_is_synced_as_one(tmp_path: Path) -> None:
    sync_folder(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        sync_folder(tmp_path / "file")
