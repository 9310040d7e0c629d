"""A bank's models: build, register, list."""

from __future__ import annotations

from collections.abc import Iterator

from node.client import results, wire
from node.client.calls import Caller
from node.codes import Code
from node.errors import Refusal
from protos import control_pb2 as pb


class Models:
    """Calls on models. A model is named by its name, ``name@version`` or its id in hexadecimal."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def build(self, scorecard: bytes, *, engine: str = "", bureau: str = "") -> Iterator[results.BuildProgress]:
        """Check, compile and encrypt a scorecard (JSON, docs/schemas/scorecard-1.schema.json); yield progress.

        Args:
            scorecard: the scorecard's file.
            engine: ``bfv`` or ``paillier``; empty means the node's default.
            bureau: party whose catalogue the scorecard uses; may be empty where only one is trusted.
        """
        request = pb.BuildModelRequest(scorecard=scorecard, engine=engine, bureau=bureau)
        yield from map(wire.build_progress, self._caller.download("BuildModel", request))

    def register(self, model: str) -> results.Model:
        """Send a built model's ciphertexts, fields and edges to the bureau; points never.

        Under the deadline of a stream: tens of megabytes cross the line between the nodes.
        """
        request = pb.RegisterModelRequest(model=model)
        answer = self._caller.unary("RegisterModel", request, self._caller.deadlines.stream)
        return wire.model(answer)

    def dossier(self, model: str, auditor: str) -> Iterator[bytes]:
        """Yield the parts of a model's dossier, encrypted to an auditor; the file is whole when this ends.

        Args:
            model: name, ``name@version`` or model id.
            auditor: party id of an auditor that is trusted at the bank.
        """
        whole = False
        for frame in self._caller.download("WriteDossier", pb.DossierRequest(model=model, auditor=auditor)):
            whole = frame.last
            if frame.content:
                yield frame.content
        if not whole:
            raise Refusal(Code.MALFORMED, "the node ended the dossier before it was whole")

    def list(self) -> tuple[results.Model, ...]:
        """Return every model version of this bank."""
        return tuple(map(wire.model, self._caller.unary("ListModels", pb.ListModelsRequest()).models))
