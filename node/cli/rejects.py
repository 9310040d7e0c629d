"""The reject file of an import: CSV of row, field and reason, no value; made only where a row was rejected."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from node.cli.files import check_output, replacing
from node.client.results import DataReject

HEADER = ("row", "field", "reason")


class RejectFile:
    """Takes rejects as they come; the file appears when the import ends, whether it succeeded or not."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stack = ExitStack()
        self._writer: Any = None

    def add(self, rejects: Iterable[DataReject]) -> None:
        """Append rejected rows."""
        for reject in rejects:
            self._open().writerow((reject.row, reject.field, reject.reason))

    def _open(self) -> Any:
        if self._writer is None:
            target = self._stack.enter_context(replacing(self.path))
            text = io.TextIOWrapper(target, encoding="utf-8", newline="")
            self._stack.callback(text.detach)
            self._writer = csv.writer(text, lineterminator="\n")
            self._writer.writerow(HEADER)
        return self._writer

    def __enter__(self) -> RejectFile:
        check_output(self.path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What was rejected is known whatever ended the import, so the file is kept even then.
        self._stack.close()
