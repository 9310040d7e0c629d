"""Benchmarks of two real nodes on this machine; see benchmarks/README.md. Speed is shown here, never in a test."""
