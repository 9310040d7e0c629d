"""What the control API does for a review at a bureau: frequencies for an auditor."""

from __future__ import annotations

from collections.abc import Iterator

from node.jobs.bureau_frequencies import BureauFrequencies
from node.rpc.control_server import ControlFunction, OperatorContext
from protos import control_pb2 as pb

PART_BYTES = 1 << 20


class FrequenciesControl:
    """Hands out frequencies."""

    def __init__(self, frequencies: BureauFrequencies) -> None:
        self._frequencies = frequencies

    def functions(self) -> dict[str, ControlFunction]:
        """Return the functions by method name."""
        return {"IssueFrequencies": self.issue}

    def issue(self, _context: OperatorContext, request: pb.FrequenciesRequest) -> Iterator[pb.FrequenciesFrame]:
        """Count a feature set unless that was done before; answers progress, then the signed document in parts."""
        steps = self._frequencies.issue(request.auditor, request.feature_set)
        while True:
            try:
                step = next(steps)
            except StopIteration as finished:
                document: bytes = finished.value.document
                break
            yield pb.FrequenciesFrame(done=step.done, total=step.total)
        for start in range(0, len(document), PART_BYTES):
            part = document[start : start + PART_BYTES]
            yield pb.FrequenciesFrame(content=part, last=start + PART_BYTES >= len(document))
