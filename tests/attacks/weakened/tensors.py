"""A bureau that answers with a library's own inner product: one number by its header, every partial sum inside."""

from __future__ import annotations

from typing import Any

import tenseal

PLAIN_MODULUS = 1_032_193


def make_context() -> Any:
    """Return the bank's context with its keys, about a second."""
    context = tenseal.context(tenseal.SCHEME_TYPE.BFV, 8192, plain_modulus=PLAIN_MODULUS)
    context.generate_galois_keys()
    context.generate_relin_keys()
    return context


def encrypted_weights(context: Any, weights: list[int]) -> Any:
    """Return all weights in one ciphertext, as the library's examples do."""
    return tenseal.bfv_vector(context, weights)


def answer(weights: Any, features: list[int]) -> bytes:
    """Return the bureau's answer for one enterprise: ``weights . features``, a vector of one number."""
    return bytes(weights.dot(features).serialize())


def read(context: Any, answered: bytes) -> list[int]:
    """Return what the library decrypts of an answer: as many numbers as its header says."""
    return [int(value) for value in tenseal.bfv_vector_from(context, answered).decrypt()]
