"""The example catalogue and scorecards, and small changes of them, for tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from node.codes import Code
from node.errors import Refusal
from node.policy.catalogue import Catalogue
from tests.support.sources import ROOT

EXAMPLES = ROOT / "docs/examples/scorecards"
VECTORS = ROOT / "tests/vectors/scorecards"


def document(name: str = "scorecard") -> dict[str, Any]:
    """Return a fresh copy of an example document."""
    found: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return found


def catalogue(**changes: Any) -> Catalogue:
    """Return the example catalogue; ``changes`` maps a field id to members to change."""
    body = document("catalogue")
    for entry in body["fields"]:
        entry.update(changes.get(entry["id"], {}))
    return Catalogue.from_body(body)


def refused(action: Callable[[], object], code: Code, *parts: str) -> Refusal:
    """Check that an action is refused with a code and that the message names every part."""
    with pytest.raises(Refusal) as caught:
        action()
    assert caught.value.code is code
    for part in parts:
        assert part in caught.value.detail
    return caught.value
