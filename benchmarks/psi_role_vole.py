"""The protocol ``vole`` in a benchmark: its two machines, bucket by bucket, on lists in memory."""

from __future__ import annotations

import numpy as np

from benchmarks.psi_data import make_lists
from benchmarks.psi_role import RANDOMNESS, RECEIVER, Order, Phases, Role
from benchmarks.psi_wire import Wire
from protocols.errors import LocalProtocolError
from protocols.primitives.vole.parameters import SecurityProfile
from protocols.psi.tags import padded_count
from protocols.psi.vole.buckets import BucketPlan, bucket_count
from protocols.psi.vole.items import pack
from protocols.psi.vole.messages import MaskedTable, Message, decode_message
from protocols.psi.vole.parameters import SESSION_BYTES, VoleIntersectionParameters
from protocols.psi.vole.receiver import VoleIntersectionReceiver
from protocols.psi.vole.sender import VoleIntersectionSender
from protocols.transcript import digest

Machine = VoleIntersectionReceiver | VoleIntersectionSender
_WARM_SIZE = 2000


def vole_role(order: Order, wire: Wire) -> Role:
    """Return the bank's role or the bureau's."""
    return _Receiver(order, wire) if order["rank"] == RECEIVER else _Sender(order, wire)


def vole_warm_up() -> None:
    """Run both roles on small lists in this process."""
    lists = make_lists(_WARM_SIZE, _WARM_SIZE, 0.5, 0)
    parameters = VoleIntersectionParameters.for_counts(_WARM_SIZE, _WARM_SIZE, bytes(SESSION_BYTES))
    receiver = VoleIntersectionReceiver(pack(lists.portfolio), parameters, RANDOMNESS)
    sender = VoleIntersectionSender(pack(lists.listed), parameters, RANDOMNESS)
    to_receiver, to_sender = list(sender.start()), list(receiver.start())
    while to_receiver or to_sender:
        to_receiver += [answer for message in to_sender for answer in sender.receive(decode_message(message.encode()))]
        to_sender = [answer for message in to_receiver for answer in receiver.receive(decode_message(message.encode()))]
        to_receiver = []
    receiver.result()


class _Vole(Role):
    def phases(self) -> Phases:
        return [("execute", self._execute)]

    def plan(self) -> BucketPlan:
        """Return how the lists are split."""
        own, other = (padded_count(size) for size in self.order["sizes"])
        key, security = bytes.fromhex(self.order["session"]), SecurityProfile(self.order["security"])
        return BucketPlan(own, other, bucket_count(own, other), key, security)

    def session(self, bucket: int) -> bytes:
        """Return what names the run over one bucket."""
        return digest("benchmark/run", bytes.fromhex(self.order["session"]), bucket.to_bytes(4, "big"))

    def drive(self, machine: Machine) -> None:
        """Run one machine to its end over the wire."""
        self._send(machine, machine.start())
        while not _done(machine):
            self._send(machine, machine.receive(decode_message(self.wire.receive())))

    def _send(self, machine: Machine, messages: tuple[Message, ...]) -> None:
        for message in messages:
            self.wire.send(message.encode())
            if isinstance(message, MaskedTable) and isinstance(machine, VoleIntersectionReceiver):
                machine.work_ahead()  # while the sender works at the table

    def _execute(self) -> None:
        raise NotImplementedError


class _Receiver(_Vole):
    """The bank: writes those of its codes that are listed."""

    def _execute(self) -> None:
        codes = self.codes()
        with self.protocol():
            plan, items = self.plan(), pack(codes)
            numbers, found = plan.assign(items), np.empty(len(items), np.bool_)
            for bucket in range(plan.buckets):
                places = np.flatnonzero(numbers == bucket)
                machine = VoleIntersectionReceiver(items[places], plan.parameters(self.session(bucket)), RANDOMNESS)
                self.drive(machine)
                found[places] = machine.result()
        self.write(codes[found])


class _Sender(_Vole):
    """The bureau."""

    def _execute(self) -> None:
        codes = self.codes()
        with self.protocol():
            plan, items = self.plan(), pack(codes)
            numbers = plan.assign(items)
            for bucket in range(plan.buckets):
                own = items[numbers == bucket]
                self.drive(VoleIntersectionSender(own, plan.parameters(self.session(bucket)), RANDOMNESS))


def _done(machine: Machine) -> bool:
    try:
        machine.result()
    except LocalProtocolError:
        return False
    return True
