"""Files that commands read and write: an output appears whole or not at all."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from node.codes import Code
from node.errors import Refusal

STANDARD = Path("-")
MAXIMUM_DOCUMENT_BYTES = 4 * 1024 * 1024

input_file = click.Path(path_type=Path, dir_okay=False)
output_file = click.Path(path_type=Path, dir_okay=False)


def read_document(path: Path, maximum_bytes: int = MAXIMUM_DOCUMENT_BYTES) -> bytes:
    """Return a document, of a file or (``-``) of standard input.

    Raises:
        Refusal: ``INVALID_INPUT`` for a file that cannot be read or is longer than ``maximum_bytes``.
    """
    with reading(path) as source:
        content = source.read(maximum_bytes + 1)
    if len(content) > maximum_bytes:
        raise Refusal(Code.INVALID_INPUT, f"{path} is longer than {maximum_bytes >> 20} MiB")
    return content


@contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """Open a file, or standard input for ``-``."""
    if path == STANDARD:
        yield sys.stdin.buffer
        return
    try:
        source = path.open("rb")
    except OSError as error:
        raise Refusal(Code.INVALID_INPUT, f"{path} cannot be read: {error.strerror}") from None
    with source:
        yield source


def write_document(path: Path | None, content: bytes) -> None:
    """Write a document to a file, or to standard output for ``-`` and ``None``."""
    if path is None or path == STANDARD:
        sys.stdout.buffer.write(content if content.endswith(b"\n") else content + b"\n")
        return
    with replacing(path) as target:
        target.write(content)


def check_output(path: Path) -> None:
    """Return if a file can be written here later on.

    Raises:
        Refusal: ``INVALID_INPUT``, now rather than after an hour of work.
    """
    if path == STANDARD:
        return
    folder = path.parent
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise Refusal(Code.INVALID_INPUT, f"{path} cannot be written: is {folder} a folder that you may write to?")


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a file beside its final name, flush it to the disk, then rename it; an error leaves what was there.

    A new file may be read by its owner only: scores, consents and rejects are nobody else's business.
    """
    check_output(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        if path.exists():
            temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
    except OSError as error:
        raise Refusal(Code.STORAGE_UNAVAILABLE, f"{path} cannot be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)
