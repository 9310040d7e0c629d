"""Unexpected errors: kept in a report that holds places in the code and no values, told as one line."""

from __future__ import annotations

import tempfile
import traceback
from pathlib import Path

from node.cli.moments import now
from node.cli.state import State
from node.codes import Code
from node.errors import Refusal
from protocols.randomness import SystemRandomness


def report_fault(fault: Exception, state: State) -> Refusal:
    """Write a report of an unexpected error and return the refusal that names it.

    The report holds the kinds of the errors and where they were raised. Their messages are left out: they may quote a
    value or an identifier.
    """
    number = SystemRandomness().bytes(4).hex()
    path = _append(_report(fault, number), state)
    detail = f"{type(fault).__name__}, report {number}" + (f" in {path}" if path else "")
    return Refusal(Code.INTERNAL, detail)


def _report(fault: BaseException, number: str) -> str:
    lines = [f"{now().isoformat()} report {number}"]
    cause: BaseException | None = fault
    while cause is not None:
        lines.append(f"  {type(cause).__module__}.{type(cause).__qualname__}")
        frames = traceback.extract_tb(cause.__traceback__)
        lines += [f"    {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        cause = cause.__cause__ or cause.__context__
    return "\n".join(lines) + "\n"


def _append(report: str, state: State) -> Path | None:
    for folder in _folders(state):
        path = folder / "banktax-faults.log"
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(report)
        except OSError:
            continue
        return path
    return None


def _folders(state: State) -> list[Path]:
    try:
        return [state.directory / "run", state.directory, Path(tempfile.gettempdir())]
    except Refusal:
        return [Path(tempfile.gettempdir())]
