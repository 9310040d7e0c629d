"""The block w that neither side chooses: the sender commits to a share, the receiver names the other. README 9.2.

Mixed into what is hashed to a tag, it makes every input of that hash new to whoever chose A, B, C or Δ.
In the profile of parties that follow the protocol there is no coin, w is zero, and each message of it is refused.
"""

from __future__ import annotations

import numpy as np

from protocols.errors import PeerProtocolError
from protocols.primitives.blocks import BLOCK_BYTES, Blocks, decode_blocks
from protocols.psi.vole.messages import CoinCommitment, CoinOpening, CoinShare, Message
from protocols.psi.vole.parameters import VoleIntersectionParameters
from protocols.randomness import Randomness
from protocols.transcript import digest


class SenderCoin:
    """The sender's half: one SECRET share, opened once the receiver's table is there."""

    def __init__(self, parameters: VoleIntersectionParameters, randomness: Randomness) -> None:
        self._parameters = parameters
        self._own = randomness.bytes(BLOCK_BYTES) if parameters.malicious else b""
        self._other = b""

    def commitment(self) -> tuple[Message, ...]:
        """Return what the sender says first."""
        if not self._parameters.malicious:
            return ()
        return (CoinCommitment(self._parameters.run, _commit(self._parameters, self._own)),)

    def take(self, message: CoinShare) -> None:
        """Take the receiver's share.

        Raises:
            PeerProtocolError: the run has no coin, or a share was named before.
        """
        if not self._parameters.malicious or self._other:
            raise PeerProtocolError("a share of the coin that is not due")
        self._other = message.share

    def opening(self) -> tuple[Message, ...]:
        """Return what goes before the tags.

        Raises:
            PeerProtocolError: the receiver has named no share.
        """
        if not self._parameters.malicious:
            return ()
        if not self._other:
            raise PeerProtocolError("the masked table came without a share of the coin")
        return (CoinOpening(self._parameters.run, self._own),)

    def mixed(self, blocks: Blocks) -> Blocks:
        """Return ``blocks`` plus w."""
        return _mixed(blocks, self._own, self._other)


class ReceiverCoin:
    """The receiver's half: its share goes out under the sender's commitment."""

    def __init__(self, parameters: VoleIntersectionParameters, randomness: Randomness) -> None:
        self._parameters = parameters
        self._own = randomness.bytes(BLOCK_BYTES) if parameters.malicious else b""
        self._commitment = self._other = b""

    @property
    def committed(self) -> bool:
        """Whether the share may be named: the sender is bound to its own."""
        return bool(self._commitment) or not self._parameters.malicious

    @property
    def known(self) -> bool:
        """Whether w is known."""
        return bool(self._other) or not self._parameters.malicious

    def take(self, message: CoinCommitment | CoinOpening) -> None:
        """Take the sender's commitment, then what opens it.

        Raises:
            PeerProtocolError: the run has no coin, one came before, or the share is not the one committed to.
        """
        taken = self._commitment if isinstance(message, CoinCommitment) else self._other
        if not self._parameters.malicious or taken:
            raise PeerProtocolError("a message of the coin that is not due")
        if isinstance(message, CoinCommitment):
            self._commitment = message.commitment
            return
        if _commit(self._parameters, message.share) != self._commitment:
            raise PeerProtocolError("the sender's share of the coin is not the one it committed to")
        self._other = message.share

    def share(self) -> tuple[Message, ...]:
        """Return what goes before the masked table."""
        return (CoinShare(self._parameters.run, self._own),) if self._parameters.malicious else ()

    def mixed(self, blocks: Blocks) -> Blocks:
        """Return ``blocks`` plus w."""
        return _mixed(blocks, self._own, self._other)


def _commit(parameters: VoleIntersectionParameters, share: bytes) -> bytes:
    return digest("psi/vole/coin", parameters.run, share)


def _mixed(blocks: Blocks, own: bytes, other: bytes) -> Blocks:
    if not own:
        return blocks
    mixed: Blocks = blocks ^ np.bitwise_xor(*decode_blocks(own + other))
    return mixed
