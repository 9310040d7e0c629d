"""Opens the labels of the codes that matched. The bureau sees all of them downloaded, and not which were opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from node.codes import Code, Side
from node.errors import Refusal
from node.jobs.screening_calls import ListEpoch
from node.jobs.screening_task import Task
from node.policy.screening_list import decode_label
from protocols.errors import ParameterError, PeerProtocolError
from protocols.psi.labels import open_label, sealed_bytes
from protocols.psi.segments import SegmentedTags
from protocols.psi.tags import TAG_BYTES


def open_labels(
    task: Task, epoch: ListEpoch, tags: SegmentedTags, hits: Mapping[bytes, bytes]
) -> dict[bytes, tuple[str, ...]]:
    """Return the labels of every code of ``hits``, in the order of the list's names; ``hits`` gives each one's output.

    Raises:
        Refusal: ``MALFORMED`` on the bureau's side for a label that does not open, or is not what the list announces.
    """
    job, session_id = task.job, task.opened.session_id
    sealed = task.parts.tags.labels(
        job.bureau, job.list_name, epoch, lambda segment, first: task.link.download_labels(session_id, segment, first)
    )
    try:
        opened = dict(zip(hits, _open(list(hits.values()), epoch, tags, sealed), strict=True))
    except (PeerProtocolError, ParameterError) as fault:
        raise Refusal(Code.MALFORMED, str(fault), side=Side.BUREAU) from None
    return {code: tuple(decode_label(label, task.labels).values()) for code, label in opened.items()}


def _open(
    outputs: Sequence[bytes], epoch: ListEpoch, tags: SegmentedTags, sealed: Sequence[NDArray[np.uint8]]
) -> Iterator[bytes]:
    """Yield the label of every output, from the newest segment that has its tag."""
    found = tags.find(np.frombuffer(b"".join(output[:TAG_BYTES] for output in outputs), dtype=f"S{TAG_BYTES}"))
    for output, place, index in zip(outputs, found.segment.tolist(), found.index.tolist(), strict=True):
        segment = epoch.segments[place]
        width = segment.label_bytes - sealed_bytes(1) + 1
        yield open_label(output, sealed[place][index].tobytes(), segment=segment.number, width=width)
