"""What the key's holder computes of its own set: Evaluate of RFC 9497 section 3.3.1 of many inputs.

README clause 4.
"""

from __future__ import annotations

from collections.abc import Sequence

from protocols.psi import batch
from protocols.psi.hashing import Bytes, hash_outputs
from protocols.psi.oprf import Mode


def evaluate_outputs(key_secret: bytes, inputs: Sequence[bytes], mode: Mode) -> Bytes:
    """Return the 64-byte outputs of ``inputs`` in their order, (n, 64).

    ``key_secret`` is :meth:`protocols.psi.oprf.OprfKey.export_secret`'s 32 SECRET bytes.
    """
    return hash_outputs(inputs, batch.hash_and_multiply(inputs, mode.hash_to_group, batch.rows(key_secret)))
