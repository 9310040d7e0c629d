"""ristretto255 and RFC 9497's mode OPRF once more, slowly, in plain integers: an independent check of the vectors.

Written from RFC 9496 section 4, RFC 9380 section 5.3.1 and RFC 9497 sections 3 and 4.1; shares no code with the
package.
"""

from __future__ import annotations

import hashlib
from math import ceil

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
# RFC 9496 section 4.1
D = 37095705934669439343138083508754565189542113879843219016388785533085940283555
SQRT_M1 = 19681161376707505956807079304988542015446066515923890162744021073123829784752
SQRT_AD_MINUS_ONE = 25063068953384623474111414158702152701244531502492656460079210482610430750235
INVSQRT_A_MINUS_D = 54469307008909316920995813868745141605393597292927456921205312896311721017578
ONE_MINUS_D_SQ = 1159843021668779879193775521855586647937357759715417654439879720876111806838
D_MINUS_ONE_SQ = 40440834346308536858101042469323190826248399146238708352240133220865137265952

Element = tuple[int, int, int, int]  # extended coordinates X, Y, Z, T
IDENTITY: Element = (0, 1, 1, 0)


def _negative(value: int) -> bool:
    return value % P % 2 == 1


def _absolute(value: int) -> int:
    return -value % P if _negative(value) else value % P


def sqrt_ratio(u: int, v: int) -> tuple[bool, int]:
    """SQRT_RATIO_M1 of RFC 9496 section 4.2."""
    r = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    check = v * r * r % P
    correct = check == u % P
    flipped = check == -u % P
    flipped_i = check == -u * SQRT_M1 % P
    if flipped or flipped_i:
        r = r * SQRT_M1 % P
    return correct or flipped, _absolute(r)


def decode(encoded: bytes) -> Element | None:
    """Decode of section 4.3.1; None where it fails."""
    s = int.from_bytes(encoded, "little")
    if len(encoded) != 32 or s >= P or _negative(s):
        return None
    ss = s * s % P
    u1, u2 = (1 - ss) % P, (1 + ss) % P
    v = (-(D * u1 * u1) - u2 * u2) % P
    was_square, inverse = sqrt_ratio(1, v * u2 * u2 % P)
    den_x = inverse * u2 % P
    den_y = inverse * den_x * v % P
    x = _absolute(2 * s * den_x)
    y = u1 * den_y % P
    t = x * y % P
    if not was_square or _negative(t) or y == 0:
        return None
    return x, y, 1, t


def encode(element: Element) -> bytes:
    """Encode of section 4.3.2."""
    x0, y0, z0, t0 = element
    u1 = (z0 + y0) * (z0 - y0) % P
    u2 = x0 * y0 % P
    _, inverse = sqrt_ratio(1, u1 * u2 * u2 % P)
    den1, den2 = inverse * u1 % P, inverse * u2 % P
    z_inv = den1 * den2 * t0 % P
    if _negative(t0 * z_inv):
        x, y, den_inv = y0 * SQRT_M1 % P, x0 * SQRT_M1 % P, den1 * INVSQRT_A_MINUS_D % P
    else:
        x, y, den_inv = x0, y0, den2
    if _negative(x * z_inv):
        y = -y % P
    return _absolute(den_inv * (z0 - y)).to_bytes(32, "little")


def _map(t: int) -> Element:
    """MAP of section 4.3.4."""
    r = SQRT_M1 * t * t % P
    u = (r + 1) * ONE_MINUS_D_SQ % P
    v = (-1 - r * D) * (r + D) % P
    was_square, s = sqrt_ratio(u, v)
    c = -1 % P
    if not was_square:
        s, c = -_absolute(s * t) % P, r
    n = (c * (r - 1) * D_MINUS_ONE_SQ - v) % P
    w0, w1 = 2 * s * v % P, n * SQRT_AD_MINUS_ONE % P
    w2, w3 = (1 - s * s) % P, (1 + s * s) % P
    return w0 * w3 % P, w2 * w1 % P, w1 * w3 % P, w0 * w2 % P


def add(left: Element, right: Element) -> Element:
    """Complete addition on the twisted Edwards curve with a = -1."""
    x1, y1, z1, t1 = left
    x2, y2, z2, t2 = right
    a, b = (y1 - x1) * (y2 - x2), (y1 + x1) * (y2 + x2)
    c, d = 2 * D * t1 * t2, 2 * z1 * z2
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar: int, element: Element) -> Element:
    result = IDENTITY
    while scalar:
        if scalar & 1:
            result = add(result, element)
        element = add(element, element)
        scalar >>= 1
    return result


def from_uniform(uniform: bytes) -> Element:
    """Element derivation of section 4.3.4 from 64 bytes."""
    halves = [int.from_bytes(uniform[at : at + 32], "little") % 2**255 % P for at in (0, 32)]
    return add(_map(halves[0]), _map(halves[1]))


def expand_message_xmd(message: bytes, separation: bytes, length: int) -> bytes:
    """RFC 9380 section 5.3.1 with SHA-512, for any length."""
    tag = separation + bytes([len(separation)])
    first = hashlib.sha512(bytes(128) + message + length.to_bytes(2, "big") + b"\0" + tag).digest()
    blocks = [hashlib.sha512(first + b"\1" + tag).digest()]
    for index in range(2, ceil(length / 64) + 1):
        mixed = bytes(a ^ b for a, b in zip(first, blocks[-1], strict=True))
        blocks.append(hashlib.sha512(mixed + bytes([index]) + tag).digest())
    return b"".join(blocks)[:length]


_CONTEXT = b"OPRFV1-\x00-ristretto255-SHA512"


def hash_to_group(data: bytes) -> Element:
    return from_uniform(expand_message_xmd(data, b"HashToGroup-" + _CONTEXT, 64))


def derive_secret(seed: bytes, info: bytes) -> int:
    """DeriveKeyPair of RFC 9497 section 3.2.1; the secret key."""
    data = seed + len(info).to_bytes(2, "big") + info
    for counter in range(256):
        uniform = expand_message_xmd(data + bytes([counter]), b"DeriveKeyPair" + _CONTEXT, 64)
        secret = int.from_bytes(uniform, "little") % L
        if secret:
            return secret
    raise ValueError("no key")


def finalize(data: bytes, blind: int, evaluated: Element) -> bytes:
    """Finalize of RFC 9497 section 3.3.1."""
    unblinded = encode(multiply(pow(blind, -1, L), evaluated))
    framed = len(data).to_bytes(2, "big") + data + len(unblinded).to_bytes(2, "big") + unblinded
    return hashlib.sha512(framed + b"Finalize").digest()


def evaluate(secret: int, data: bytes) -> bytes:
    """Evaluate of RFC 9497 section 3.3.1."""
    return finalize(data, 1, multiply(secret, hash_to_group(data)))
