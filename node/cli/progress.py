"""Progress on standard error: a bar on a terminal, a line every few seconds in a log, or nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import click

from node.cli.state import State

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LINE_SECONDS = 5.0


class Reporter(Protocol):
    """Told how far the work is; may be called from another thread."""

    def update(self, done: int, total: int | None = None, doing: str | None = None) -> None:
        """Say how many are done, of how many where that is known, and what is being done."""


@contextmanager
def progress(state: State, doing: str, *, lines: bool = False) -> Iterator[Reporter]:
    """Show progress while the block runs.

    Args:
        state: quiet shows nothing.
        doing: what is being done, for people.
        lines: where standard error is no terminal, print a line every five seconds; else stay silent there.
    """
    if state.quiet or not (sys.stderr.isatty() or lines):
        yield _Silent()
    elif not sys.stderr.isatty():
        yield _Lines(doing)
    else:
        with _bar() as bar:
            yield _Bar(bar, bar.add_task(doing, total=None))


class _Silent:
    def update(self, done: int, total: int | None = None, doing: str | None = None) -> None:
        """Say nothing."""


class _Lines:
    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._next = time.monotonic() + LINE_SECONDS

    def update(self, done: int, total: int | None = None, doing: str | None = None) -> None:
        """Print a line if something else is being done now, or if the last line is long ago."""
        changed = doing is not None and doing != self._doing
        self._doing = doing or self._doing
        if not changed and time.monotonic() < self._next:
            return
        self._next = time.monotonic() + LINE_SECONDS
        click.echo(f"{self._doing} {done:,}" + (f"/{total:,}" if total else ""), err=True)


class _Bar:
    def __init__(self, bar: Progress, task: TaskID) -> None:
        self._bar = bar
        self._task = task

    def update(self, done: int, total: int | None = None, doing: str | None = None) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=done, total=total, description=doing)


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    console = Console(file=sys.stderr)
    return Progress(*columns, TimeElapsedColumn(), Remaining(), console=console, transient=True)
