"""Scorecard files: format, validation, compilation to protocol models, import from training libraries."""
