"""What the node writes about itself: one line an event, for people or as JSON, never a value or an identifier.

Three habits keep it so: events carry only plain fields that this module knows how to bound; whatever looks like a
unified social credit code or a signed token is withheld; exceptions, our own and those of libraries, appear as types
and places, without their messages.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any, TextIO, cast

import structlog

WITHHELD = "<withheld>"
MAXIMUM_TEXT = 500
MAXIMUM_PLACES = 12

_LEVELS = {name: logging.getLevelNamesMapping()[name.upper()] for name in ("debug", "info", "warning", "error")}
_USCC = re.compile(
    r"(?<![0-9A-Za-z])[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}(?![0-9A-Za-z])", re.IGNORECASE
)
_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*")
_PEM = re.compile(r"-----BEGIN.*", re.DOTALL)

EventDict = MutableMapping[str, Any]


def configure(level: str, form: str, stream: TextIO | None = None) -> None:
    """Set up the log of this process.

    Args:
        level: debug, info, warning or error.
        form: «console» or «json».
        stream: where lines go; standard error if not given.
    """
    _configure_own(level, form, stream)
    root = logging.getLogger()
    root.handlers[:] = [_LibraryHandler()]
    root.setLevel(max(logging.WARNING, _LEVELS[level]))


def _configure_own(level: str, form: str, stream: TextIO | None) -> None:
    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    if form == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=(stream or sys.stderr).isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _withhold,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr if stream is None else stream),
        cache_logger_on_first_use=False,
    )


def get_logger(part: str) -> structlog.typing.FilteringBoundLogger:
    """Return the logger of one part of the node; usable before :func:`configure`."""
    return cast(structlog.typing.FilteringBoundLogger, structlog.get_logger(part=part))


@contextmanager
def correlated(correlation_id: str) -> Iterator[None]:
    """Give every event of this block, in this thread, the field ``call``."""
    structlog.contextvars.bind_contextvars(call=correlation_id)
    try:
        yield
    finally:  # not a token's reset: a cancelled stream may be closed by another thread
        structlog.contextvars.unbind_contextvars("call")


def places(error: BaseException) -> list[str]:
    """Return where an exception passed, outermost first, and its causes: «file:line function», without messages."""
    lines: list[str] = []
    current: BaseException | None = error
    while current is not None and len(lines) < MAXIMUM_PLACES:
        frames = traceback.extract_tb(current.__traceback__)[-4:]
        lines.append(type(current).__name__)
        lines += [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
        current = current.__cause__ or current.__context__
    return lines


def _withhold(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """Bound and clean every field; the last processor before the line is written."""
    error = event.pop("exc_info", None)
    if error:
        found = error if isinstance(error, BaseException) else sys.exc_info()[1]
        event["places"] = places(found) if found else []
    return {key: _clean(value) for key, value in event.items()}


def _clean(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        for pattern in (_PEM, _TOKEN, _USCC):
            value = pattern.sub(WITHHELD, value)
        return value[:MAXIMUM_TEXT]
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping):
        return {str(key): _clean(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(inner) for inner in value]
    return f"<{type(value).__name__}>"


class _LibraryHandler(logging.Handler):
    """Writes that a library complained and where; its message may quote what it was given."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        structlog.get_logger(part="library").log(
            record.levelno,
            "library",
            library=record.name,
            place=f"{PurePath(record.pathname).name}:{record.lineno}",
            places=places(error) if error else [],
        )


_configure_own("warning", "console", None)  # until told otherwise: to standard error, never among a command's output
