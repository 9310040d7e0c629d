"""A line between two processes that counts every byte, and that can be held: a TCP relay on loopback."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

_PART = 16 << 10


class CountingLine:
    """Relays connections to a port on loopback. ``received`` counts what came back from there, TLS and all."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.received = 0
        self._most: int | None = None
        self._changed = threading.Condition()
        threading.Thread(target=self._accept, name="line", daemon=True).start()

    def hold_after(self, count: int) -> None:
        """Let so many more bytes come back, then none until :meth:`release`."""
        with self._changed:
            self._most = self.received + count

    def held(self) -> bool:
        """Tell whether the line is held at its bound."""
        with self._changed:
            return self._most is not None and self.received >= self._most

    def release(self) -> None:
        """Let everything through again."""
        with self._changed:
            self._most = None
            self._changed.notify_all()

    def close(self) -> None:
        """Take no more connections."""
        self.release()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                for source, sink, counted in ((near, far, False), (far, near, True)):
                    threading.Thread(target=self._relay, args=(source, sink, counted), daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while part := source.recv(_PART):
                if counted:
                    self._count(len(part))
                sink.sendall(part)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _count(self, size: int) -> None:
        with self._changed:
            while self._most is not None and self.received >= self._most:
                self._changed.wait()
            self.received += size
