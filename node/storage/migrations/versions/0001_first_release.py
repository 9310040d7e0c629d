"""First release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "admission_models",
        sa.Column("admission_id", sa.String(length=64), nullable=False),
        sa.Column("model_id", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("admission_id", "model_id", name=op.f("pk_admission_models")),
    )
    op.create_index("ix_admission_models_model", "admission_models", ["model_id"], unique=False)
    op.create_table(
        "admission_revocations",
        sa.Column("admission_id", sa.String(length=64), nullable=False),
        sa.Column("auditor", sa.String(length=64), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("admission_id", "auditor", name=op.f("pk_admission_revocations")),
    )
    op.create_table(
        "admissions",
        sa.Column("admission_id", sa.String(length=64), nullable=False),
        sa.Column("bank", sa.String(length=64), nullable=False),
        sa.Column("model_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("file_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("admission_id", name=op.f("pk_admissions")),
    )
    op.create_table(
        "agreements",
        sa.Column("agreement_id", sa.String(length=64), nullable=False),
        sa.Column("bank", sa.String(length=64), nullable=False),
        sa.Column("bureau", sa.String(length=64), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", sa.BigInteger(), nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agreement_id", name=op.f("pk_agreements")),
    )
    op.create_index("ix_agreements_parties", "agreements", ["bank", "bureau"], unique=False)
    op.create_table(
        "alignment_epochs",
        sa.Column("epoch_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("bank", sa.String(length=64), nullable=False),
        sa.Column("standing_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False),
        sa.Column("tag_count", sa.BigInteger(), nullable=False),
        sa.Column("tags_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("epoch_id", name=op.f("pk_alignment_epochs")),
        sa.UniqueConstraint("bank", "standing_digest", name=op.f("uq_alignment_epochs_bank_standing_digest")),
    )
    op.create_table(
        "alignment_known",
        sa.Column("bureau", sa.String(length=64), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("epoch_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("bureau", "uscc", name=op.f("pk_alignment_known")),
    )
    op.create_table(
        "alignment_usage",
        sa.Column("bank", sa.String(length=64), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("evaluations", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bank", "day", name=op.f("pk_alignment_usage")),
    )
    op.create_table(
        "bank_chunks",
        sa.Column("job_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("chunk", sa.Integer(), nullable=False),
        sa.Column("canary_seed", sa.LargeBinary(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("response_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("job_id", "chunk", name=op.f("pk_bank_chunks")),
    )
    op.create_table(
        "bank_job_rows",
        sa.Column("job_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("uscc", sa.String(length=64), nullable=False),
        sa.Column("bank_part", sa.BigInteger(), nullable=True),
        sa.Column("consent_id", sa.LargeBinary(length=16), nullable=True),
        sa.Column("chunk", sa.Integer(), nullable=True),
        sa.Column("place", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=True),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("tax_part", sa.BigInteger(), nullable=True),
        sa.Column("score", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("job_id", "position", name=op.f("pk_bank_job_rows")),
    )
    op.create_index("ix_bank_job_rows_chunk", "bank_job_rows", ["job_id", "chunk", "place"], unique=False)
    op.create_table(
        "bank_models",
        sa.Column("model_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("engine", sa.String(length=16), nullable=False),
        sa.Column("bureau", sa.String(length=64), nullable=False),
        sa.Column("scorecard", sa.LargeBinary(), nullable=False),
        sa.Column("catalogue_id", sa.String(length=64), nullable=False),
        sa.Column("catalogue_version", sa.Integer(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("built_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("model_id", name=op.f("pk_bank_models")),
        sa.UniqueConstraint(
            "name", "version", "engine", "bureau", name=op.f("uq_bank_models_name_version_engine_bureau")
        ),
    )
    op.create_table(
        "bank_screenings",
        sa.Column("job_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("idempotency_key", sa.String(length=100), nullable=False),
        sa.Column("content_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("bureau", sa.String(length=64), nullable=False),
        sa.Column("list_name", sa.String(length=64), nullable=False),
        sa.Column("list_version", sa.String(length=40), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("protocol", sa.String(length=16), nullable=False),
        sa.Column("security", sa.String(length=16), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("codes", sa.BigInteger(), nullable=False),
        sa.Column("bad_codes", sa.BigInteger(), nullable=False),
        sa.Column("duplicates", sa.BigInteger(), nullable=False),
        sa.Column("sealed_seed", sa.LargeBinary(), nullable=False),
        sa.Column("opened", sa.LargeBinary(), nullable=False),
        sa.Column("padded_codes", sa.BigInteger(), nullable=False),
        sa.Column("list_items", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("matched", sa.BigInteger(), nullable=False),
        sa.Column("retries", sa.BigInteger(), nullable=False),
        sa.Column("bytes_sent", sa.BigInteger(), nullable=False),
        sa.Column("bytes_received", sa.BigInteger(), nullable=False),
        sa.Column("estimated_oprf_ms", sa.BigInteger(), nullable=False),
        sa.Column("estimated_vole_ms", sa.BigInteger(), nullable=False),
        sa.Column("line_round_trip_us", sa.BigInteger(), nullable=False),
        sa.Column("line_bytes_a_second", sa.BigInteger(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column("transcript_digest", sa.LargeBinary(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("error_code", sa.String(length=32), nullable=False),
        sa.Column("error_detail", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_bank_screenings")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_bank_screenings_idempotency_key")),
    )
    op.create_index("ix_bank_screenings_created", "bank_screenings", ["created_at"], unique=False)
    op.create_table(
        "bureau_chunks",
        sa.Column("job_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("chunk", sa.Integer(), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("response_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("response", sa.LargeBinary(), nullable=True),
        sa.Column("released", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("released_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "chunk", name=op.f("pk_bureau_chunks")),
    )
    op.create_table(
        "bureau_models",
        sa.Column("model_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("bank", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("model_class", sa.String(length=32), nullable=False),
        sa.Column("header", sa.LargeBinary(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("parts_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("registered_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("model_id", name=op.f("pk_bureau_models")),
    )
    op.create_table(
        "bureau_screening_steps",
        sa.Column("session_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("codes", sa.BigInteger(), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("response_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "step", "attempt", name=op.f("pk_bureau_screening_steps")),
    )
    op.create_table(
        "bureau_screenings",
        sa.Column("session_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("bank", sa.String(length=64), nullable=False),
        sa.Column("job_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("protocol", sa.String(length=16), nullable=False),
        sa.Column("security", sa.String(length=16), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("agreement_id", sa.String(length=64), nullable=False),
        sa.Column("padded_codes", sa.BigInteger(), nullable=False),
        sa.Column("list_items", sa.BigInteger(), nullable=False),
        sa.Column("buckets", sa.Integer(), nullable=False),
        sa.Column("bucket_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("commitment", sa.LargeBinary(length=32), nullable=False),
        sa.Column("epoch_id", sa.LargeBinary(length=16), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_bureau_screenings")),
        sa.UniqueConstraint("bank", "job_id", name=op.f("uq_bureau_screenings_bank_job_id")),
    )
    op.create_index("ix_bureau_screenings_open", "bureau_screenings", ["state", "opened_at"], unique=False)
    op.create_table(
        "catalogues",
        sa.Column("catalogue_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("bureau", sa.String(length=64), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("catalogue_id", "version", name=op.f("pk_catalogues")),
    )
    op.create_table(
        "consent_registrations",
        sa.Column("consent_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("consent_id", name=op.f("pk_consent_registrations")),
    )
    op.create_table(
        "consent_revocations",
        sa.Column("consent_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_by", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("consent_id", name=op.f("pk_consent_revocations")),
    )
    op.create_table(
        "consent_uses",
        sa.Column("consent_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("job_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("chunk", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("consent_id", "job_id", name=op.f("pk_consent_uses")),
    )
    op.create_table(
        "consents",
        sa.Column("consent_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("bank", sa.String(length=64), nullable=False),
        sa.Column("bureau", sa.String(length=64), nullable=False),
        sa.Column("jws", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("purposes", sa.JSON(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("model_classes", sa.JSON(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("maximum_uses", sa.Integer(), nullable=False),
        sa.Column("notice_sha256", sa.String(length=64), nullable=False),
        sa.Column("registered_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("consent_id", name=op.f("pk_consents")),
    )
    op.create_index("ix_consents_uscc", "consents", ["uscc"], unique=False)
    op.create_table(
        "extraction_accounts",
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("bank", sa.String(length=64), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("uscc", "bank", name=op.f("pk_extraction_accounts")),
    )
    op.create_table(
        "extraction_ledger",
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("bank", sa.String(length=64), nullable=False),
        sa.Column("model_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("milli_bits", sa.BigInteger(), nullable=False),
        sa.Column("debited_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("uscc", "bank", "model_id", name=op.f("pk_extraction_ledger")),
    )
    op.create_table(
        "feature_frequencies",
        sa.Column("feature_set", sa.String(length=64), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("counted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("feature_set", name=op.f("pk_feature_frequencies")),
    )
    op.create_table(
        "feature_sets",
        sa.Column("feature_set", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("as_of", sa.String(length=10), nullable=False),
        sa.Column("catalogue_id", sa.String(length=64), nullable=False),
        sa.Column("catalogue_version", sa.Integer(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("fields", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("feature_set", name=op.f("pk_feature_sets")),
    )
    op.create_table(
        "frequencies_usage",
        sa.Column("auditor", sa.String(length=64), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("issued", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("auditor", "day", name=op.f("pk_frequencies_usage")),
    )
    op.create_table(
        "job_usage",
        sa.Column("bank", sa.String(length=64), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("opened", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bank", "day", "kind", name=op.f("pk_job_usage")),
    )
    op.create_table(
        "parties",
        sa.Column("party_id", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("card", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("trusted_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("party_id", name=op.f("pk_parties")),
    )
    op.create_table(
        "screening_epochs",
        sa.Column("epoch_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("bank", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("retired_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("epoch_id", name=op.f("pk_screening_epochs")),
    )
    op.create_index("ix_screening_epochs_list", "screening_epochs", ["bank", "name"], unique=False)
    op.create_table(
        "screening_segments",
        sa.Column("epoch_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("tag_count", sa.BigInteger(), nullable=False),
        sa.Column("tags_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("label_bytes", sa.Integer(), nullable=False),
        sa.Column("labels_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("epoch_id", "number", name=op.f("pk_screening_segments")),
    )
    op.create_table(
        "screening_lists",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("salt", sa.LargeBinary(length=32), nullable=False),
        sa.Column("codes", sa.BigInteger(), nullable=False),
        sa.Column("padded_count", sa.BigInteger(), nullable=False),
        sa.Column("label_bytes", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_screening_lists")),
    )
    op.create_index("ix_screening_lists_published", "screening_lists", ["name", "published_at"], unique=False)
    op.create_table(
        "screening_usage",
        sa.Column("bank", sa.String(length=64), nullable=False),
        sa.Column("agreement_id", sa.String(length=64), nullable=False),
        sa.Column("codes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bank", "agreement_id", name=op.f("pk_screening_usage")),
    )
    op.create_table(
        "bank_jobs",
        sa.Column("job_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("idempotency_key", sa.String(length=100), nullable=False),
        sa.Column("content_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("model_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("bureau", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("aligned", sa.BigInteger(), nullable=False),
        sa.Column("bytes_sent", sa.BigInteger(), nullable=False),
        sa.Column("bytes_received", sa.BigInteger(), nullable=False),
        sa.Column("feature_set", sa.String(length=64), nullable=False),
        sa.Column("as_of", sa.String(length=10), nullable=False),
        sa.Column("error_code", sa.String(length=32), nullable=False),
        sa.Column("error_detail", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["bank_models.model_id"], name=op.f("fk_bank_jobs_model_id")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_bank_jobs")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_bank_jobs_idempotency_key")),
    )
    op.create_table(
        "bureau_jobs",
        sa.Column("job_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("bank", sa.String(length=64), nullable=False),
        sa.Column("idempotency_key", sa.String(length=100), nullable=False),
        sa.Column("content_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("model_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("agreement_id", sa.String(length=64), nullable=False),
        sa.Column("feature_set", sa.String(length=64), nullable=False),
        sa.Column("enterprises", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["model_id"], ["bureau_models.model_id"], name=op.f("fk_bureau_jobs_model_id")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_bureau_jobs")),
        sa.UniqueConstraint("bank", "idempotency_key", name=op.f("uq_bureau_jobs_bank_idempotency_key")),
    )
    op.create_index("ix_bureau_jobs_open", "bureau_jobs", ["state", "opened_at"], unique=False)


def downgrade() -> None:
    """Take the revision back."""
    op.drop_index("ix_bureau_jobs_open", table_name="bureau_jobs")
    op.drop_table("bureau_jobs")
    op.drop_table("bank_jobs")
    op.drop_table("screening_usage")
    op.drop_index("ix_screening_lists_published", table_name="screening_lists")
    op.drop_table("screening_lists")
    op.drop_table("screening_segments")
    op.drop_index("ix_screening_epochs_list", table_name="screening_epochs")
    op.drop_table("screening_epochs")
    op.drop_table("parties")
    op.drop_table("job_usage")
    op.drop_table("frequencies_usage")
    op.drop_table("feature_sets")
    op.drop_table("feature_frequencies")
    op.drop_table("extraction_ledger")
    op.drop_table("extraction_accounts")
    op.drop_index("ix_consents_uscc", table_name="consents")
    op.drop_table("consents")
    op.drop_table("consent_uses")
    op.drop_table("consent_revocations")
    op.drop_table("consent_registrations")
    op.drop_table("catalogues")
    op.drop_index("ix_bureau_screenings_open", table_name="bureau_screenings")
    op.drop_table("bureau_screenings")
    op.drop_table("bureau_screening_steps")
    op.drop_table("bureau_models")
    op.drop_table("bureau_chunks")
    op.drop_index("ix_bank_screenings_created", table_name="bank_screenings")
    op.drop_table("bank_screenings")
    op.drop_table("bank_models")
    op.drop_index("ix_bank_job_rows_chunk", table_name="bank_job_rows")
    op.drop_table("bank_job_rows")
    op.drop_table("bank_chunks")
    op.drop_table("alignment_usage")
    op.drop_table("alignment_known")
    op.drop_table("alignment_epochs")
    op.drop_index("ix_agreements_parties", table_name="agreements")
    op.drop_table("agreements")
    op.drop_table("admissions")
    op.drop_table("admission_revocations")
    op.drop_index("ix_admission_models_model", table_name="admission_models")
    op.drop_table("admission_models")
