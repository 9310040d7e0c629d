"""A Paillier bureau that takes any modulus, or sends its products as they are."""

from __future__ import annotations

import gmpy2
import numpy as np
from numpy.typing import NDArray

from protocols.primitives.paillier import PowerTable
from protocols.randomness import Randomness
from protocols.scoring.engine import EncryptedScores
from protocols.scoring.paillier import PaillierEvaluator


class WithoutFreshUnit(PaillierEvaluator):
    """Multiplies powers of the bank's ciphertexts, but not with a fresh r^n."""

    def evaluate(self, columns: NDArray[np.uint16], randomness: Randomness) -> EncryptedScores:
        """Return scores that are a function of the features and of what the bank sent."""
        del randomness
        products = [bare_product(self._tables, row, self._key.modulus_squared) for row in columns.T.tolist()]
        rows = b"".join(self._key.encode_ciphertext(product) for product in products)
        return EncryptedScores.of_all(self.profile, columns.shape[1], b"", rows)


def bare_product(tables: list[PowerTable], row: list[int], modulus_squared: int) -> int:
    """Return ``prod_j c_j^(x_j) mod n^2``."""
    modulus, total = gmpy2.mpz(modulus_squared), gmpy2.mpz(1)
    for table, exponent in zip(tables, row, strict=True):
        total = table.product(total * gmpy2.invert(table.excess, modulus) % modulus, exponent)
    return int(total)


def evaluate_under_any_modulus(modulus: int, ciphertexts: list[int], row: list[int], randomness: Randomness) -> int:
    """Return one row's encrypted score under whatever the bank calls its modulus, with a fresh r^n."""
    squared = modulus * modulus
    tables = [PowerTable(each, 1, squared) for each in ciphertexts]
    unit = int.from_bytes(randomness.bytes(modulus.bit_length() // 8 + 8), "big") % modulus
    while gmpy2.gcd(unit, modulus) != 1:
        unit += 1
    return bare_product(tables, row, squared) * int(gmpy2.powmod(unit, modulus, squared)) % squared
