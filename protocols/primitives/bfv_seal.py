"""Ring arithmetic of ``bfv-8192-1`` through Microsoft SEAL: the ONLY file that imports ``tenseal`` or ``zstandard``.

SEAL serves as arithmetic and nothing else: number-theoretic transforms, products with plaintexts, sums, the switch
down, decryption. It draws no randomness for us and parses nothing that a peer sent: residues are checked in
:mod:`protocols.primitives.bfv_packing` first, and the stream that SEAL loads is written here (README §5, §6).

``save`` and ``load`` of the binding take a path only, so bytes pass through an anonymous file in memory. SEAL
compresses what it saves with zstandard; the output is bounded by the exact size that is expected.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NewType

import numpy as np
import tenseal.sealapi as seal
import zstandard
from numpy.typing import NDArray

from protocols.errors import ParameterError, PeerProtocolError
from protocols.primitives.bfv_packing import Residues
from protocols.primitives.bfv_profile import BFV_8192_1, BfvProfile

Pair = NewType("Pair", object)
"""A ciphertext (c0, c1) inside SEAL."""
Plain = NewType("Plain", object)
"""A ring element with small coefficients inside SEAL."""

_HEADER = struct.Struct("<HBBBBHQ")  # magic, header size, major, minor, compression, reserved, total size
_MAGIC, _MAJOR, _MINOR, _RAW, _ZSTD = 0xA15E, 4, 3, 0, 2
_PLAIN = struct.Struct("<32sQd")  # level, coefficients, scale
_CIPHER = struct.Struct("<32sBQQQdQ")  # level, transformed, size, N, primes, scale, correction
_COUNT = struct.Struct("<Q")
_SLACK = 4096


@dataclass(frozen=True, repr=False)
class ResponseKey:
    """A secret key inside SEAL; opaque."""

    decryptor: Any
    secret: Plain

    def __repr__(self) -> str:
        return "ResponseKey(<redacted>)"

    def __reduce__(self) -> str:
        raise TypeError("a secret key cannot be pickled")


class BfvRing:
    """The ring ``Z_q[X]/(X^N + 1)``; one instance a process, from :func:`ring`. Not to be kept across a fork."""

    def __init__(self, profile: BfvProfile) -> None:
        parameters = seal.EncryptionParameters(seal.SCHEME_TYPE.BFV)
        parameters.set_poly_modulus_degree(profile.degree)
        parameters.set_coeff_modulus([seal.Modulus(prime) for prime in (*profile.data_primes, profile.special_prime)])
        parameters.set_plain_modulus(profile.plain_modulus)
        self._context: Any = seal.SEALContext(parameters, True, seal.SEC_LEVEL_TYPE.TC128)
        if not self._context.parameters_set():
            raise ParameterError(f"profile {profile.name} is refused by the arithmetic library")
        self._profile = profile
        self._evaluator: Any = seal.Evaluator(self._context)
        self._top = self._context.first_parms_id()
        self._bottom = self._context.last_parms_id()

    # ---- values in and out

    def plain(self, coefficients: NDArray[np.int64]) -> Plain:
        """Return a small polynomial, at most N signed coefficients, transformed for products at the top level."""
        return self._plain_at(coefficients, self._top)

    def pair(self, residues: Residues) -> Pair:
        """Return a ciphertext modulo q from residues of shape (2, primes, N), in coefficient form."""
        return self._pair_at(residues, self._top)

    def residues(self, pair: Pair) -> Residues:
        """Return the residues of a ciphertext in coefficient form, shape (2, primes, N); one prime after the switch."""
        body = _unwrap(_saved(pair), 2 * len(self._profile.data_primes) * self._profile.degree)
        _, transformed, size, degree, primes, _, _ = _CIPHER.unpack_from(body)
        if transformed or size != 2 or degree != self._profile.degree:
            raise ParameterError("the arithmetic library returned an unexpected form")
        return _words(body[_CIPHER.size :], 2 * primes * degree).reshape(2, primes, degree)

    # ---- arithmetic; a result with c1 = 0 shows its plaintext to everybody and raises PeerProtocolError

    def transform(self, pair: Pair) -> Pair:
        """Transform a ciphertext in place for products; returns it."""
        with _degenerate_refused():
            self._evaluator.transform_to_ntt_inplace(pair)
        return pair

    def restore(self, pair: Pair) -> Pair:
        """Undo :meth:`transform` in place; returns it."""
        with _degenerate_refused():
            self._evaluator.transform_from_ntt_inplace(pair)
        return pair

    def product(self, pair: Pair, plain: Plain) -> Pair:
        """Return a transformed ciphertext times a plain polynomial, transformed."""
        out = Pair(seal.Ciphertext())
        with _degenerate_refused():
            self._evaluator.multiply_plain(pair, plain, out)
        return out

    def add_products(self, total: Pair, pairs: Sequence[Pair], plains: Iterable[NDArray[np.int64]]) -> None:
        """Add ``sum_j pairs[j] * plains[j]`` to ``total`` in place, all transformed.

        Every product is made, whatever its value; one plain polynomial is held at a time.
        """
        for pair, coefficients in zip(pairs, plains, strict=True):
            self.add(total, self.product(pair, self.plain(coefficients)))

    def add(self, left: Pair, right: Pair) -> None:
        """Add ``right`` to ``left`` in place, both in the same form."""
        with _degenerate_refused():
            self._evaluator.add_inplace(left, right)

    def subtract(self, left: Pair, right: Pair) -> None:
        """Subtract ``right`` from ``left`` in place, both in the same form."""
        with _degenerate_refused():
            self._evaluator.sub_inplace(left, right)

    def switch_down(self, pair: Pair) -> None:
        """Divide and round to the one prime q' in place (README §7.4)."""
        with _degenerate_refused():
            self._evaluator.mod_switch_to_inplace(pair, self._bottom)

    # ---- the secret key's side

    def is_unit(self, coefficients: NDArray[np.int64]) -> bool:
        """Tell whether a small polynomial is invertible modulo q: no transformed coordinate is zero."""
        return bool(np.all(self._transformed(self.plain(coefficients))))

    def open_key(self, coefficients: NDArray[np.int64]) -> ResponseKey:
        """Return what opens ciphertexts modulo q' under the secret ``coefficients``, shape (N,)."""
        key = seal.SecretKey()
        _load(key, self._context, _saved(self._plain_at(coefficients, self._context.key_parms_id())))
        return ResponseKey(seal.Decryptor(self._context, key), self._plain_at(coefficients, self._bottom))

    def decrypt(self, key: ResponseKey, residues: Residues) -> NDArray[np.int64]:
        """Return SEAL's decryption of a ciphertext modulo q', residues of shape (2, N).

        Values lie in ``-t/2 .. t/2 - 1``, shape (N,).
        """
        out = Plain(seal.Plaintext())
        key.decryptor.decrypt(self._pair_at(residues[:, None, :], self._bottom), out)
        values = np.zeros(self._profile.degree, dtype=np.int64)
        found = self._coefficients(out)
        values[: found.size] = found
        half = self._profile.plain_modulus // 2
        signed: NDArray[np.int64] = (values + half) % self._profile.plain_modulus - half
        return signed

    def times_secret(self, key: ResponseKey, residues: Residues) -> Residues:
        """Return a ring element modulo q', shape (N,), times the secret: decryption before it is rounded."""
        pair = self.transform(self._pair_at(np.stack([residues, residues])[:, None, :], self._bottom))
        found: Residues = self.residues(self.restore(self.product(pair, key.secret)))[1, 0]
        return found

    # ---- SEAL's streams

    def _plain_at(self, coefficients: NDArray[np.int64], level: list[int]) -> Plain:
        words = (coefficients % self._profile.plain_modulus).astype("<u8")
        head = _PLAIN.pack(bytes(32), words.size, 1.0)
        out = Plain(seal.Plaintext())
        _load(out, self._context, _wrap(head + _wrap(_COUNT.pack(words.size) + words.tobytes())))
        self._evaluator.transform_to_ntt_inplace(out, level)
        return out

    def _pair_at(self, residues: Residues, level: list[int]) -> Pair:
        size, primes, degree = residues.shape
        name = np.array(level, dtype="<u8").tobytes()
        head = _CIPHER.pack(name, 0, size, degree, primes, 1.0, 1)
        words = residues.astype("<u8", copy=False)
        out = Pair(seal.Ciphertext())
        _load(out, self._context, _wrap(head + _wrap(_COUNT.pack(words.size) + words.tobytes())))
        return out

    def _transformed(self, plain: Plain) -> Residues:
        count = len(self._profile.data_primes) * self._profile.degree
        return _words(_unwrap(_saved(plain), count)[_PLAIN.size :], count)

    def _coefficients(self, plain: Plain) -> NDArray[np.int64]:
        body = _unwrap(_saved(plain), self._profile.degree)
        return _words(body[_PLAIN.size :], _PLAIN.unpack_from(body)[1]).astype(np.int64)


@lru_cache(maxsize=1)
def _ring_of(process: int) -> BfvRing:
    del process
    return BfvRing(BFV_8192_1)


def ring() -> BfvRing:
    """Return this process' ring; built at the first call (about 50 ms), and again after a fork."""
    return _ring_of(os.getpid())


def _wrap(body: bytes) -> bytes:
    return _HEADER.pack(_MAGIC, _HEADER.size, _MAJOR, _MINOR, _RAW, 0, _HEADER.size + len(body)) + body


def _unwrap(data: bytes, words: int) -> bytes:
    """Return the body of one SEAL object that holds at most ``words`` 64-bit words."""
    magic, _, major, minor, compression, _, size = _HEADER.unpack_from(data)
    if (magic, major, minor) != (_MAGIC, _MAJOR, _MINOR):
        raise ParameterError("the arithmetic library writes another stream version than this adapter reads")
    body = data[_HEADER.size : size]
    if compression == _ZSTD:
        return zstandard.ZstdDecompressor().decompress(body, max_output_size=8 * words + _SLACK)
    return body


def _words(data: bytes, count: int) -> Residues:
    body = _unwrap(data, count)
    if _COUNT.unpack_from(body)[0] != count:
        raise ParameterError("the arithmetic library returned an unexpected size")
    return np.frombuffer(body, dtype="<u8", count=count, offset=_COUNT.size).astype(np.uint64, copy=False)


@contextmanager
def _degenerate_refused() -> Iterator[None]:
    """Turn SEAL's refusal of a result with c1 = 0 into a peer's fault: honest ciphertexts never lead there."""
    try:
        yield
    except RuntimeError:
        raise PeerProtocolError("a ciphertext is degenerate") from None


@contextmanager
def _memory_file() -> Iterator[tuple[int, str]]:
    handle = os.memfd_create("bfv", os.MFD_CLOEXEC)
    try:
        yield handle, f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)


def _saved(item: Any) -> bytes:
    with _memory_file() as (handle, path):
        try:
            item.save(path)
        except RuntimeError:  # SEAL saves what is valid; its compressor says so where it gets no memory
            raise MemoryError("the arithmetic library has no memory to save in") from None
        return os.pread(handle, os.fstat(handle).st_size, 0)


def _load(item: Any, context: Any, data: bytes) -> None:
    with _memory_file() as (handle, path):
        os.write(handle, data)
        item.load(context, path)
