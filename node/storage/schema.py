"""The tables of a node's database, for both roles. Times are Unix milliseconds; ids of jobs and consents 16 bytes.

Rows of ``consents`` are never updated: revocations and uses are rows of their own. What a party may not see never
stands here in the clear: sealed columns hold bytes that only the node's key opens.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from node.storage.columns import DIGEST, ID, MILLIS, PARTY, USCC
from node.storage.columns import metadata as metadata
from node.storage.screening_schema import bank_screenings as bank_screenings
from node.storage.screening_schema import bureau_screening_steps as bureau_screening_steps
from node.storage.screening_schema import bureau_screenings as bureau_screenings
from node.storage.screening_schema import screening_epochs as screening_epochs
from node.storage.screening_schema import screening_lists as screening_lists
from node.storage.screening_schema import screening_segments as screening_segments
from node.storage.screening_schema import screening_usage as screening_usage

parties = Table(
    "parties",
    metadata,
    Column("party_id", PARTY, primary_key=True),
    Column("role", String(16), nullable=False),
    Column("card", LargeBinary, nullable=False),
    Column("state", String(16), nullable=False),  # trusted, suspended
    Column("trusted_at", MILLIS, nullable=False),
    Column("changed_at", MILLIS, nullable=False),
)

catalogues = Table(
    "catalogues",
    metadata,
    Column("catalogue_id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("bureau", PARTY, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("digest", DIGEST, nullable=False),
    Column("imported_at", MILLIS, nullable=False),
)

agreements = Table(
    "agreements",
    metadata,
    Column("agreement_id", String(64), primary_key=True),
    Column("bank", PARTY, nullable=False),
    Column("bureau", PARTY, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("digest", DIGEST, nullable=False),
    Column("valid_from", MILLIS, nullable=False),
    Column("valid_until", MILLIS, nullable=False),
    Column("imported_at", MILLIS, nullable=False),
    Index("ix_agreements_parties", "bank", "bureau"),
)

consents = Table(
    "consents",
    metadata,
    Column("consent_id", ID, primary_key=True),
    Column("uscc", USCC, nullable=False),
    Column("bank", PARTY, nullable=False),
    Column("bureau", PARTY, nullable=False),
    Column("jws", Text, nullable=False),
    Column("digest", DIGEST, nullable=False),
    Column("purposes", JSON, nullable=False),
    Column("fields", JSON, nullable=False),
    Column("model_classes", JSON, nullable=False),
    Column("not_before", MILLIS, nullable=False),
    Column("expires", MILLIS, nullable=False),
    Column("maximum_uses", Integer, nullable=False),
    Column("notice_sha256", String(64), nullable=False),
    Column("registered_at", MILLIS, nullable=False),
    Index("ix_consents_uscc", "uscc"),
)

consent_revocations = Table(
    "consent_revocations",
    metadata,
    Column("consent_id", ID, primary_key=True),
    Column("revoked_at", MILLIS, nullable=False),
    Column("revoked_by", PARTY, nullable=False),
    Column("reason", Text, nullable=False),
)

consent_uses = Table(
    "consent_uses",
    metadata,
    Column("consent_id", ID, primary_key=True),
    Column("job_id", ID, primary_key=True),
    Column("chunk", Integer, nullable=False),
    Column("used_at", MILLIS, nullable=False),
)

# At a bank: what became of a consent that it holds (registered, not_held, refused), latest row per consent counts.
consent_registrations = Table(
    "consent_registrations",
    metadata,
    Column("consent_id", ID, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("changed_at", MILLIS, nullable=False),
)

feature_sets = Table(
    "feature_sets",
    metadata,
    Column("feature_set", String(64), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("as_of", String(10), nullable=False),
    Column("catalogue_id", String(64), nullable=False),
    Column("catalogue_version", Integer, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("fields", Integer, nullable=False),
    Column("digest", DIGEST, nullable=False),
    Column("path", Text, nullable=False),  # relative to the node's data folder
    Column("state", String(16), nullable=False),  # active, superseded, dropped
    Column("imported_at", MILLIS, nullable=False),
    Column("changed_at", MILLIS, nullable=False),
)

# At a bureau: how a feature set spreads over the catalogue's grid, signed; counted once and never again.
feature_frequencies = Table(
    "feature_frequencies",
    metadata,
    Column("feature_set", String(64), primary_key=True),
    Column("document", LargeBinary, nullable=False),
    Column("digest", DIGEST, nullable=False),
    Column("counted_at", MILLIS, nullable=False),
)

# At a bureau: how often frequencies were handed out for an auditor in a day (UTC).
frequencies_usage = Table(
    "frequencies_usage",
    metadata,
    Column("auditor", PARTY, primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("issued", BigInteger, nullable=False),
)

# At a bureau: one OPRF key per bank and state of the standing set.
alignment_epochs = Table(
    "alignment_epochs",
    metadata,
    Column("epoch_id", ID, primary_key=True),
    Column("bank", PARTY, nullable=False),
    Column("standing_digest", DIGEST, nullable=False),
    Column("sealed_key", LargeBinary, nullable=False),
    Column("tag_count", BigInteger, nullable=False),
    Column("tags_digest", DIGEST, nullable=False),
    Column("path", Text, nullable=False),
    Column("created_at", MILLIS, nullable=False),
    UniqueConstraint("bank", "standing_digest"),
)

alignment_usage = Table(
    "alignment_usage",
    metadata,
    Column("bank", PARTY, primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("evaluations", BigInteger, nullable=False),
)

# At a bureau: jobs that a bank opened in a day (UTC), lists apart from single enterprises.
job_usage = Table(
    "job_usage",
    metadata,
    Column("bank", PARTY, primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("opened", BigInteger, nullable=False),
)

# At a bank: what it learned of its own enterprises in one epoch of one bureau.
alignment_known = Table(
    "alignment_known",
    metadata,
    Column("bureau", PARTY, primary_key=True),
    Column("uscc", USCC, primary_key=True),
    Column("epoch_id", ID, nullable=False),
    Column("held", Boolean, nullable=False),
)

# At a bank: its own models with their sealed secrets.
bank_models = Table(
    "bank_models",
    metadata,
    Column("model_id", DIGEST, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("version", String(40), nullable=False),
    Column("engine", String(16), nullable=False),
    Column("bureau", PARTY, nullable=False),
    Column("scorecard", LargeBinary, nullable=False),
    Column("catalogue_id", String(64), nullable=False),
    Column("catalogue_version", Integer, nullable=False),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("path", Text, nullable=False),  # the encrypted model, relative to the node's data folder
    Column("summary", JSON, nullable=False),
    Column("state", String(16), nullable=False),  # built, registered, superseded, retired
    Column("expires_at", MILLIS, nullable=False),
    Column("built_at", MILLIS, nullable=False),
    Column("changed_at", MILLIS, nullable=False),
    UniqueConstraint("name", "version", "engine", "bureau"),
)

# At a bureau: the models that banks registered.
bureau_models = Table(
    "bureau_models",
    metadata,
    Column("model_id", DIGEST, primary_key=True),
    Column("bank", PARTY, nullable=False),
    Column("name", String(100), nullable=False),
    Column("version", String(40), nullable=False),
    Column("model_class", String(32), nullable=False),
    Column("header", LargeBinary, nullable=False),
    Column("path", Text, nullable=False),
    Column("parts_digest", DIGEST, nullable=False),  # over key and ciphertexts, each by its digest, in order
    Column("state", String(16), nullable=False),  # registered, superseded
    Column("expires_at", MILLIS, nullable=False),
    Column("registered_at", MILLIS, nullable=False),
)

# At either role: what auditors signed. A further signature replaces the document; nothing else ever changes.
admissions = Table(
    "admissions",
    metadata,
    Column("admission_id", String(64), primary_key=True),
    Column("bank", PARTY, nullable=False),
    Column("model_id", DIGEST, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("digest", DIGEST, nullable=False),  # of the body
    Column("file_digest", DIGEST, nullable=False),  # of the document with its signatures
    Column("imported_at", MILLIS, nullable=False),
)

# Every model that an admission names: its own, and those that its combinations allow beside it.
admission_models = Table(
    "admission_models",
    metadata,
    Column("admission_id", String(64), primary_key=True),
    Column("model_id", DIGEST, primary_key=True),
    Index("ix_admission_models_model", "model_id"),
)

# By whom as well: only the word of an auditor that may say it counts, and that is decided when it is used.
admission_revocations = Table(
    "admission_revocations",
    metadata,
    Column("admission_id", String(64), primary_key=True),
    Column("auditor", PARTY, primary_key=True),
    Column("document", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Column("revoked_at", MILLIS, nullable=False),
    Column("imported_at", MILLIS, nullable=False),
)

# At a bureau: the row that is locked while the debits of one enterprise and bank are judged.
extraction_accounts = Table(
    "extraction_accounts",
    metadata,
    Column("uscc", USCC, primary_key=True),
    Column("bank", PARTY, primary_key=True),
    Column("changed_at", MILLIS, nullable=False),
)

# At a bureau: which models a bank used on an enterprise, and how much their scores tell.
extraction_ledger = Table(
    "extraction_ledger",
    metadata,
    Column("uscc", USCC, primary_key=True),
    Column("bank", PARTY, primary_key=True),
    Column("model_id", DIGEST, primary_key=True),
    Column("milli_bits", BigInteger, nullable=False),
    Column("debited_at", MILLIS, nullable=False),
    Column("used_at", MILLIS, nullable=False),  # the last use, renewed once a day at most
)

# At a bank.
bank_jobs = Table(
    "bank_jobs",
    metadata,
    Column("job_id", ID, primary_key=True),
    Column("idempotency_key", String(100), nullable=False, unique=True),
    Column("content_digest", DIGEST, nullable=False),
    Column("model_id", DIGEST, ForeignKey("bank_models.model_id"), nullable=False),
    Column("bureau", PARTY, nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("label", String(200), nullable=False),
    Column("state", String(16), nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("aligned", BigInteger, nullable=False),
    Column("bytes_sent", BigInteger, nullable=False),
    Column("bytes_received", BigInteger, nullable=False),
    Column("feature_set", String(64), nullable=False),
    Column("as_of", String(10), nullable=False),
    Column("error_code", String(32), nullable=False),
    Column("error_detail", Text, nullable=False),
    Column("created_at", MILLIS, nullable=False),
    Column("updated_at", MILLIS, nullable=False),
)

bank_job_rows = Table(
    "bank_job_rows",
    metadata,
    Column("job_id", ID, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("uscc", String(64), nullable=False),  # as given, so that a bad code can be shown again
    Column("bank_part", BigInteger),
    Column("consent_id", ID),
    Column("chunk", Integer),
    Column("place", Integer),  # within the chunk
    Column("status", String(16)),  # null until decided
    Column("reason", String(32)),
    Column("tax_part", BigInteger),
    Column("score", BigInteger),
    Index("ix_bank_job_rows_chunk", "job_id", "chunk", "place"),
)

bank_chunks = Table(
    "bank_chunks",
    metadata,
    Column("job_id", ID, primary_key=True),
    Column("chunk", Integer, primary_key=True),
    Column("canary_seed", LargeBinary(32), nullable=False),
    Column("state", String(16), nullable=False),  # planned, finished
    Column("response_digest", DIGEST),
    Column("finished_at", MILLIS),
)

# At a bureau.
bureau_jobs = Table(
    "bureau_jobs",
    metadata,
    Column("job_id", ID, primary_key=True),
    Column("bank", PARTY, nullable=False),
    Column("idempotency_key", String(100), nullable=False),
    Column("content_digest", DIGEST, nullable=False),
    Column("model_id", DIGEST, ForeignKey("bureau_models.model_id"), nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("agreement_id", String(64), nullable=False),
    Column("feature_set", String(64), nullable=False),
    Column("enterprises", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("opened_at", MILLIS, nullable=False),
    Column("closed_at", MILLIS),
    UniqueConstraint("bank", "idempotency_key"),
    Index("ix_bureau_jobs_open", "state", "opened_at"),
)

bureau_chunks = Table(
    "bureau_chunks",
    metadata,
    Column("job_id", ID, primary_key=True),
    Column("chunk", Integer, primary_key=True),
    Column("request_digest", DIGEST, nullable=False),
    Column("response_digest", DIGEST, nullable=False),
    Column("response", LargeBinary),  # dropped when the job is closed
    Column("released", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("released_at", MILLIS, nullable=False),
)
