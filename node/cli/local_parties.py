"""Trusted parties of an auditor, whose directory no process serves: the commands open it themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from node.client.results import Party

if TYPE_CHECKING:
    from node.certification.office import AuditorOffice
    from node.cli.state import State
    from node.client.parties import Parties
    from node.jobs.documents import Documents


class LocalParties:
    """The same calls as :class:`node.client.parties.Parties`, on a directory."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def trust(self, card: bytes) -> Party:
        """Pin the party of a public card."""
        return self._one(self._documents.trust(card).party_id)

    def suspend(self, party_id: str) -> Party:
        """Take no document of a party any more."""
        return self._one(self._documents.suspend(party_id, resume=False).party_id)

    def resume(self, party_id: str) -> Party:
        """Take a suspended party's documents again."""
        return self._one(self._documents.suspend(party_id, resume=True).party_id)

    def list(self) -> tuple[Party, ...]:
        """Return every party whose card was trusted here."""
        return tuple(
            Party(
                party_id=stored.party_id,
                role=stored.role,
                name_zh=card.name_zh,
                name_en=card.name_en,
                endpoint=card.endpoint,
                state=stored.state,
                signing_key_fingerprint=card.signing_key_fingerprint,
                certificate_fingerprints=card.certificate_fingerprints,
            )
            for stored, card in self._documents.parties()
        )

    def _one(self, party_id: str) -> Party:
        return next(party for party in self.list() if party.party_id == party_id)


@contextmanager
def parties_of(state: State) -> Iterator[Parties | LocalParties]:
    """Open the parties of the node that runs in the state's directory, or of the auditor that lives there."""
    if not is_auditor(state):
        with state.client() as node:
            yield node.parties
        return
    with office_of(state) as office:
        yield LocalParties(office.documents)


def is_auditor(state: State) -> bool:
    """Whether an auditor lives in the state's directory; a directory without settings is a node's to complain about."""
    from node.codes import Role
    from node.config import SETTINGS_FILE, load

    directory = state.directory
    return (directory / SETTINGS_FILE).is_file() and load(directory).node.role is Role.AUDITOR


def office_of(state: State) -> AbstractContextManager[AuditorOffice]:
    """Open the auditor's directory of the state."""
    from node.certification.office import open_office
    from node.clock import system_clock
    from protocols.randomness import SystemRandomness

    return open_office(state.directory, system_clock, SystemRandomness())
