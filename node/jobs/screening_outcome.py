"""What is made of the matches that a protocol found: the codes themselves, or where the classes of loans differ."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from node.codes import ScreeningMode
from node.jobs import screening_classes
from node.jobs.screening_results import codes_csv
from node.jobs.screening_task import Outcome, Task


def matched_outcome(task: Task, found: NDArray[np.bool_], terms: bytes, parts: Mapping[int, bytes]) -> Outcome:
    """Return the outcome of a screening whose codes are found where ``found`` says; ``parts`` are the protocol's."""
    if task.job.mode is ScreeningMode.CLASSES:
        return screening_classes.outcome(task, found, terms, parts)
    return Outcome(codes_csv(task.codes[found]), int(found.sum()), task.transcript(None, terms, parts))
