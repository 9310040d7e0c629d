"""`banktax demo`: two real nodes, real data, signed consents, one exact encrypted score."""
