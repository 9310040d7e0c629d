"""The constants of SHA-256 and SHA-512, computed as FIPS 180-4 defines them: fractional parts of roots of primes."""

from __future__ import annotations

from math import isqrt


def cube_roots(count: int, bits: int) -> list[int]:
    """Return the first ``bits`` bits of the fractional parts of cube roots, sections 4.2.2 and 4.2.3.

    They are the roots of the first ``count`` primes, in order.
    """
    return [_cube_root(prime << 3 * bits) & (1 << bits) - 1 for prime in _primes(count)]


def square_roots(count: int, bits: int) -> list[int]:
    """Return the same of square roots, sections 5.3.3 and 5.3.5."""
    return [isqrt(prime << 2 * bits) & (1 << bits) - 1 for prime in _primes(count)]


def _primes(count: int) -> list[int]:
    found: list[int] = []
    candidate = 2
    while len(found) < count:
        if all(candidate % prime for prime in found):
            found.append(candidate)
        candidate += 1
    return found


def _cube_root(number: int) -> int:
    """Return the integer part of the cube root."""
    root = 1 << -(-number.bit_length() // 3)
    while root**3 > number:
        root = (2 * root + number // root**2) // 3
    return root
