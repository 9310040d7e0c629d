"""Attacks that try to get more than scores out of the protocol, each run against a weakened twin and the product."""
