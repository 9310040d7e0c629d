"""A control server in this process, over real TLS and the real protocol: it records what it is asked and answers from a
script. It stands in for a node's state only; transport, certificates, messages and refusals are the real ones.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc

from node.clock import system_clock
from node.codes import Code, Role
from node.errors import Refusal
from node.initialise import NewNode, initialise
from node.keys import load_keys, open_sealer
from node.rpc.status import abort
from node.rundir import RunDirectory
from protocols.randomness import SystemRandomness
from protos import control_pb2 as pb
from protos import control_pb2_grpc

JOB_ID = "0a" * 16
DONE = "done"


@dataclass
class Script:
    """What the server answers, and what it was asked."""

    requests: list[tuple[str, Any]] = field(default_factory=list)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    delay: float = 0.0
    job_states: tuple[str, ...] = ("queued", "computing", DONE)
    rows: list[pb.ScoreRow] = field(default_factory=list)
    data_progress: list[pb.DataProgress] = field(default_factory=list)
    after_data: Refusal | None = None
    refused_consents: frozenset[str] = frozenset()
    whole_document: bool = True
    """Whether frequencies and dossiers are sent to their end."""
    whole: bool = False
    """Whether a list or file came with its last frame."""
    stream_over: threading.Event = field(default_factory=threading.Event)

    def of(self, method: str) -> list[Any]:
        """Return the requests of one method."""
        return [request for name, request in self.requests if name == method]


class ScriptedControl(control_pb2_grpc.ControlServicer):
    """Answers from a script."""

    def __init__(self, script: Script) -> None:
        self.script = script

    def _asked(self, method: str, request: Any, context: grpc.ServicerContext) -> None:
        self.script.requests.append((method, request))
        if self.script.delay:
            time.sleep(self.script.delay)
        if method in self.script.refusals:
            abort(context, self.script.refusals[method])

    def GetStatus(self, request: pb.StatusRequest, context: grpc.ServicerContext) -> pb.Status:
        self._asked("GetStatus", request, context)
        warnings = ["uncertified models are allowed"]
        return pb.Status(party_id="bank-1", role="bank", version="0.1.0", started_at=1_800_000_000, warnings=warnings)

    def TrustParty(self, request: pb.TrustPartyRequest, context: grpc.ServicerContext) -> pb.Party:
        self._asked("TrustParty", request, context)
        return pb.Party(party_id="bureau-1", role="bureau", state="trusted")

    def SuspendParty(self, request: pb.SuspendPartyRequest, context: grpc.ServicerContext) -> pb.Party:
        self._asked("SuspendParty", request, context)
        return pb.Party(party_id=request.party_id, state="trusted" if request.resume else "suspended")

    def ListParties(self, request: pb.ListPartiesRequest, context: grpc.ServicerContext) -> pb.Parties:
        self._asked("ListParties", request, context)
        found = pb.Party(
            party_id="bureau-1", name_zh="税务局", name_en="Bureau\x1b[31m", certificate_fingerprints=["ab", "cd"]
        )
        return pb.Parties(parties=[found])

    def RegisterConsents(
        self, frames: Iterator[pb.ConsentFrame], context: grpc.ServicerContext
    ) -> Iterator[pb.ConsentVerdicts]:
        for frame in frames:
            self._asked("RegisterConsents", frame, context)
            yield pb.ConsentVerdicts(verdicts=[self._verdict(consent) for consent in frame.consents])

    def _verdict(self, consent: str) -> pb.ConsentVerdict:
        if consent in self.script.refused_consents:
            return pb.ConsentVerdict(consent_id=consent, state="refused", reason="CONSENT_EXPIRED")
        return pb.ConsentVerdict(consent_id=consent, uscc="91350100M000100Y43", state="registered")

    def ListConsents(self, request: pb.ListConsentsRequest, context: grpc.ServicerContext) -> pb.Consents:
        self._asked("ListConsents", request, context)
        found = pb.ConsentSummary(consent_id="0c", purposes=["loan_origination"], expires=1_800_000_000, uses=1)
        return pb.Consents(consents=[found])

    def ImportData(self, frames: Iterator[pb.DataFrame], context: grpc.ServicerContext) -> Iterator[pb.DataProgress]:
        try:
            for frame in frames:
                self._asked("ImportData", frame, context)
                self.script.whole |= frame.last
        finally:
            self.script.stream_over.set()
        yield from self.script.data_progress
        if self.script.after_data is not None:
            abort(context, self.script.after_data)

    def IssueFrequencies(
        self, request: pb.FrequenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.FrequenciesFrame]:
        self._asked("IssueFrequencies", request, context)
        yield pb.FrequenciesFrame(done=1, total=2)
        yield pb.FrequenciesFrame(content=b'{"kind": ')
        if self.script.whole_document:
            yield pb.FrequenciesFrame(content=b'"frequencies"}', last=True)

    def WriteDossier(self, request: pb.DossierRequest, context: grpc.ServicerContext) -> Iterator[pb.DossierFrame]:
        self._asked("WriteDossier", request, context)
        yield pb.DossierFrame(content=b"sealed, ")
        yield pb.DossierFrame(content=b"for an auditor")
        if self.script.whole_document:
            yield pb.DossierFrame(last=True)

    def BuildModel(self, request: pb.BuildModelRequest, context: grpc.ServicerContext) -> Iterator[pb.BuildProgress]:
        self._asked("BuildModel", request, context)
        yield pb.BuildProgress(columns_done=1, columns=2)
        yield pb.BuildProgress(columns_done=2, columns=2, model=self._model())

    def ListModels(self, request: pb.ListModelsRequest, context: grpc.ServicerContext) -> pb.Models:
        self._asked("ListModels", request, context)
        return pb.Models(models=[self._model()])

    def _model(self) -> pb.Model:
        return pb.Model(model_id="ee", name="retail", version="3", score_low=-5, noise_distance_log2=-56.5)

    def SubmitScore(self, frames: Iterator[pb.ScoreFrame], context: grpc.ServicerContext) -> pb.Job:
        rows = 0
        try:
            for frame in frames:
                self._asked("SubmitScore", frame, context)
                rows += len(frame.rows.rows)
                self.script.whole |= frame.rows.last
        finally:
            self.script.stream_over.set()
        return pb.Job(job_id=JOB_ID, state="queued", rows=rows)

    def ScoreOne(self, request: pb.ScoreOneRequest, context: grpc.ServicerContext) -> pb.ScoreRow:
        self._asked("ScoreOne", request, context)
        return self.script.rows[0]

    def GetJob(self, request: pb.JobKey, context: grpc.ServicerContext) -> pb.Job:
        self._asked("GetJob", request, context)
        return self._job(request, self.script.job_states[-1])

    def FollowJob(self, request: pb.JobKey, context: grpc.ServicerContext) -> Iterator[pb.Job]:
        for state in self.script.job_states:
            self._asked("FollowJob", request, context)
            yield self._job(request, state)

    def _job(self, request: pb.JobKey, state: str) -> pb.Job:
        job = pb.Job(job_id=request.job_id, state=state, rows=3, finished=3, scored=1, refused={"NO_CONSENT": 2})
        if state == "failed":
            job.error_code, job.error_detail = "PEER_UNREACHABLE", "no answer from the bureau"
        return job

    def FetchResults(self, request: pb.JobKey, context: grpc.ServicerContext) -> Iterator[pb.ResultFrame]:
        self._asked("FetchResults", request, context)
        yield pb.ResultFrame(rows=self.script.rows)


def make_node(directory: Path, role: Role = Role.BANK) -> Path:
    """Make a real node's directory whose control API takes any free port."""
    node = NewNode(role, f"{role}-1", "银行", "Bank", control_listen="127.0.0.1:0")
    initialise(directory, node, randomness=SystemRandomness(), clock=system_clock)
    return directory


@contextmanager
def running_control(
    directory: Path, script: Script, servicer: control_pb2_grpc.ControlServicer | None = None
) -> Iterator[grpc.Server]:
    """Serve the control API of a node's directory with its own keys, and write its port file as a node does.

    Another ``servicer`` may answer in place of the script.
    """
    identity = load_keys(directory, open_sealer(directory, SystemRandomness())).tls
    operators = b"".join(path.read_bytes() for path in sorted((directory / "operator").glob("*.crt")))
    credentials = grpc.ssl_server_credentials(
        [(identity.key_pem, identity.certificate_pem)], root_certificates=operators, require_client_auth=True
    )
    with ThreadPoolExecutor(max_workers=4) as threads:
        server = grpc.server(threads, options=[("grpc.so_reuseport", 0)])
        control_pb2_grpc.add_ControlServicer_to_server(servicer or ScriptedControl(script), server)  # type: ignore[no-untyped-call]
        RunDirectory(directory).write_port("control", server.add_secure_port("127.0.0.1:0", credentials))
        server.start()
        try:
            yield server
        finally:
            server.stop(grace=None).wait()


def refusal(code: Code = Code.WRONG_STATE) -> Refusal:
    """Return a refusal with a detail of its own."""
    return Refusal(code, "the model is not built", remedy="Build it.")
