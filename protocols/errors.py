"""The three ways a protocol fails, told apart by whose fault it is.

A peer's bytes can raise nothing but :class:`PeerProtocolError`; a caller's mistake is a
:class:`LocalProtocolError`; a parameter that breaks a bound is a :class:`ParameterError`.
Messages name what was wrong and never carry a secret, a raw value or an identifier.
"""

from __future__ import annotations


class ProtocolError(Exception):
    """Base of every error that :mod:`protocols` raises on purpose."""


class ParameterError(ProtocolError):
    """A parameter is outside its range or breaks a bound that the profile derives."""


class LocalProtocolError(ProtocolError):
    """This side used a machine wrongly: a step out of order, a result asked for too early."""


class PeerProtocolError(ProtocolError):
    """The other side sent something malformed, out of order or false."""


class CanaryMismatchError(PeerProtocolError):
    """A canary row decrypted to another score than its own: nothing of the chunk may be used."""


class ScoreRangeError(PeerProtocolError):
    """A decrypted score lies outside the model's score bound: nothing of the chunk may be used."""
