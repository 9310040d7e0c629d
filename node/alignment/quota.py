"""How many evaluations a bank asked for today: charged before the answer is given, never after."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, update

from node.codes import Code
from node.errors import Refusal
from node.storage.database import insert_ignore
from node.storage.schema import alignment_usage


def day_of(now: int) -> str:
    """Return the UTC day of a Unix time in milliseconds as YYYY-MM-DD."""
    return datetime.fromtimestamp(now / 1000, UTC).strftime("%Y-%m-%d")


def charge(conn: Connection, bank: str, now: int, count: int, daily_limit: int) -> None:
    """Add ``count`` evaluations to the bank's day, in the caller's writing transaction.

    Raises:
        Refusal: ``QUOTA_EXCEEDED``, and nothing is added, when the day's sum would pass ``daily_limit``.
    """
    day = day_of(now)
    insert_ignore(conn, alignment_usage, [{"bank": bank, "day": day, "evaluations": 0}])
    used = alignment_usage.c.evaluations
    # One conditional statement: two calls at once cannot both take the last of the quota.
    charged = conn.execute(
        update(alignment_usage)
        .where(alignment_usage.c.bank == bank, alignment_usage.c.day == day, used + count <= daily_limit)
        .values(evaluations=used + count)
    )
    if charged.rowcount != 1:
        raise Refusal(Code.QUOTA_EXCEEDED, f"the agreement allows {daily_limit} alignment queries a day (UTC)")
