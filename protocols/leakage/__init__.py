"""Measured leakage: what the exact score of a model says about each field. Specification: README.md here."""
