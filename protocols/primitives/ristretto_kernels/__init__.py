"""The group ristretto255 (RFC 9496) on many elements at once, as loops that LLVM compiles. README.md specifies them."""
