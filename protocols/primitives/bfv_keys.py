"""Key generation and public-key encryption of ``bfv-8192-1``: Lyubashevsky, Peikert and Regev (eprint 2012/230),
Fan and Vercauteren (eprint 2012/144), as README §6 writes them; every value a function of a 32-byte seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.errors import ParameterError, PeerProtocolError
from protocols.primitives.bfv_packing import Residues, pack_polynomials, unpack_polynomials
from protocols.primitives.bfv_profile import BFV_8192_1
from protocols.primitives.bfv_sampling import Small, centred_binomial, stream, ternary, uniform_element
from protocols.primitives.bfv_seal import Pair, ring
from protocols.randomness import SEED_BYTES, derive_seed

PUBLIC_KEY_BYTES = SEED_BYTES + BFV_8192_1.polynomial_bytes
CIPHERTEXT_BYTES = 2 * BFV_8192_1.polynomial_bytes
WORST_FRESH_NOISE = BFV_8192_1.error_halves * (2 * BFV_8192_1.degree + 1) + 1
"""What no coefficient of a fresh ciphertext's noise can exceed: every error and every ternary at its limit."""
_PRIMES = np.array(BFV_8192_1.data_primes, dtype=np.int64)[:, None]


def _reduce(values: NDArray[np.int64]) -> Residues:
    return np.remainder(values, _PRIMES).astype(np.uint64)


def _product(pair: Pair, small: Small) -> NDArray[np.int64]:
    """Return a transformed pair times a small polynomial as residues, shape (2, primes, N)."""
    engine = ring()
    return engine.residues(engine.restore(engine.product(pair, engine.plain(small)))).astype(np.int64)


def scaled(weight: int) -> int:
    """Return ``round(q weight / t)`` modulo q: how a signed integer is encoded (README §6.4)."""
    q, t = BFV_8192_1.modulus, BFV_8192_1.plain_modulus
    return (2 * q * weight + t) // (2 * t) % q


class BfvSecretKey:
    """The ternary secret s of one model, made from a 32-byte master seed; opaque, never pickled."""

    def __init__(self, master: bytes) -> None:
        if len(master) != SEED_BYTES:
            raise ParameterError(f"a master seed has {SEED_BYTES} bytes")
        self._master = master
        self._s = ternary(stream(master, "s"))
        if not ring().is_unit(self._s):  # once in 2^34 seeds; README §7.3 needs an invertible s
            raise ParameterError("the master seed gives a secret that is not invertible: draw another")

    @property
    def secret_polynomial(self) -> Small:
        """The SECRET coefficients of s, shape (N,)."""
        return self._s

    def secret_seed(self, label: str, *context: bytes) -> bytes:
        """Return a SECRET 32-byte seed of this key for one labelled purpose."""
        return derive_seed(self._master, f"{BFV_8192_1.name}/{label}", *context)

    def export_secret(self) -> bytes:
        """Return the SECRET 32-byte master seed, for sealing it at rest and for nothing else."""
        return self._master

    def public_key(self) -> BfvPublicKey:
        """Return the public key (a, b = -a s + e), with a expanded from a public seed."""
        public_seed = self.secret_seed("public-seed")
        a = uniform_element(public_seed)
        error = centred_binomial(stream(self._master, "e"))
        pair = ring().transform(ring().pair(np.stack([a, a])))
        return BfvPublicKey(public_seed, _reduce(error - _product(pair, self._s)[0]))

    def noise(self, ciphertext: Residues, weight: int) -> Small:
        """Return the noise ``c0 + c1 s - round(q weight / t)`` of a fresh ciphertext, shape (N,).

        Raises:
            ParameterError: the ciphertext does not hold ``weight`` under this key.
        """
        values = ciphertext[0].astype(np.int64) + _product(ring().transform(ring().pair(ciphertext)), self._s)[1]
        values[:, 0] -= np.array([scaled(weight) % prime for prime in BFV_8192_1.data_primes])
        centred = np.remainder(values + _PRIMES // 2, _PRIMES) - _PRIMES // 2
        if np.any(centred != centred[0]) or np.any(np.abs(centred[0]) > WORST_FRESH_NOISE):
            raise ParameterError("a ciphertext does not hold its weight under this key")
        noise: Small = centred[0]
        return noise

    def __repr__(self) -> str:
        return "BfvSecretKey(<redacted>)"

    def __reduce__(self) -> str:
        raise TypeError("a secret key cannot be pickled")


@dataclass(frozen=True, eq=False)
class BfvPublicKey:
    """The seed of a (32 bytes) and b, residues of shape (primes, N)."""

    seed: bytes
    b: Residues

    def encode(self) -> bytes:
        """Return the canonical form, :data:`PUBLIC_KEY_BYTES` long."""
        return self.seed + pack_polynomials(self.b[None])

    @classmethod
    def decode(cls, data: bytes) -> BfvPublicKey:
        """Return the key that ``data`` encodes.

        Raises:
            PeerProtocolError: the size is not exact, or a residue is not below its modulus.
        """
        if len(data) != PUBLIC_KEY_BYTES:
            raise PeerProtocolError("a public key has the wrong size")
        return cls(data[:SEED_BYTES], unpack_polynomials(data[SEED_BYTES:], 1)[0])


class BfvEncryptor:
    """Encrypts under one public key; holds the key transformed, about 0.4 MB."""

    def __init__(self, key: BfvPublicKey) -> None:
        self._pair = ring().transform(ring().pair(np.stack([key.b, uniform_element(key.seed)])))

    def encrypt(self, weight: int, seed: bytes) -> Residues:
        """Return ``(b u + e0 + round(q weight / t), a u + e1)``, residues of shape (2, primes, N).

        ``seed``, 32 bytes, serves this one ciphertext: two that share it differ by their plaintexts in the clear.
        """
        residues = _product(self._pair, ternary(stream(seed, "u")))
        residues[0] += centred_binomial(stream(seed, "e0"))
        residues[1] += centred_binomial(stream(seed, "e1"))
        residues[0, :, 0] += np.array([scaled(weight) % prime for prime in BFV_8192_1.data_primes])
        return _reduce(residues)
