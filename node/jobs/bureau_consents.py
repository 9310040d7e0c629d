"""Consents at the bureau: verified in workers, kept once, revoked for good."""

from __future__ import annotations

from collections.abc import Sequence

from node.clock import Clock
from node.codes import Code, Reason
from node.compute import ComputePool
from node.errors import Refusal
from node.jobs.calls import check_reason
from node.jobs.gate import Caller, Gate
from node.policy.authorise import CONNECTION
from node.policy.consent import ConsentTerms, VerifierConfig, verify_batch
from node.storage.consents import Consents
from node.storage.database import Database

SMALL_FRAME = 4


class BureauConsents:
    """Registers and revokes consents."""

    def __init__(
        self,
        database: Database,
        consents: Consents,
        gate: Gate,
        compute: ComputePool,
        verifier: VerifierConfig,
        clock: Clock,
    ) -> None:
        self._database = database
        self._consents = consents
        self._gate = gate
        self._compute = compute
        self._verifier = verifier
        self._clock = clock

    def register(self, caller: Caller, tokens: Sequence[str]) -> list[Reason | None]:
        """Verify and keep a frame of consents to the calling bank; one verdict each, in order."""
        self._gate.check(caller, CONNECTION)
        outcomes = self._verify(tokens, caller.bank)
        terms = [outcome for outcome in outcomes if isinstance(outcome, ConsentTerms)]
        with self._database.write() as connection:
            kept = iter(self._consents.register(connection, terms, self._clock()))
        return [outcome if isinstance(outcome, Reason) else next(kept) for outcome in outcomes]

    def _verify(self, tokens: Sequence[str], bank: str) -> list[ConsentTerms | Reason]:
        """A waiting customer's consent is verified here; a bulk frame in a worker, so that nobody waits for it."""
        arguments = (self._verifier, list(tokens), bank, self._clock(), True)
        if len(tokens) <= SMALL_FRAME:
            return verify_batch(*arguments)
        return self._compute.run(verify_batch, *arguments, batch=True)

    def revoke(self, caller: Caller, consent_id: bytes, reason: str) -> int:
        """Withdraw a consent on the word of the bank that it was given to; returns since when (Unix milliseconds).

        Needs no agreement in force: a withdrawal is heard as long as the bank is trusted.
        """
        found = self._consents.get_many([consent_id]).get(consent_id)
        if found is None or found.bank != caller.bank:
            raise Refusal(Code.NOT_FOUND, "this bank registered no consent with this id")
        return self.revoke_as(caller.bank, consent_id, reason)

    def revoke_as(self, party: str, consent_id: bytes, reason: str) -> int:
        """Withdraw a consent on the word of ``party``, the bank or this bureau's own operator."""
        check_reason(reason)
        self._consents.revoke(consent_id, party, reason, self._clock())
        with self._database.read() as connection:
            revoked_at = self._consents.statuses(connection, [consent_id])[consent_id].revoked_at
        assert revoked_at is not None  # just written, and never taken back
        return revoked_at
