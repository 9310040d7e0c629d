"""What the tables of a node's database share: their metadata, how constraints are named, and the types of columns."""

from __future__ import annotations

from sqlalchemy import BigInteger, LargeBinary, MetaData, String

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

PARTY = String(64)
USCC = String(18)
ID = LargeBinary(16)
DIGEST = LargeBinary(32)
MILLIS = BigInteger
