"""Evaluators of ``bfv-8192-1`` that leave out one step of README §7: what hides the noise, or what keeps work even."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.bfv_keys import BfvEncryptor, BfvPublicKey
from protocols.primitives.bfv_packing import Residues, pack_residues
from protocols.primitives.bfv_profile import BFV_8192_1
from protocols.primitives.bfv_sampling import Small
from protocols.primitives.bfv_seal import Pair, ring
from protocols.randomness import SEED_BYTES, Randomness
from protocols.scoring.bfv import BfvEvaluator
from protocols.scoring.engine import EncryptedModel, EncryptedScores
from protocols.scoring.messages import ScoreResponse
from protocols.scoring.model import PublicModel

_N = BFV_8192_1.degree
_Q_RESPONSE = BFV_8192_1.response_prime
_PRIMES = np.array(BFV_8192_1.data_primes, dtype=np.int64)[:, None]


class WithoutFreshZero(BfvEvaluator):
    """Multiplies, adds and switches down, but adds no fresh encryption of zero."""

    def evaluate(self, columns: NDArray[np.uint16], randomness: Randomness) -> EncryptedScores:
        """Return scores whose c1 is a function of the features and of what the bank sent."""
        del randomness
        total = self._bare_sum(columns)
        ring().switch_down(total)
        c0, c1 = ring().residues(total)[:, 0]
        rows = columns.shape[1]
        return EncryptedScores.of_all(
            self.profile, rows, pack_residues(c1, _Q_RESPONSE), pack_residues(c0[:rows], _Q_RESPONSE)
        )

    def _bare_sum(self, columns: NDArray[np.uint16]) -> Pair:
        return ring().restore(bare_sum(self._pairs, columns))


class WithoutSwitch(BfvEvaluator):
    """Multiplies and adds a fresh encryption of zero, but answers modulo q: the noise stands there to be read."""

    def answer(self, columns: NDArray[np.uint16], randomness: Randomness) -> Residues:
        """Return the whole ciphertext modulo q, shape (2, primes, N)."""
        total = ring().pair(self._zero.encrypt(0, randomness.bytes(SEED_BYTES)))
        self._add_many_rows(total, columns)
        return ring().residues(total)


class WithFloodingOnly(WithoutSwitch):
    """Answers modulo q with uniform noise of a fixed size on top: too much for one look, not for many."""

    def __init__(self, *arguments: object, flood_bits: int, **named: object) -> None:
        super().__init__(*arguments, **named)  # type: ignore[arg-type]
        self._flood_bits = flood_bits

    def answer(self, columns: NDArray[np.uint16], randomness: Randomness) -> Residues:
        """Return the whole ciphertext modulo q, its noise flooded."""
        out = super().answer(columns, randomness).copy()
        words = np.frombuffer(randomness.bytes(8 * _N), dtype="<u8") >> np.uint64(64 - self._flood_bits)
        flood: Small = words.astype(np.int64) - (1 << (self._flood_bits - 1))
        out[0] = np.remainder(out[0].astype(np.int64) + flood, _PRIMES).astype(np.uint64)
        return out


class SkippingZeroColumns(BfvEvaluator):
    """Leaves out columns that are zero in every row, as any library does that wants to be quick."""

    def _add_many_rows(self, total: Pair, columns: NDArray[np.uint16]) -> None:
        ring().transform(total)
        ring().add(total, bare_sum(self._pairs, columns))
        ring().restore(total)


class CachingColumns(BfvEvaluator):
    """Keeps the answer to columns that it has seen: quick when somebody asked for the same enterprises before."""

    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **named)  # type: ignore[arg-type]
        self._seen: dict[bytes, Residues] = {}

    def _add_many_rows(self, total: Pair, columns: NDArray[np.uint16]) -> None:
        key = columns.tobytes()
        if key not in self._seen:
            self._seen[key] = ring().residues(ring().restore(bare_sum(self._pairs, columns)))
        ring().add(total, ring().pair(self._seen[key]))


def release_everything(binding: bytes, scores: EncryptedScores, keep: NDArray[np.bool_]) -> ScoreResponse:
    """Release all coefficients, whatever ``keep`` says of them: a bank that is honest does not look."""
    del keep
    return ScoreResponse(binding, scores)


def bare_sum(pairs: Sequence[Pair], columns: NDArray[np.uint16]) -> Pair:
    """Return ``sum_j pairs[j] x_j``, transformed, without the columns that are zero in every row."""
    first, *others = np.flatnonzero(columns.any(axis=1)).tolist()
    total = ring().product(pairs[first], ring().plain(_padded(columns[first])))
    ring().add_products(total, [pairs[place] for place in others], _each_padded(columns[others]))
    return total


def _padded(column: NDArray[np.uint16]) -> NDArray[np.int64]:
    plain = np.zeros(_N, dtype=np.int64)
    plain[: column.size] = column
    return plain


def _each_padded(columns: NDArray[np.uint16]) -> Iterator[NDArray[np.int64]]:
    return (_padded(column) for column in columns)


class TakingTheWholeKey(BfvEvaluator):
    """Takes both halves of the public key from its peer, where the profile expands a from a seed by a hash."""

    def __init__(self, encrypted: EncryptedModel, public: PublicModel, a: Residues) -> None:
        super().__init__(encrypted, public)
        self._zero = _EncryptorOf(BfvPublicKey.decode(encrypted.public_key).b, a)


class _EncryptorOf(BfvEncryptor):
    def __init__(self, b: Residues, a: Residues) -> None:
        self._pair = ring().transform(ring().pair(np.stack([b, a])))
