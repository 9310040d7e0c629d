"""Opens the labels of the codes that matched. The bureau sees all of them downloaded, and not which were opened."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from node.codes import Code, Side
from node.errors import Refusal
from node.jobs.screening_calls import ListEpoch
from node.jobs.screening_task import Task
from node.policy.screening_list import decode_label
from protocols.errors import ParameterError, PeerProtocolError
from protocols.psi.labels import open_label, sealed_bytes
from protocols.psi.tags import TAG_BYTES


def open_labels(
    task: Task, epoch: ListEpoch, tags: NDArray[np.bytes_], hits: Mapping[bytes, bytes]
) -> dict[bytes, tuple[str, ...]]:
    """Return the labels of every code of ``hits``, in the order of the list's names; ``hits`` gives each one's output.

    Raises:
        Refusal: ``MALFORMED`` on the bureau's side for a label that does not open, or is not what the list announces.
    """
    job = task.job
    sealed = task.parts.tags.labels(
        job.bureau, job.list_name, epoch, lambda first: task.link.download_labels(task.opened.session_id, first)
    )
    try:
        width = epoch.label_bytes - sealed_bytes(1) + 1
        opened = {code: _open(output, epoch.segment, width, tags, sealed) for code, output in hits.items()}
    except (PeerProtocolError, ParameterError) as fault:
        raise Refusal(Code.MALFORMED, str(fault), side=Side.BUREAU) from None
    return {code: tuple(decode_label(label, task.labels).values()) for code, label in opened.items()}


def _open(output: bytes, segment: int, width: int, tags: NDArray[np.bytes_], sealed: NDArray[np.uint8]) -> bytes:
    wanted = np.frombuffer(output[:TAG_BYTES], dtype=tags.dtype)
    place = int(np.searchsorted(tags, wanted)[0])
    return open_label(output, sealed[place].tobytes(), segment=segment, width=width)
