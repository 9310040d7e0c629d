"""Collects the accepted rows of an import on disk, column by column, then sorts them and settles duplicates.

Memory stays small whatever the number of rows: one column at a time is looked at, besides codes and row numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np
from numpy.typing import NDArray

from node.storage.featurefile import CODE_DTYPE, content_digest, write_feature_file


@dataclass(frozen=True)
class WrittenFile:
    """A finished file: digest over its content, how many rows, and what became of rows with the same code.

    ``repeated`` counts rows left out because an identical one is kept; ``conflicting`` holds the source's numbers of
    the rows left out because another row of the same code says something else, ascending.
    """

    digest: bytes
    rows: int
    repeated: int
    conflicting: NDArray[np.int64]


class FeatureWriter:
    """Writes one feature set into ``folder``, a scratch folder of its own. Use as a context manager."""

    def __init__(self, folder: Path, fields: Sequence[str]) -> None:
        self._folder = folder
        self._fields = tuple(fields)
        self._names = ("codes", "numbers", *(f"field{place}" for place in range(len(self._fields))))
        self._files: dict[str, IO[bytes]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for name in self._names:
            self._files[name] = self._stack.enter_context((self._folder / name).open("xb"))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def append(
        self,
        codes: NDArray[np.bytes_],
        numbers: NDArray[np.int64],
        columns: Sequence[NDArray[np.int64]],
    ) -> None:
        """Add rows: codes as S18, their numbers in the source (int64), one column per field, all of one length."""
        for name, values in zip(self._names, (codes, numbers, *columns), strict=True):
            self._files[name].write(np.ascontiguousarray(values).data if len(values) else b"")

    def finish(self, path: Path, manifest: bytes) -> WrittenFile:
        """Sort, settle duplicates, write the file at ``path`` and force it to disk."""
        self._stack.close()
        codes: NDArray[np.bytes_] = np.fromfile(self._folder / "codes", dtype=CODE_DTYPE)
        order = np.argsort(codes, kind="stable")
        ordered = codes[order]
        again = np.concatenate((np.zeros(min(1, len(ordered)), np.bool_), ordered[1:] == ordered[:-1]))
        conflicting = self._conflicts(order, again)
        kept = order[~again & ~conflicting]
        numbers = np.fromfile(self._folder / "numbers", dtype=np.int64)
        columns = {field: self._sort_column(place, kept) for place, field in enumerate(self._fields)}
        digest = content_digest(manifest, codes[kept], columns.values())
        write_feature_file(path, manifest, codes[kept], columns)
        repeated = int((again & ~conflicting).sum())
        return WrittenFile(digest, len(kept), repeated, np.sort(numbers[order[conflicting]]))

    def _conflicts(self, order: NDArray[np.intp], again: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return, in sorted order, which rows belong to a code whose rows are not all equal.

        ``again`` marks a row whose code is the code of the row before it.
        """
        repeats = np.flatnonzero(again)
        differs = np.zeros(len(repeats), dtype=np.bool_)
        if len(repeats):
            for place in range(len(self._fields)):
                column = self._column(place)
                differs |= column[order[repeats]] != column[order[repeats - 1]]
        group = np.cumsum(~again) - 1  # number of the code that a row belongs to
        bad = np.zeros(int(group[-1]) + 1 if len(group) else 0, dtype=np.bool_)
        bad[group[repeats[differs]]] = True
        return np.asarray(bad[group], dtype=np.bool_)

    def _sort_column(self, place: int, kept: NDArray[np.intp]) -> NDArray[np.int64]:
        values = np.asarray(self._column(place)[kept])
        path = self._folder / f"sorted{place}"
        values.tofile(path)
        (self._folder / f"field{place}").unlink()
        return _mapped(path)

    def _column(self, place: int) -> NDArray[np.int64]:
        return _mapped(self._folder / f"field{place}")


def _mapped(path: Path) -> NDArray[np.int64]:
    """Map a file of int64; an empty file, which cannot be mapped, gives an empty array."""
    if not path.stat().st_size:
        return np.empty(0, dtype=np.int64)
    return np.memmap(path, dtype=np.int64, mode="r")
