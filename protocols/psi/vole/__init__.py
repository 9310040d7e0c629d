"""Private set intersection of two large lists by a key-value store and a vector OLE. Specification: README.md."""
