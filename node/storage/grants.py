"""What decides a use of registered consents, read in bulk: without the signed texts, every scope parsed once.

Rows of consents never change, so a :class:`Grant` stays true for as long as anybody holds it; what may happen to a
consent meanwhile (revocation, use) is read apart, when it decides.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Text, bindparam, cast, select

from node.storage.database import SelectIn
from node.storage.schema import consents

_SCOPES_KEPT = 1024


@dataclass(frozen=True, eq=False)
class Scope:
    """What consents of the same wording allow. One object for all of them, so that a question is asked once."""

    purposes: tuple[str, ...]
    fields: tuple[str, ...]
    model_classes: tuple[str, ...]


class Grant(NamedTuple):
    """A registered consent as far as it decides; times are Unix milliseconds."""

    consent_id: bytes
    uscc: str
    bank: str
    bureau: str
    not_before_ms: int
    expires_ms: int
    maximum_uses: int
    scope: Scope


_COLUMNS = (
    consents.c.consent_id,
    consents.c.uscc,
    consents.c.bank,
    consents.c.bureau,
    consents.c.not_before,
    consents.c.expires,
    consents.c.maximum_uses,
    cast(consents.c.purposes, Text),
    cast(consents.c.fields, Text),
    cast(consents.c.model_classes, Text),
)

_BY_ID = SelectIn(select(*_COLUMNS), consents.c.consent_id)
_BY_ENTERPRISE = SelectIn(
    select(*_COLUMNS).where(consents.c.bank == bindparam("bank"), consents.c.bureau == bindparam("bureau")),
    consents.c.uscc,
)


def grants(conn: Connection, ids: Iterable[bytes]) -> dict[bytes, Grant]:
    """Return the registered ones among ``ids``."""
    return {grant.consent_id: grant for grant in map(_grant, _BY_ID(conn, set(ids)))}


def grants_for(conn: Connection, usccs: Iterable[str], *, bank: str, bureau: str) -> dict[str, list[Grant]]:
    """Return the consents of these enterprises for this bank and bureau, the longest-lived first.

    An enterprise without one is left out. Revocations and uses are not looked at.
    """
    found: dict[str, list[Grant]] = {}
    for grant in map(_grant, _BY_ENTERPRISE(conn, set(usccs), bank=bank, bureau=bureau)):
        found.setdefault(grant.uscc, []).append(grant)
    for held in found.values():
        if len(held) > 1:
            held.sort(key=lambda each: (-each.expires_ms, each.consent_id))
    return found


def _grant(row: Any) -> Grant:
    consent_id, uscc, bank, bureau, not_before, expires, maximum, purposes, fields, classes = row
    scope = _scope(purposes, fields, classes)
    return Grant(bytes(consent_id), uscc, bank, bureau, not_before, expires, maximum, scope)


@lru_cache(_SCOPES_KEPT)
def _scope(purposes: str, fields: str, model_classes: str) -> Scope:
    return Scope(tuple(json.loads(purposes)), tuple(json.loads(fields)), tuple(json.loads(model_classes)))
