"""Where a job may go from where it stands. The table is data; ARCHITECTURE.md draws its picture from it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from node.codes import Code, JobState
from node.errors import Refusal

FINAL = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})

TRANSITIONS: Mapping[JobState, frozenset[JobState]] = MappingProxyType(
    {
        JobState.QUEUED: frozenset({JobState.ALIGNING, JobState.FAILED, JobState.CANCELLED}),
        JobState.ALIGNING: frozenset({JobState.ADMITTING, JobState.FAILED, JobState.CANCELLED}),
        JobState.ADMITTING: frozenset({JobState.COMPUTING, JobState.FAILED, JobState.CANCELLED}),
        JobState.COMPUTING: frozenset({JobState.RELEASING, JobState.FAILED, JobState.CANCELLED}),
        JobState.RELEASING: frozenset({JobState.DONE, JobState.FAILED}),
        # A failed job is resumed where its journal ends: before or after its chunks were planned.
        JobState.FAILED: frozenset({JobState.QUEUED, JobState.ADMITTING, JobState.CANCELLED}),
        JobState.DONE: frozenset(),
        JobState.CANCELLED: frozenset(),
    }
)


def check_transition(
    before: JobState, after: JobState, table: Mapping[JobState, frozenset[JobState]] = TRANSITIONS
) -> None:
    """Return if a job may go from ``before`` to ``after``; ``table`` is that of scoring jobs unless given.

    Raises:
        Refusal: ``WRONG_STATE``.
    """
    if after not in table[before]:
        raise Refusal(Code.WRONG_STATE, f"a job that is {before} cannot become {after}")
