"""Signed frequencies at a bureau, one document for each feature set, and how often an auditor was given some."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, select, update

from node.codes import Code
from node.errors import Refusal
from node.storage.database import Database, insert_ignore
from node.storage.schema import feature_frequencies, frequencies_usage


@dataclass(frozen=True)
class StoredFrequencies:
    """``document`` is the signed file, ``digest`` 32 bytes over its body, ``counted_at`` Unix milliseconds."""

    feature_set: str
    document: bytes
    digest: bytes
    counted_at: int


class FrequenciesStore:
    """The tables of frequencies."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, feature_set: str) -> StoredFrequencies | None:
        """Return what was counted of a feature set, those of dropped sets too."""
        with self._database.read() as conn:
            return _get(conn, feature_set)

    def counted(self) -> list[str]:
        """Return the ids of all feature sets that were counted, dropped ones too."""
        with self._database.read() as conn:
            return list(conn.execute(select(feature_frequencies.c.feature_set)).scalars())

    def save(self, counted: StoredFrequencies) -> StoredFrequencies:
        """Keep a document and return the one that counts: the first that was kept for its feature set."""
        with self._database.write() as conn:
            insert_ignore(conn, feature_frequencies, [vars(counted)])
            kept = _get(conn, counted.feature_set)
        assert kept is not None
        return kept

    def charge(self, auditor: str, now: int, daily_limit: int) -> None:
        """Count one document for an auditor's day (UTC).

        Raises:
            Refusal: ``QUOTA_EXCEEDED``, and nothing is counted, when the day's number would pass ``daily_limit``.
        """
        day = datetime.fromtimestamp(now / 1000, UTC).strftime("%Y-%m-%d")
        issued = frequencies_usage.c.issued
        with self._database.write() as conn:
            insert_ignore(conn, frequencies_usage, [{"auditor": auditor, "day": day, "issued": 0}])
            # One conditional statement: two calls at once cannot both take the last of the quota.
            charged = conn.execute(
                update(frequencies_usage)
                .where(
                    frequencies_usage.c.auditor == auditor, frequencies_usage.c.day == day, issued + 1 <= daily_limit
                )
                .values(issued=issued + 1)
            )
            if charged.rowcount != 1:
                detail = f"the agreement allows {daily_limit} frequencies a day (UTC) for {auditor}"
                raise Refusal(Code.QUOTA_EXCEEDED, detail)


def _get(conn: Connection, feature_set: str) -> StoredFrequencies | None:
    row = conn.execute(
        select(feature_frequencies).where(feature_frequencies.c.feature_set == feature_set)
    ).one_or_none()
    if row is None:
        return None
    return StoredFrequencies(row.feature_set, bytes(row.document), bytes(row.digest), row.counted_at)
