"""What a worker process computes for a count over a list, and for a confusion table of loan classes."""

from __future__ import annotations

from pathlib import Path

from node.lists.listfile import open_list
from protocols.psi.cardinality.messages import decode_message
from protocols.psi.cardinality.server import CountServer
from protocols.psi.classes.messages import decode_message as decode_table
from protocols.psi.classes.server import TableServer
from protocols.randomness import SystemRandomness


def answer_count(path: Path, codes: int, label_bytes: int, padded: int, message: bytes) -> list[bytes]:
    """Return the bureau's messages of one count under a key that is drawn here and never leaves this call.

    Raises:
        PeerProtocolError: ``message`` is no blinded set of ``padded`` elements.
    """
    content = open_list(path, codes, label_bytes)
    server = CountServer(content.codes.tolist(), padded, SystemRandomness())
    server.start()
    return [answer.encode() for answer in server.receive(decode_message(message))]


def answer_table(path: Path, codes: int, label_bytes: int, size: int, message: bytes) -> list[bytes]:
    """Return the bureau's messages of one confusion table under a key that is drawn here and never leaves this call.

    Raises:
        PeerProtocolError: ``message`` is no blinded set of ``size`` elements.
    """
    content = open_list(path, codes, label_bytes)
    server = TableServer(content.codes.tolist(), size, SystemRandomness())
    server.start()
    return [answer.encode() for answer in server.receive(decode_table(message))]
