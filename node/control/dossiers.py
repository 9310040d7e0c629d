"""What the control API does for dossiers at a bank."""

from __future__ import annotations

from collections.abc import Iterator

from node.jobs.bank_dossiers import BankDossiers
from node.rpc.control_server import ControlFunction, OperatorContext
from protos import control_pb2 as pb

FRAME_BYTES = 1 << 20


class DossierControl:
    """Writes dossiers for auditors."""

    def __init__(self, dossiers: BankDossiers) -> None:
        self._dossiers = dossiers

    def functions(self) -> dict[str, ControlFunction]:
        """Return the functions by method name."""
        return {"WriteDossier": self.write}

    def write(self, _context: OperatorContext, request: pb.DossierRequest) -> Iterator[pb.DossierFrame]:
        """Give a dossier in parts, the last one marked; what is wrong is said before the first part."""
        pieces = self._dossiers.write(request.model, request.auditor)
        return self._frames(pieces)

    def _frames(self, pieces: Iterator[bytes]) -> Iterator[pb.DossierFrame]:
        for piece in pieces:
            for start in range(0, len(piece), FRAME_BYTES):
                yield pb.DossierFrame(content=piece[start : start + FRAME_BYTES])
        yield pb.DossierFrame(last=True)
