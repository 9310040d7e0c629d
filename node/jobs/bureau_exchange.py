"""The bureau's side of an exchange: one run of a machine per stream, each attempt once, charged before its answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from node.codes import Code, ScreeningMode, ScreeningProtocol
from node.errors import Refusal
from node.jobs.bureau_screening import ScreeningService, asked_of, section_of
from node.jobs.gate import Caller
from node.jobs.screening_calls import ExchangePlace, protocol_parts, table_size
from node.lists.counting import answer_count, answer_table
from node.policy.authorise import SCREENING
from node.storage.bureau_screenings import BureauScreening
from protocols.errors import PeerProtocolError
from protocols.psi.transcript import MessagesDigest

if TYPE_CHECKING:
    from node.jobs.bureau_vole import VoleSenders

EXCHANGES_AT_ONCE = 2
"""Runs of ``vole`` that a bureau holds in memory at the same time; further ones wait their turn."""


class BureauExchange:
    """Answers exchanges of ``vole`` and ``cardinality``, and of confusion tables."""

    def __init__(self, service: ScreeningService, *, wait_seconds: float) -> None:
        self._service = service
        self._wait_seconds = wait_seconds
        self._room = threading.BoundedSemaphore(EXCHANGES_AT_ONCE)
        self._making = threading.Lock()
        self._made: VoleSenders | None = None

    def vole(self, caller: Caller, place: ExchangePlace, messages: Iterable[bytes]) -> Iterator[bytes]:
        """Take the receiver's messages and give the sender's, for one attempt at one bucket.

        Raises:
            Refusal: ``MALFORMED`` for what the machine refuses; ``WRONG_STATE`` for an attempt that was made before;
                ``QUOTA_EXCEEDED`` for one more answer; ``DEADLINE_EXCEEDED`` while others keep the room.
        """
        # Imported when the first one comes: compiled kernels that a bureau without such agreements never needs.
        from protocols.psi.vole.messages import TagList, decode_message

        screening = self._claim(caller, place, ScreeningProtocol.VOLE)
        with self._turn():
            machine = self._senders().sender(screening, place)
            run = _Run(self._service, caller, screening, place)
            yield from run.answers(machine.start())
            for message in messages:
                answers = run.take(message, decode_message, machine.receive)
                if not any(isinstance(answer, TagList) for answer in answers):
                    yield from run.answers(answers)
                    continue
                run.charge()
                told = list(run.answers(answers))
                run.finish()  # before a byte is sent: whoever breaks off with the answer has it in the transcript
                yield from told

    def count(self, caller: Caller, place: ExchangePlace, messages: Iterable[bytes]) -> Iterator[bytes]:
        """Take the bank's blinded set and give it evaluated and shuffled, and the list's tags under the same fresh key.

        Raises:
            Refusal: as :meth:`vole`.
        """
        screening = self._claim(caller, place, ScreeningProtocol.CARDINALITY)
        yield from self._answer_once(caller, screening, place, messages, answer_count, screening.padded_codes)

    def table(self, caller: Caller, place: ExchangePlace, messages: Iterable[bytes]) -> Iterator[bytes]:
        """Take the bank's blinded loans and give them evaluated and shuffled, and the list's rows under a fresh key.

        Raises:
            Refusal: as :meth:`vole`; ``WRONG_STATE``, the screening does not compare classes.
        """
        journal = self._service.journal
        protocol = journal.get(caller.bank, place.session_id).protocol
        screening = self._service.authorised(caller, place.session_id, protocol)
        if screening.mode is not ScreeningMode.CLASSES:
            raise Refusal(Code.WRONG_STATE, "the screening does not compare classes")
        number = protocol_parts(screening.protocol, screening.padded_codes, screening.buckets)
        journal.claim_attempt(caller.bank, place.session_id, place.bucket, place.attempt, table=number)
        yield from self._answer_once(
            caller, screening, place, messages, answer_table, table_size(screening.padded_codes)
        )

    def _answer_once(
        self,
        caller: Caller,
        screening: BureauScreening,
        place: ExchangePlace,
        messages: Iterable[bytes],
        answer: Callable[..., list[bytes]],
        size: int,
    ) -> Iterator[bytes]:
        """Take the one message of the bank and give a worker's answers to it; ``size`` is how many elements it has."""
        service = self._service
        stored = service.stored.published(screening.name, screening.version)
        run = _Run(service, caller, screening, place)
        messages = iter(messages)
        first = next(messages, b"")
        run.heard(first)
        run.charge()
        arguments = (service.stored.path(stored), stored.codes, stored.label_bytes, size, first)
        with _peers_fault():
            answers: list[bytes] = service.compute.run(answer, *arguments, batch=True)
        for each in answers:
            run.said(each)
        run.finish()
        yield from answers
        if next(messages, None) is not None:
            raise Refusal(Code.MALFORMED, "such an exchange has one message of the bank")

    def _claim(self, caller: Caller, place: ExchangePlace, protocol: ScreeningProtocol) -> BureauScreening:
        screening = self._service.authorised(caller, place.session_id, protocol)
        self._service.journal.claim_attempt(caller.bank, place.session_id, place.bucket, place.attempt)
        return screening

    def _senders(self) -> VoleSenders:
        from node.jobs.bureau_vole import VoleSenders

        with self._making:
            self._made = self._made or VoleSenders(self._service)
            return self._made

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._room.acquire(timeout=self._wait_seconds):
            raise Refusal(Code.DEADLINE_EXCEEDED, "other exchanges keep this bureau busy")
        try:
            yield
        finally:
            self._room.release()


class _Run:
    """One run: digests of both sides' messages, and the charge before its answer."""

    def __init__(
        self, service: ScreeningService, caller: Caller, screening: BureauScreening, place: ExchangePlace
    ) -> None:
        self._service = service
        self._caller = caller
        self._screening = screening
        self._place = place
        self._bank = MessagesDigest()
        self._bureau = MessagesDigest()

    def heard(self, message: bytes) -> None:
        """Take a message of the bank into the transcript."""
        self._bank.add(message)

    def said(self, message: bytes) -> None:
        """Take a message of this bureau into the transcript."""
        self._bureau.add(message)

    def take(
        self, message: bytes, decode: Callable[[bytes], Any], receive: Callable[[Any], tuple[Any, ...]]
    ) -> tuple[Any, ...]:
        """Return the machine's answers to one message of the bank."""
        self.heard(message)
        with _peers_fault():
            return receive(decode(message))

    def answers(self, messages: Iterable[Any]) -> Iterator[bytes]:
        """Give the machine's messages encoded, each of them in the transcript."""
        for message in messages:
            encoded = message.encode()
            self.said(encoded)
            yield encoded

    def charge(self) -> None:
        """Ask the agreement once more and charge the answer, before a byte of it is sent."""
        service, place = self._service, self._place
        agreement = service.gate.check(self._caller, SCREENING, asked_of(self._screening))
        limit = section_of(agreement).max_codes_per_term
        service.journal.charge_answer(self._screening, place.bucket, place.attempt, limit)

    def finish(self) -> None:
        """Write down what was said in this run."""
        place = self._place
        self._service.journal.answered(
            place.session_id, place.bucket, place.attempt, self._bank.digest(), self._bureau.digest()
        )


@contextmanager
def _peers_fault() -> Iterator[None]:
    try:
        yield
    except PeerProtocolError as fault:
        raise Refusal(Code.MALFORMED, str(fault)) from None
