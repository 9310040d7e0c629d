"""The tables of list screening, a part of :mod:`node.storage.schema`: a bureau's lists and sessions, a bank's jobs.

No code that anybody screens or lists stands in them, but in files.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from node.storage.columns import DIGEST, ID, MILLIS, PARTY, metadata

# At a bureau: lists that banks may screen against; codes and labels stand in a file.
screening_lists = Table(
    "screening_lists",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("version", String(40), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("digest", DIGEST, nullable=False),  # of the document
    Column("salt", DIGEST, nullable=False),  # of the content's digest; never leaves the bureau
    Column("codes", BigInteger, nullable=False),
    Column("padded_count", BigInteger, nullable=False),
    Column("label_bytes", Integer, nullable=False),  # longest label, 0 without any
    Column("path", Text, nullable=False),  # relative to the node's data folder
    Column("state", String(16), nullable=False),  # published, withdrawn
    Column("published_at", MILLIS, nullable=False),
    Column("changed_at", MILLIS, nullable=False),
    Column("withdrawn_reason", Text, nullable=False),
    Index("ix_screening_lists_published", "name", "published_at"),
)

# At a bureau: VOPRF keys, each of one bank and list; one that a newer version replaced is retired and goes in the end.
screening_epochs = Table(
    "screening_epochs",
    metadata,
    Column("epoch_id", ID, primary_key=True),
    Column("bank", PARTY, nullable=False),
    Column("name", String(64), nullable=False),
    Column("sealed_key", LargeBinary, nullable=False),
    Column("public_key", DIGEST, nullable=False),
    Column("created_at", MILLIS, nullable=False),
    Column("retired_at", MILLIS),
    Index("ix_screening_epochs_list", "bank", "name"),
)

# At a bureau: what was published under a key; a version of the list is all segments up to its own last one.
screening_segments = Table(
    "screening_segments",
    metadata,
    Column("epoch_id", ID, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("version", String(40), nullable=False),
    Column("kind", String(16), nullable=False),  # base, removed, added
    Column("tag_count", BigInteger, nullable=False),
    Column("tags_digest", DIGEST, nullable=False),
    Column("label_bytes", Integer, nullable=False),  # of one sealed label
    Column("labels_digest", DIGEST),
    Column("path", Text, nullable=False),  # of the tags; the sealed labels stand beside them
)

# At a bureau: padded codes that a bank's screenings took of an agreement.
screening_usage = Table(
    "screening_usage",
    metadata,
    Column("bank", PARTY, primary_key=True),
    Column("agreement_id", String(64), primary_key=True),
    Column("codes", BigInteger, nullable=False),
)

# At a bureau.
bureau_screenings = Table(
    "bureau_screenings",
    metadata,
    Column("session_id", ID, primary_key=True),
    Column("bank", PARTY, nullable=False),
    Column("job_id", ID, nullable=False),
    Column("name", String(64), nullable=False),
    Column("version", String(40), nullable=False),
    Column("mode", String(16), nullable=False),
    Column("protocol", String(16), nullable=False),
    Column("security", String(16), nullable=False),  # of vole: semi_honest, malicious; else empty
    Column("purpose", String(32), nullable=False),
    Column("agreement_id", String(64), nullable=False),
    Column("padded_codes", BigInteger, nullable=False),
    Column("list_items", BigInteger, nullable=False),
    Column("buckets", Integer, nullable=False),
    Column("bucket_key", LargeBinary(32), nullable=False),
    Column("commitment", DIGEST, nullable=False),
    Column("epoch_id", ID),
    Column("state", String(16), nullable=False),  # open, done, cancelled
    Column("record", LargeBinary),  # signed by both
    Column("opened_at", MILLIS, nullable=False),
    Column("closed_at", MILLIS),
    UniqueConstraint("bank", "job_id"),
    Index("ix_bureau_screenings_open", "state", "opened_at"),
)

# At a bureau: what was answered: the batches of an oprf job, else the attempts at a bucket.
bureau_screening_steps = Table(
    "bureau_screening_steps",
    metadata,
    Column("session_id", ID, primary_key=True),
    Column("step", BigInteger, primary_key=True),  # number of a batch or bucket
    Column("attempt", Integer, primary_key=True),
    Column("codes", BigInteger, nullable=False),
    Column("request_digest", DIGEST),  # null until the attempt is through
    Column("response_digest", DIGEST),
    Column("answered_at", MILLIS, nullable=False),
)

# At a bank: its screenings. Codes, answers and results stand in files.
bank_screenings = Table(
    "bank_screenings",
    metadata,
    Column("job_id", ID, primary_key=True),
    Column("idempotency_key", String(100), nullable=False, unique=True),
    Column("content_digest", DIGEST, nullable=False),
    Column("bureau", PARTY, nullable=False),
    Column("list_name", String(64), nullable=False),
    Column("list_version", String(40), nullable=False),  # empty until the newest is known
    Column("purpose", String(32), nullable=False),
    Column("mode", String(16), nullable=False),
    Column("protocol", String(16), nullable=False),  # empty until it is chosen
    Column("security", String(16), nullable=False),  # of vole: semi_honest, malicious; empty until it is chosen
    Column("label", String(200), nullable=False),
    Column("state", String(16), nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("codes", BigInteger, nullable=False),
    Column("bad_codes", BigInteger, nullable=False),
    Column("duplicates", BigInteger, nullable=False),
    Column("sealed_seed", LargeBinary, nullable=False),  # the committed seed of all of the job's randomness
    Column("opened", LargeBinary, nullable=False),  # the bureau's answer to the opening
    Column("padded_codes", BigInteger, nullable=False),
    Column("list_items", BigInteger, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("matched", BigInteger, nullable=False),
    Column("retries", BigInteger, nullable=False),
    Column("bytes_sent", BigInteger, nullable=False),
    Column("bytes_received", BigInteger, nullable=False),
    Column("estimated_oprf_ms", BigInteger, nullable=False),  # what the choice of a protocol rested on
    Column("estimated_vole_ms", BigInteger, nullable=False),
    Column("line_round_trip_us", BigInteger, nullable=False),
    Column("line_bytes_a_second", BigInteger, nullable=False),
    Column("commitment", LargeBinary, nullable=False),
    Column("transcript_digest", LargeBinary, nullable=False),
    Column("record", LargeBinary, nullable=False),  # signed by both
    Column("error_code", String(32), nullable=False),
    Column("error_detail", Text, nullable=False),
    Column("created_at", MILLIS, nullable=False),
    Column("updated_at", MILLIS, nullable=False),
    Index("ix_bank_screenings_created", "created_at"),
)
