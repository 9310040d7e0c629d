"""Files that survive a power cut: the bytes are on the disk before they have their name, the name is after it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Force a folder's entries to disk, so that a rename survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_new(path: Path, parts: Iterable[bytes]) -> None:
    """Write ``parts`` to a new file that its owner alone may read, and force it to disk.

    Raises:
        FileExistsError: there is one already. What ``parts`` raise passes through; the file stays as far as it came.
    """
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())


def rename(temporary: Path, path: Path) -> None:
    """Give a file that is on disk its final name, for good; what had the name before is gone."""
    temporary.replace(path)
    sync_folder(path.parent)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that stands there whole or not at all, whatever stood there before."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)  # of a run that was cut off
    write_new(temporary, (data,))
    rename(temporary, path)
