"""Private set intersection by an oblivious pseudorandom function. Specification: README.md in this folder."""
