"""A bank that a bureau trusts, with its real keys and no scruples: it speaks the wire protocol directly."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import grpc
import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from node.codes import ModelClass, Purpose, Reason, Role
from node.jobs.calls import ChunkCall, ChunkReply, JobOpening, OpenedJob, chunk_binding
from node.jobs.work import DecryptTask, decrypt_chunk, request_chunk
from node.policy.consent import ConsentDraft
from node.rpc import methods, wire
from node.rpc.client import Caller, PeerClient
from node.rpc.client_exchange import ClientExchange, Counter, Ends
from node.rpc.envelope import Direction, Place, seal
from node.rpc.methods import Kind, Method
from node.rpc.status import refusal_from
from node.rpc.tls import channel_credentials, client_options
from protos import common_pb2, consent_pb2, scoring_pb2
from tests.support.hostile_bureau import Bureau, credentials
from tests.support.hostile_models import BUREAU, CODES, FIELDS, Model
from tests.support.scoring_models import key_of
from tests.support.transport import DAY_MS, RANDOMNESS, make_party


class Bank:
    """A bank that the bureau trusts, with its real keys and no scruples."""

    def __init__(self, bureau: Bureau, party_id: str) -> None:
        self.bureau = bureau
        self.party = make_party(bureau.folder / party_id, Role.BANK, party_id)
        self.party.clock = bureau.clock
        self.client = PeerClient(
            bureau.card,
            Caller(party_id, self.party.tls, self.party.signing),
            limits=self.party.settings.limits,
            clock=bureau.clock,
            randomness=RANDOMNESS,
        )
        self.channel = grpc.secure_channel(
            f"127.0.0.1:{bureau.port}",
            channel_credentials(self.party.tls, bureau.keys.tls.certificate_pem),
            options=client_options(64 << 20, bureau.card.server_names[0]),
        )

    @property
    def party_id(self) -> str:
        return self.party.party_id

    def close(self) -> None:
        self.client.close()
        self.channel.close()

    # ---- any message, any bytes

    def call(self, method: Method[Any, Any], *messages: Message) -> list[Any]:
        """Call any method, whatever its streams are, and return all that it answers."""
        match method.kind:
            case Kind.UNARY:
                return [self.client.call(method, messages[0], 30)]
            case Kind.SERVER_STREAM:
                return list(self.client.download(method, messages[0], 30))
            case Kind.CLIENT_STREAM:
                return [self.client.upload(method, messages, 60)]
            case Kind.BIDIRECTIONAL:
                return list(self.client.converse(method, messages, 60))

    def sealed(self, method: Method[Any, Any], payload: bytes) -> bytes:
        """An envelope whose signature is right, over any payload."""
        place = Place(method.path, Direction.REQUEST, self.party_id, BUREAU, RANDOMNESS.bytes(16))
        now = self.bureau.clock()
        envelope = common_pb2.SignedMessage.FromString(seal(common_pb2.Refusal(), place, self.party.signing, now))
        envelope.payload = payload
        envelope.signature = self.party.signing.sign(place.signed_bytes(envelope.version, now, payload))
        return envelope.SerializeToString(deterministic=True)

    def send(self, method: Method[Any, Any], data: bytes) -> bytes:
        """Send one raw message and return the first raw answer.

        Raises:
            Refusal: what the bureau, or gRPC, says.
        """
        path, kind = method.path, method.kind
        requests: Any = iter([data]) if kind.streams_requests else data
        stubs: dict[Kind, Any] = {
            Kind.UNARY: self.channel.unary_unary,
            Kind.SERVER_STREAM: self.channel.unary_stream,
            Kind.CLIENT_STREAM: self.channel.stream_unary,
            Kind.BIDIRECTIONAL: self.channel.stream_stream,
        }
        try:
            answer = stubs[kind](path)(requests, timeout=30)
            return bytes(next(answer, b"") if kind.streams_responses else answer)
        except grpc.RpcError as error:
            raise refusal_from(error) from None

    def exchange(self, method: Method[Any, Any]) -> ClientExchange[Any, Any]:
        """The bank's half of one call: seals requests, opens responses."""
        ends = Ends(self.party_id, self.party.signing, BUREAU, self.bureau.keys.signing.verify_key)
        return ClientExchange(method, ends, RANDOMNESS.bytes(16), 8 << 20, self.bureau.clock, Counter())

    # ---- models

    def register(self, model: Model, parts: Iterator[bytes] | None = None) -> bytes:
        """Register a model; ``parts`` are sent instead of its own."""
        header = scoring_pb2.ModelFrame(header=wire.model_header(model.description))
        return self.register_frames(header, *_frames(model.parts() if parts is None else parts))

    def register_frames(self, *frames: scoring_pb2.ModelFrame) -> bytes:
        answer = self.client.upload(methods.REGISTER_MODEL, frames, 60)
        return bytes(answer.model_id)

    # ---- consents

    def draft(self, code: str, **changes: Any) -> ConsentDraft:
        now = self.bureau.clock()
        usual = ConsentDraft(
            consent_id=secrets.token_bytes(16),
            uscc=code,
            bank=self.party_id,
            bureau=BUREAU,
            purposes=(Purpose.LOAN_ORIGINATION,),
            fields=tuple(described.field for described in FIELDS),
            model_classes=(ModelClass.CREDIT_APPROVAL,),
            not_before_ms=now - DAY_MS,
            expires_ms=now + 30 * DAY_MS,
            maximum_uses=3,
            notice_sha256=hashlib.sha256(b"notice").hexdigest(),
        )
        return replace(usual, **changes)

    def sign(self, draft: ConsentDraft) -> str:
        now = self.bureau.clock()
        return credentials(self.bureau, draft.uscc).sign(draft, now)

    def consent(self, code: str, **changes: Any) -> bytes:
        """Sign and register a consent; returns its id."""
        draft = self.draft(code, **changes)
        assert self.present(self.sign(draft)) == [None]
        return draft.consent_id

    def present(self, *tokens: str) -> list[Reason | None]:
        """Register consents in one frame; one verdict each."""
        frame = consent_pb2.RegisterFrame(sequence=0, consents=tokens)
        (answer,) = self.client.converse(methods.REGISTER_CONSENTS, [frame], 60)
        return wire.verdicts(answer, len(tokens), 0)

    # ---- jobs

    def opening(self, model: Model, enterprises: int = 10, **changes: Any) -> JobOpening:
        made = JobOpening(
            job_id=secrets.token_bytes(16),
            idempotency_key=secrets.token_hex(8),
            content_digest=secrets.token_bytes(32),
            model_id=model.model_id,
            purpose=Purpose.LOAN_ORIGINATION,
            enterprises=enterprises,
        )
        return replace(made, **changes)

    def open(self, opening: JobOpening) -> OpenedJob:
        return wire.opened(self.client.call(methods.OPEN_JOB, wire.opening_message(opening), 30))

    def job(self, model: Model, enterprises: int = 10) -> bytes:
        """Open a job; returns its id."""
        opening = self.opening(model, enterprises)
        self.open(opening)
        return opening.job_id

    def task(self, model: Model, job_id: bytes, chunk: int, rows: int) -> DecryptTask:
        return DecryptTask(
            engine=model.engine,
            model_id=model.model_id,
            secret_key=key_of(model.engine).export_secret(),
            public=model.secret.public.encode(),
            weights=model.secret.weights,
            binding=chunk_binding(job_id, chunk),
            rows=rows,
            canary_seed=bytes(32),
        )

    def chunk(
        self, model: Model, job_id: bytes, codes: Sequence[str], consents: Sequence[bytes], chunk: int = 0
    ) -> ChunkCall:
        """A good chunk's call."""
        request = request_chunk(self.task(model, job_id, chunk, len(codes)))
        return ChunkCall(job_id, chunk, tuple(codes), tuple(consents), request)

    def score(self, call: ChunkCall) -> ChunkReply:
        return wire.chunk_reply(self.client.call(methods.SCORE_CHUNK, wire.chunk_message(call), 60), call)

    def close_job(self, job_id: bytes, *, cancelled: bool = False) -> tuple[int, int]:
        request = scoring_pb2.CloseJobRequest(job_id=job_id, cancelled=cancelled)
        answer = self.client.call(methods.CLOSE_JOB, request, 30)
        return answer.released, answer.refused

    def outcome(self, model: Model, call: ChunkCall, reply: ChunkReply) -> list[int | Reason]:
        """Decrypt a reply: a score or a reason for every row."""
        refused = {row.index: row.reason for row in reply.refused}
        released: NDArray[np.bool_] = np.ones(len(call.codes), dtype=np.bool_)
        released[list(refused)] = False
        task = self.task(model, call.job_id, call.chunk, len(call.codes))
        scores = iter(decrypt_chunk(task, reply.response, released).tolist())
        return [refused[index] if index in refused else next(scores) for index in range(len(call.codes))]

    def works(self, model: Model) -> None:
        """The bureau lives: a whole good job gives the oracle's scores and spends one use of each consent."""
        places = [3, 17, 30]
        codes = [CODES[place] for place in places]
        consents = [self.consent(code) for code in codes]
        call = self.chunk(model, self.job(model), codes, consents)
        assert self.outcome(model, call, self.score(call)) == model.scores(places)
        assert self.bureau.uses(*consents) == [1, 1, 1]


def _frames(parts: Iterator[bytes]) -> Iterator[scoring_pb2.ModelFrame]:
    for part in parts:
        yield scoring_pb2.ModelFrame(encrypted=part)
