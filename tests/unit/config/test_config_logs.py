"""The log: planted values never come out, whichever way they go in."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from node.logs import configure, correlated, get_logger, places

CANARIES = ("91350100M000100Y43", "8642097531", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln", "Xinhua Trading")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    configure("info", "json", written)
    yield written
    configure("warning", "console")
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_has_level_time_part_and_fields(stream: io.StringIO) -> None:
    with correlated("c0ffee"):
        get_logger("jobs").info("chunk released", rows=8188, ratio=0.5, done=True)
    get_logger("jobs").debug("not at this level")
    (event,) = lines(stream)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "chunk released",
        "level": "info",
        "part": "jobs",
        "call": "c0ffee",
        "rows": 8188,
        "ratio": 0.5,
        "done": True,
    }


def test_a_correlation_ends_with_its_block(stream: io.StringIO) -> None:
    with pytest.raises(KeyError), correlated("c0ffee"):
        raise KeyError
    get_logger("jobs").info("after")
    assert "call" not in lines(stream)[0]


def test_codes_and_tokens_are_withheld_wherever_they_stand(stream: io.StringIO) -> None:
    code, _, token, _ = CANARIES
    get_logger("x").info(f"code {code}", token=f"Bearer {token}", inner={"list": [f"({code.lower()})"]})
    text = stream.getvalue()
    assert text.count("<withheld>") == 3
    assert code not in text.upper()
    assert token[:12] not in text


def test_keys_bytes_and_objects_are_never_written(stream: io.StringIO) -> None:
    get_logger("x").info("e", key="-----BEGIN PRIVATE KEY-----\nMIG", raw=b"secret", thing=ValueError("secret"))
    text = stream.getvalue()
    assert "secret" not in text
    assert "MIG" not in text
    assert "<6 bytes>" in text
    assert "<ValueError>" in text


def test_an_exception_is_types_and_places_without_messages(stream: io.StringIO) -> None:
    try:
        try:
            raise ValueError(" ".join(CANARIES))
        except ValueError as cause:
            raise RuntimeError(CANARIES[3]) from cause
    except RuntimeError as error:
        get_logger("x").exception("it failed")
        found = places(error)
    text = stream.getvalue()
    assert not [canary for canary in CANARIES if canary in text]
    assert found[0] == "RuntimeError"
    assert "ValueError" in found
    assert lines(stream)[0]["places"] == found


def test_a_librarys_message_is_never_written(stream: io.StringIO) -> None:
    library = logging.getLogger("some.library")
    try:
        raise ValueError(CANARIES[3])
    except ValueError:
        library.exception("statement failed: %s", CANARIES[3])
    library.info("chatter")
    (event,) = lines(stream)
    assert event["library"] == "some.library"
    assert event["places"][0] == "ValueError"
    assert CANARIES[3] not in stream.getvalue()


def test_long_texts_are_cut(stream: io.StringIO) -> None:
    get_logger("x").info("e" * 10_000)
    assert len(lines(stream)[0]["event"]) == 500


def test_the_console_form_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "console")
    get_logger("x").info("listening", port=7601)
    configure("warning", "console")
    captured = capsys.readouterr()
    assert "listening" in captured.err
    assert "port=7601" in captured.err
    assert captured.out == ""
