"""Do two parties give the same loan the same risk class? Specification: README.md in this folder."""
