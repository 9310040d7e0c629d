"""The correlated oblivious transfer once more, slowly, in plain integers and lists of bits: an independent peer.

Written from protocols/primitives/oblivious_transfer/README.md and RFC 9496; of the package it shares no code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.support import ristretto_reference as group

GENERATOR = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")  # RFC 9496, section 4
MODULUS = 1 << 128 | 0b10000111


def bind(label: str, *parts: bytes) -> bytes:
    name = b"banktax/1/" + label.encode()
    framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return len(name).to_bytes(4, "big") + name + len(parts).to_bytes(4, "big") + framed


def stream(key: bytes, count: int) -> bytes:
    return Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor().update(bytes(count))


class Draws:
    """The bytes of a seed in order."""

    def __init__(self, seed: bytes) -> None:
        self._cipher = Cipher(algorithms.AES256(seed), modes.CTR(bytes(16))).encryptor()

    def bytes(self, count: int) -> bytes:
        return self._cipher.update(bytes(count))

    def scalar(self) -> int:
        return int.from_bytes(self.bytes(64), "little") % group.L


def decode(encoded: bytes) -> group.Element:
    element = group.decode(encoded)
    assert element is not None
    return element


def negate(element: group.Element) -> group.Element:
    return -element[0] % group.P, element[1], element[2], -element[3] % group.P


def base(scalar: int) -> group.Element:
    return group.multiply(scalar, decode(GENERATOR))


def mask(session: bytes, position: int, other: bytes) -> group.Element:
    framed = bind("oblivious-transfer/base/mask", session, position.to_bytes(2, "big"), other)
    return group.from_uniform(hashlib.sha512(framed).digest())


def key(session: bytes, position: int, pair: bytes, element: bytes, shared: group.Element) -> bytes:
    parts = (session, position.to_bytes(2, "big"), pair, element, group.encode(shared))
    return hashlib.sha256(bind("oblivious-transfer/base/key", *parts)).digest()


def times(left: int, right: int) -> int:
    product = 0
    while right:
        if right & 1:
            product ^= left
        right >>= 1
        left <<= 1
        if left >> 128:
            left ^= MODULUS
    return product


def column_hash(column: bytes, weights: Sequence[int]) -> int:
    blocks = [int.from_bytes(column[at : at + 16], "little") for at in range(0, len(column), 16)]
    total = blocks[-1]
    for weight, block in zip(weights, blocks[:-1], strict=True):
        total ^= times(weight, block)
    return total


def weights(session: bytes, count: int, request: bytes, reply: bytes, columns: bytes) -> list[int]:
    parts = (session, count.to_bytes(4, "big"), request, reply, columns)
    seed = hashlib.sha256(bind("oblivious-transfer/extension/weights", *parts)).digest()
    data = stream(seed, 16 * -(-count // 128))
    return [int.from_bytes(data[at : at + 16], "little") for at in range(0, len(data), 16)]


def exclusive_or(*parts: bytes) -> bytes:
    total = 0
    for part in parts:
        total ^= int.from_bytes(part, "little")
    return total.to_bytes(len(parts[0]), "little")


def rows(columns: Sequence[bytes], count: int) -> list[int]:
    """Return ``count`` rows: bit i of row j is bit j of column i."""
    numbers = [int.from_bytes(column, "little") for column in columns]
    return [sum((number >> row & 1) << index for index, number in enumerate(numbers)) for row in range(count)]


class ReferenceSender:
    """The side with Δ, a number."""

    def __init__(self, count: int, delta: int, seed: bytes, session: bytes) -> None:
        self.count, self.session = count, session
        self.bits = [delta >> index & 1 for index in range(128)]
        draws = Draws(seed)
        self.secrets = [draws.scalar() for _ in range(128)]
        pairs = []
        for index, (bit, secret) in enumerate(zip(self.bits, self.secrets, strict=True)):
            other = group.encode(group.from_uniform(draws.bytes(64)))
            own = group.encode(group.add(base(secret), negate(mask(session, 2 * index + bit, other))))
            pairs.append(other + own if bit else own + other)
        self.request = b"".join(pairs)
        self.message = b"\x01" + self.request

    def finish(self, message: bytes) -> list[int]:
        """Return q, or raise ``ValueError`` where the check fails."""
        length = 16 * (-(-self.count // 128) + 1)
        reply, columns = message[1:4097], message[4097 : 4097 + 128 * length]
        assert message[0] == 2
        hashes = message[4097 + 128 * length :]
        assert len(hashes) == 129 * 16
        numbers = [int.from_bytes(hashes[at : at + 16], "little") for at in range(0, len(hashes), 16)]
        weighted = weights(self.session, self.count, self.request, reply, columns)
        own = []
        for index, (bit, secret) in enumerate(zip(self.bits, self.secrets, strict=True)):
            element = reply[32 * index : 32 * index + 32]
            shared = group.multiply(secret, decode(element))
            pair = self.request[64 * index : 64 * index + 64]
            column = stream(key(self.session, 2 * index + bit, pair, element, shared), length)
            if bit:
                column = exclusive_or(column, columns[index * length : (index + 1) * length])
            if column_hash(column, weighted) != numbers[1 + index] ^ bit * numbers[0]:
                raise ValueError("inconsistent")
            own.append(column)
        return rows(own, self.count)


def receive(message: bytes, choices: Sequence[bool], seed: bytes, session: bytes) -> tuple[bytes, list[int]]:
    """Return the receiver's message and t."""
    count, request, draws = len(choices), message[1:], Draws(seed)
    blocks = -(-count // 128) + 1
    reply, keys = [], []
    for index in range(128):
        secret = draws.scalar()
        pair = request[64 * index : 64 * index + 64]
        element = group.encode(base(secret))
        both = []
        for choice in (0, 1):
            chosen, other = (pair[32:], pair[:32]) if choice else (pair[:32], pair[32:])
            opened = group.add(decode(chosen), mask(session, 2 * index + choice, other))
            both.append(key(session, 2 * index + choice, pair, element, group.multiply(secret, opened)))
        reply.append(element)
        keys.append(both)
    filling = int.from_bytes(draws.bytes(16 * blocks), "little") >> count << count
    filled = (filling | sum(1 << row for row, choice in enumerate(choices) if choice)).to_bytes(16 * blocks, "little")
    own = [stream(both[0], 16 * blocks) for both in keys]
    sent = [exclusive_or(one, stream(both[1], 16 * blocks), filled) for one, both in zip(own, keys, strict=True)]
    weighted = weights(session, count, request, b"".join(reply), b"".join(sent))
    hashes = [column_hash(column, weighted).to_bytes(16, "little") for column in (filled, *own)]
    return b"\x02" + b"".join((*reply, *sent, *hashes)), rows(own, count)
