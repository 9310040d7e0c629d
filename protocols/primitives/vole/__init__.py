"""Silent vector OLE over GF(2^128) from learning parity with noise. Specification: README.md."""
