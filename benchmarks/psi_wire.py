"""Messages between two benchmark processes over a local socket: length, then bytes, both ways at once."""

from __future__ import annotations

import queue
import socket
import struct
import threading
from types import TracebackType

_LENGTH = struct.Struct("<I")
_PATIENCE_SECONDS = 3600.0
_CONNECT_TRIES = 600
_CONNECT_PAUSE = 0.05


class PeerGone(Exception):  # noqa: N818 - ends the process with one sentence
    """The other process closed the connection in the middle."""


class Wire:
    """One end of a connection. Sends in a thread of its own, so that two large messages never block each other.

    ``sent`` and ``received`` count the messages' bytes, without lengths and without barriers.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(_PATIENCE_SECONDS)
        self.sent = self.received = 0
        self._connection = connection
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._sender = threading.Thread(target=self._send_all, name="sender", daemon=True)
        self._sender.start()

    @classmethod
    def listen(cls, port: int) -> Wire:
        """Wait for the peer on a port of this machine."""
        with socket.create_server(("127.0.0.1", port)) as server:
            server.settimeout(_PATIENCE_SECONDS)
            connection, _ = server.accept()
        return cls(connection)

    @classmethod
    def connect(cls, port: int) -> Wire:
        """Connect to the peer, which may still be starting."""
        for _ in range(_CONNECT_TRIES):
            try:
                return cls(socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS))
            except ConnectionRefusedError:
                threading.Event().wait(_CONNECT_PAUSE)
        raise PeerGone("the peer does not listen")

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._outgoing.put(None)
        if kind is None:
            self._sender.join()
        self._connection.close()

    def send(self, message: bytes) -> None:
        """Send one message; returns at once."""
        self.sent += len(message)
        self._outgoing.put(message)

    def receive(self) -> bytes:
        """Wait for the next message.

        Raises:
            PeerGone: there will be none.
        """
        message = self._exactly(_LENGTH.unpack(self._exactly(_LENGTH.size))[0])
        self.received += len(message)
        return bytes(message)

    def barrier(self) -> None:
        """Wait until the peer is here too: what follows starts on both sides together."""
        self._outgoing.put(b"")
        if self.receive():
            raise PeerGone("the peer went on without us")

    def _send_all(self) -> None:
        while (message := self._outgoing.get()) is not None:
            try:
                self._connection.sendall(_LENGTH.pack(len(message)))
                self._connection.sendall(message)
            except OSError:
                return  # the receiving thread tells

    def _exactly(self, count: int) -> bytearray:
        found = bytearray(count)
        view, at = memoryview(found), 0
        while at < count:
            got = self._connection.recv_into(view[at:])
            if not got:
                raise PeerGone("the peer ended in the middle of a message")
            at += got
        return found
