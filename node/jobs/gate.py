"""The bureau's gate: finds the agreement of a call and asks the policy. What no agreement covers is refused."""

from __future__ import annotations

from dataclasses import dataclass

from node.clock import Clock
from node.codes import Code
from node.errors import Refusal
from node.jobs.documents import Documents
from node.policy.agreement import Agreement
from node.policy.authorise import AllOf, CallContext
from node.policy.catalogue import Catalogue
from protocols.primitives.vole.parameters import SecurityProfile


@dataclass(frozen=True)
class Caller:
    """Who calls, from its certificate, and from where, from the connection."""

    bank: str
    address: str


@dataclass(frozen=True)
class Asked:
    """What a call is about, as far as an agreement limits it."""

    purpose: str | None = None
    model_class: str | None = None
    fields: tuple[str, ...] = ()
    catalogue_id: str = ""
    catalogue_version: int = 0
    rows: int = 0
    mode: str | None = None
    security: SecurityProfile | None = None


NOTHING_PARTICULAR = Asked()


class Gate:
    """Decides every call of a bank by the agreements in force at that moment."""

    def __init__(self, documents: Documents, bureau: str, clock: Clock) -> None:
        self._documents = documents
        self._bureau = bureau
        self._clock = clock

    def check(self, caller: Caller, policy: AllOf, asked: Asked = NOTHING_PARTICULAR) -> Agreement:
        """Return the agreement that covers a call.

        Raises:
            Refusal: no agreement covers it; the reason of the youngest one in force is given.
        """
        agreements = self._documents.agreements_in_force(caller.bank, self._bureau)
        catalogue = self._catalogue(asked)
        refusal: Refusal | None = None
        for agreement in agreements:
            try:
                policy.check(self._context(caller, asked, catalogue, agreement))
            except Refusal as objection:
                refusal = refusal or objection
            else:
                return agreement
        raise refusal or Refusal(
            Code.AGREEMENT_INACTIVE, f"no agreement between {caller.bank} and {self._bureau} is in force"
        )

    def require_trusted(self, caller: Caller) -> None:
        """Ask storage once more whether the caller is trusted; the connection was asked when the call came in.

        Raises:
            Refusal: ``PEER_UNTRUSTED``: it was suspended meanwhile.
        """
        self._documents.trusted_card(caller.bank)

    def _context(self, caller: Caller, asked: Asked, catalogue: Catalogue | None, agreement: Agreement) -> CallContext:
        return CallContext(
            bank=caller.bank,
            bureau=self._bureau,
            peer_address=caller.address,
            purpose=asked.purpose,
            model_class=asked.model_class,
            fields=asked.fields,
            catalogue=catalogue,
            rows=asked.rows,
            now_ms=self._clock(),
            agreement=agreement,
            mode=asked.mode,
            security=asked.security,
        )

    def _catalogue(self, asked: Asked) -> Catalogue | None:
        if not asked.catalogue_id:
            return None
        return self._documents.catalogue(asked.catalogue_id, asked.catalogue_version)
