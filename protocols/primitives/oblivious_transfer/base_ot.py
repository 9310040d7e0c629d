"""128 random oblivious transfers on ristretto255, one flow each way. README clause 3.

The protocol of Masny and Rindal (eprint 2019/706) from Diffie and Hellman's key agreement. Every transfer has elements
and a secret of its own on both sides, and every hash names its transfer and its position: what McQuoid, Rosulek and Roy
(eprint 2021/682) found wrong with batches that share a message does not arise.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalProtocolError, ParameterError, PeerProtocolError
from protocols.primitives.ristretto import POINT_BYTES, UNIFORM_BYTES, Point, Scalar, multiply_generator
from protocols.randomness import Randomness
from protocols.transcript import bind, digest

BASE_COUNT = 128
REQUEST_BYTES = BASE_COUNT * 2 * POINT_BYTES
REPLY_BYTES = BASE_COUNT * POINT_BYTES

_MASK = "oblivious-transfer/base/mask"
_KEY = "oblivious-transfer/base/key"


@dataclass(frozen=True, repr=False)
class BaseKeys:
    """What the sending side ends with: the reply to send, and two SECRET keys of 32 bytes for every transfer."""

    reply: bytes
    keys: tuple[tuple[bytes, bytes], ...]


class BaseOtReceiver:
    """The side with 128 SECRET choices; it learns one key of every pair."""

    def __init__(self, choices: NDArray[np.bool_], session: bytes, randomness: Randomness) -> None:
        """Draw the elements of ``request``; ``session`` is the name both sides have for this run.

        Raises:
            LocalProtocolError: ``choices`` is not an array of 128 booleans.
        """
        if choices.dtype != np.bool_ or choices.shape != (BASE_COUNT,):
            raise LocalProtocolError(f"a base transfer takes {BASE_COUNT} choices")
        self._session = session
        self._choices = choices.tolist()
        self._secrets = [Scalar.random(randomness) for _ in range(BASE_COUNT)]
        drawn = [Point.from_uniform(randomness.bytes(UNIFORM_BYTES)) for _ in range(BASE_COUNT)]
        self.request = _ordered(choices, [self._own(number, drawn[number]) for number in range(BASE_COUNT)], drawn)

    def keys(self, reply: bytes) -> tuple[bytes, ...]:
        """Return the SECRET key of 32 bytes that was chosen in every transfer.

        Raises:
            PeerProtocolError: ``reply`` is not 128 valid elements.
        """
        replied = _elements(reply, REPLY_BYTES)
        requested = _split(self.request, 2 * POINT_BYTES)
        return tuple(
            _key(self._session, 2 * number + self._choices[number], pair, element, element.multiply(secret))
            for number, (pair, element, secret) in enumerate(zip(requested, replied, self._secrets, strict=True))
        )

    def _own(self, number: int, other: Point) -> Point:
        """Return the element that opens to a known multiple of the generator where the choice is."""
        mask = _mask(self._session, 2 * number + self._choices[number], other)
        return multiply_generator(self._secrets[number]).subtract(mask)

    def __repr__(self) -> str:
        return "BaseOtReceiver(<redacted>)"


def answer(request: bytes, session: bytes, randomness: Randomness) -> BaseKeys:
    """Take the receiver's ``request`` and return the reply with both keys of every transfer.

    Raises:
        PeerProtocolError: ``request`` is not 256 valid elements, or a pair sums to the identity.
    """
    elements = _elements(request, REQUEST_BYTES)
    requested = _split(request, 2 * POINT_BYTES)
    reply, keys = [], []
    for number, pair in enumerate(requested):
        first, second = elements[2 * number], elements[2 * number + 1]
        secret = Scalar.random(randomness)
        element = multiply_generator(secret)
        opened = _opened(session, 2 * number, first, second), _opened(session, 2 * number + 1, second, first)
        shared = opened[0].multiply(secret), opened[1].multiply(secret)
        reply.append(element.encoded)
        keys.append(
            (
                _key(session, 2 * number, pair, element, shared[0]),
                _key(session, 2 * number + 1, pair, element, shared[1]),
            )
        )
    return BaseKeys(b"".join(reply), tuple(keys))


def _opened(session: bytes, position: int, element: Point, other: Point) -> Point:
    try:
        return element.add(_mask(session, position, other))
    except ParameterError:  # an honest receiver's is the identity with 2^-252
        raise PeerProtocolError("a pair of a base transfer opens to the identity") from None


def _mask(session: bytes, position: int, other: Point) -> Point:
    """Return the hash of the other element of a pair to the group, for one of the 256 positions."""
    framed = bind(_MASK, session, position.to_bytes(2, "big"), other.encoded)
    return Point.from_uniform(hashlib.sha512(framed).digest())


def _key(session: bytes, position: int, pair: bytes, element: Point, shared: Point) -> bytes:
    return digest(_KEY, session, position.to_bytes(2, "big"), pair, element.encoded, shared.encoded)


def _ordered(choices: NDArray[np.bool_], own: list[Point], other: list[Point]) -> bytes:
    """Return every pair with ``own`` at the place of the choice; by masks, without a branch on a choice."""
    chosen, drawn = _rows(own), _rows(other)
    swapped = (chosen ^ drawn) & -choices.astype(np.uint8)[:, None]
    return np.stack([chosen ^ swapped, drawn ^ swapped], axis=1).tobytes()


def _rows(points: list[Point]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(point.encoded for point in points), dtype=np.uint8).reshape(-1, POINT_BYTES)


def _elements(data: bytes, length: int) -> list[Point]:
    if len(data) != length:
        raise PeerProtocolError(f"the elements of the base transfers have {length} bytes")
    return [Point(element) for element in _split(data, POINT_BYTES)]


def _split(data: bytes, width: int) -> list[bytes]:
    return [data[at : at + width] for at in range(0, len(data), width)]
