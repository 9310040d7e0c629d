"""Encrypted scoring: exact scorecards on ciphertexts of the bank's weights. Specification: README.md here."""
