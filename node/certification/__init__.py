"""Certification: the bank's dossier of a model, an auditor's review of it, and what the auditor signs."""
