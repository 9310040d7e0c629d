"""The protocol ``oprf`` in a benchmark: verifiable (RFC 9497 mode VOPRF), with every batch's proof made and checked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.psi_role import RANDOMNESS, RECEIVER, Order, Phases, Role
from benchmarks.psi_wire import Wire
from protocols.primitives.ristretto import Point
from protocols.psi.evaluation import evaluate_outputs
from protocols.psi.messages import MAXIMUM_BATCH
from protocols.psi.oprf import SEED_BYTES, Mode, OprfKey, derive_key_pair
from protocols.psi.tags import TagSet, publish, truncate
from protocols.psi.verifiable import VerifiableClient, VerifiableServer
from protocols.psi.verifiable_messages import BlindedElements, EvaluatedElements

_IN_FLIGHT = 2
"""Batches that the bank asks for before it takes the first answer: both sides work at the same time."""


def oprf_role(order: Order, wire: Wire) -> Role:
    """Return the bank's role or the bureau's."""
    return _Receiver(order, wire) if order["rank"] == RECEIVER else _Sender(order, wire)


def oprf_warm_up() -> None:
    """Run both roles on one code in this process."""
    key, code = _new_key(), b"91350100M000100Y43"
    _tags(key, [code])
    server, client = VerifiableServer(key, RANDOMNESS), VerifiableClient([code], key.public_key(), RANDOMNESS)
    server.start()
    for message in client.start():
        for answer in server.receive(message):
            client.receive(answer)
    client.result()


class _Sender(Role):
    """The bureau: evaluates its list once and sends tags (offline), then answers batches (online)."""

    def phases(self) -> Phases:
        return [("offline", self._offline), ("online", self._online)]

    def _offline(self) -> None:
        codes = [bytes(code) for code in self.codes()]
        with self.protocol():
            self._key = _new_key()
            self.wire.send(self._key.public_key().encoded)
            batches = (codes[first : first + MAXIMUM_BATCH] for first in range(0, len(codes), MAXIMUM_BATCH))
            self.wire.send(publish((_tags(self._key, batch) for batch in batches), len(codes), RANDOMNESS))

    def _online(self) -> None:
        with self.protocol():
            while message := self.wire.receive():
                server = VerifiableServer(self._key, RANDOMNESS)
                server.start()
                for answer in server.receive(BlindedElements.decode(message)):
                    self.wire.send(answer.encode())


class _Receiver(Role):
    """The bank: takes the tags (offline), then asks for its own codes and writes those that are listed (online)."""

    def phases(self) -> Phases:
        return [("offline", self._offline), ("online", self._online)]

    def _offline(self) -> None:
        with self.protocol():
            self._public_key = Point(self.wire.receive())
            self._tags = TagSet.from_bytes(self.wire.receive())

    def _online(self) -> None:
        codes = self.codes()
        with self.protocol():
            clients: list[VerifiableClient] = []
            held: list[NDArray[np.bool_]] = []
            for first in range(0, len(codes), MAXIMUM_BATCH):
                batch = codes[first : first + MAXIMUM_BATCH].tolist()
                clients.append(VerifiableClient(batch, self._public_key, RANDOMNESS))
                for message in clients[-1].start():
                    self.wire.send(message.encode())
                if len(clients) == _IN_FLIGHT:
                    held.append(self._take(clients.pop(0)))
            held += map(self._take, clients)
            self.wire.send(b"")
        self.write(codes[np.concatenate(held)])

    def _take(self, client: VerifiableClient) -> NDArray[np.bool_]:
        client.receive(EvaluatedElements.decode(self.wire.receive()))
        return self._tags.held(truncate(client.output_rows()))


def _new_key() -> OprfKey:
    return derive_key_pair(RANDOMNESS.bytes(SEED_BYTES), b"benchmark", Mode.VOPRF)


def _tags(key: OprfKey, codes: list[bytes]) -> bytes:
    return truncate(evaluate_outputs(key.export_secret(), codes, Mode.VOPRF)).tobytes()
