"""The two messages of a verifiable round: blinded elements; evaluations with one proof for all. README clause 11.

Encoding: n x 32 bytes, n in 1..4096, and for the answer 64 bytes of proof behind them; nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from protocols.errors import PeerProtocolError
from protocols.primitives.ristretto import POINT_BYTES
from protocols.psi import batch
from protocols.psi.batch import Rows
from protocols.psi.dleq import PROOF_BYTES
from protocols.psi.messages import MAXIMUM_BATCH


@dataclass(frozen=True)
class BlindedElements:
    """Round 1, bank to bureau: one blinded element for every code, all different."""

    encoded: bytes  # n x 32

    def __post_init__(self) -> None:
        check_elements(self.encoded, MAXIMUM_BATCH)

    @property
    def elements(self) -> Rows:
        """The elements as rows, without a copy."""
        return batch.rows(self.encoded)

    def __len__(self) -> int:
        return len(self.encoded) // POINT_BYTES

    def encode(self) -> bytes:
        """Return the canonical encoding, 32 bytes an element."""
        return self.encoded

    @classmethod
    def computed(cls, elements: Rows) -> BlindedElements:
        """Wrap what this side computed from valid elements: checked by construction."""
        message = cls.__new__(cls)
        object.__setattr__(message, "encoded", elements.tobytes())
        return message

    @classmethod
    def decode(cls, data: bytes) -> BlindedElements:
        """Decode what a peer sent.

        Raises:
            PeerProtocolError: no whole elements, none or too many, one twice, one invalid or the identity.
        """
        return cls(bytes(data))


@dataclass(frozen=True)
class EvaluatedElements:
    """Round 2, bureau to bank: one evaluated element for every blinded one, in its order, and the proof for all."""

    encoded: bytes  # n x 32
    proof: bytes  # 64

    def __post_init__(self) -> None:
        check_elements(self.encoded, MAXIMUM_BATCH)
        if len(self.proof) != PROOF_BYTES:
            raise PeerProtocolError(f"a proof has {PROOF_BYTES} bytes")

    @property
    def elements(self) -> Rows:
        """The elements as rows, without a copy."""
        return batch.rows(self.encoded)

    def __len__(self) -> int:
        return len(self.encoded) // POINT_BYTES

    def encode(self) -> bytes:
        """Return the canonical encoding: the elements, then the proof."""
        return self.encoded + self.proof

    @classmethod
    def computed(cls, elements: Rows, proof: bytes) -> EvaluatedElements:
        """Wrap what this side computed from valid elements: checked by construction."""
        message = cls.__new__(cls)
        object.__setattr__(message, "encoded", elements.tobytes())
        object.__setattr__(message, "proof", proof)
        return message

    @classmethod
    def decode(cls, data: bytes) -> EvaluatedElements:
        """Decode what a peer sent; raises :class:`PeerProtocolError` as :meth:`BlindedElements.decode` does."""
        return cls(bytes(data[:-PROOF_BYTES]), bytes(data[-PROOF_BYTES:]))


def check_elements(encoded: bytes, maximum: int) -> None:
    """Return if ``encoded`` is 1..``maximum`` different, canonical elements other than the identity.

    Sizes first: no element is touched before the batch as a whole is known to be in bounds.

    Raises:
        PeerProtocolError: it is not.
    """
    count, rest = divmod(len(encoded), POINT_BYTES)
    if rest:
        raise PeerProtocolError("a batch of elements is truncated or has trailing bytes")
    if not 1 <= count <= maximum:
        raise PeerProtocolError(f"a batch has 1..{maximum} elements")
    # Twice the same element says twice the same input: multiplicities are never sent, README clause 1.
    if len(set(np.frombuffer(encoded, f"V{POINT_BYTES}").tolist())) != count:
        raise PeerProtocolError("an element stands twice in a batch")
    if not batch.decode_check(batch.rows(encoded)).all():
        raise PeerProtocolError("an element is the identity or not canonically encoded")
