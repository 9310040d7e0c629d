"""What of the pages is drawn from the code: ``python -m tests.support.generated_pages`` writes it, a test compares."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from node.codes import JobState
from node.jobs.states import FINAL, TRANSITIONS
from tests.support.error_codes_page import page as error_codes_page
from tests.support.sources import ROOT

RESUME = {JobState.FAILED: " : resume"}


def job_states_picture() -> str:
    """The state diagram of a job, as a Mermaid block."""
    order = {state: place for place, state in enumerate(JobState)}
    arrows = [
        f"  {before} --> {after}{RESUME.get(before, '') if after is not JobState.CANCELLED else ''}"
        for before in order
        for after in sorted(TRANSITIONS[before], key=order.__getitem__)
    ]
    ends = [f"  {state} --> [*]" for state in order if state in FINAL and not TRANSITIONS[state]]
    return "\n".join(["```mermaid", "stateDiagram-v2", f"  [*] --> {next(iter(order))}", *arrows, *ends, "```"])


def pages() -> Iterator[tuple[Path, str]]:
    """Each page with what it should hold."""
    yield ROOT / "docs/error-codes.md", error_codes_page()
    architecture = ROOT / "ARCHITECTURE.md"
    yield architecture, _with_picture(architecture.read_text(encoding="utf-8"))


def _with_picture(text: str) -> str:
    drawn, count = re.subn(
        r"```mermaid\nstateDiagram-v2\n.*?\n```", lambda _: job_states_picture(), text, flags=re.DOTALL
    )
    if count != 1:
        raise ValueError("ARCHITECTURE.md must hold exactly one state diagram")
    return drawn


if __name__ == "__main__":
    for path, text in pages():
        path.write_text(text, encoding="utf-8")
