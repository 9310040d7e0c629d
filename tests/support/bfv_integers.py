"""An independent, slow ``bfv-8192-1`` in unbounded integers: from the specification's text, nothing of the node's.

Products in Z_q[X]/(X^8192 + 1) are made by Kronecker substitution: polynomials become one long integer each, and one
product of integers is one product of polynomials. No transform, no residues, no arithmetic library in common.
"""

from __future__ import annotations

from collections.abc import Iterator

import gmpy2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

N = 8192
PRIMES = (281474976694273, 1125899905744897, 1125899906629633)
Q = PRIMES[0] * PRIMES[1] * PRIMES[2]
T = 2**32
_SLOT = 40  # bytes: 2 x 148 bits and 13 for the sum fit 320

Polynomial = list[int]


def octets(seed: bytes, label: str) -> Iterator[int]:
    """Yield the bytes of one labelled stream: HKDF-SHA256, then AES-256 in counter mode."""
    name = f"bfv-8192-1/{label}".encode()
    info = len(name).to_bytes(4, "big") + name
    key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(seed)
    stream = Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor()
    while True:
        yield from stream.update(bytes(4096))


def words(seed: bytes, label: str) -> Iterator[int]:
    stream = octets(seed, label)
    while True:
        yield int.from_bytes(bytes(next(stream) for _ in range(8)), "little")


def ternary(seed: bytes, label: str) -> Polynomial:
    out: Polynomial = []
    for octet in octets(seed, label):
        if octet != 255:
            out.append(octet % 3 - 1)
        if len(out) == N:
            break
    return out


def errors(seed: bytes, label: str) -> Polynomial:
    stream, out = words(seed, label), []
    for _ in range(N):
        word = next(stream)
        out.append(sum(word >> i & 1 for i in range(21)) - sum(word >> i & 1 for i in range(21, 42)))
    return out


def public_a(seed: bytes) -> Polynomial:
    residues = []
    for place, prime in enumerate(PRIMES):
        stream, values = words(seed, f"a/{place}"), list[int]()
        while len(values) < N:
            value = next(stream) % 2 ** prime.bit_length()
            if value < prime:
                values.append(value)
        residues.append(values)
    return [crt(parts) for parts in zip(*residues, strict=True)]


def crt(parts: tuple[int, ...]) -> int:
    total = 0
    for part, prime in zip(parts, PRIMES, strict=True):
        rest = Q // prime
        total += part * rest * pow(rest, -1, prime)
    return total % Q


def multiply(left: Polynomial, right: Polynomial) -> Polynomial:
    product = _packed(left) * _packed(right)
    data = int(product).to_bytes(2 * N * _SLOT, "little")
    slots = [int.from_bytes(data[i * _SLOT : (i + 1) * _SLOT], "little") for i in range(2 * N)]
    return [(slots[i] - slots[i + N]) % Q for i in range(N)]


def _packed(polynomial: Polynomial) -> gmpy2.mpz:
    joined = b"".join((value % Q).to_bytes(_SLOT, "little") for value in polynomial)
    return gmpy2.mpz(int.from_bytes(joined, "little"))


def add(*polynomials: Polynomial) -> Polynomial:
    return [sum(values) % Q for values in zip(*polynomials, strict=True)]


def pack(polynomial: Polynomial) -> bytes:
    """Residues prime by prime, each prime's as one little-endian number with the first residue lowest."""
    out = b""
    for prime in PRIMES:
        bits = prime.bit_length()
        joined = "".join(format(value % prime, f"0{bits}b") for value in reversed(polynomial))
        out += int(joined, 2).to_bytes(N * bits // 8, "little")
    return out


def public_key(master: bytes, public_seed: bytes) -> tuple[Polynomial, Polynomial]:
    """Return (b, a) with b = -a s + e."""
    a = public_a(public_seed)
    product = multiply(a, ternary(master, "s"))
    return add([-value for value in product], errors(master, "e")), a


def encrypt(key: tuple[Polynomial, Polynomial], weight: int, seed: bytes) -> tuple[Polynomial, Polynomial]:
    """Return (b u + e0 + round(q w / t), a u + e1)."""
    u = ternary(seed, "u")
    c0 = add(multiply(key[0], u), errors(seed, "e0"))
    c0[0] = (c0[0] + (2 * Q * weight + T) // (2 * T)) % Q
    return c0, add(multiply(key[1], u), errors(seed, "e1"))


def centred(polynomial: Polynomial) -> Polynomial:
    return [value - Q if value > Q // 2 else value for value in polynomial]
