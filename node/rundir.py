"""What a running node tells about itself in ``DIR/run``: its process id, its ports and its address."""

from __future__ import annotations

import os
from pathlib import Path

RUN_DIRECTORY = "run"
PID_FILE = "node.pid"
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - who listens everywhere is called here


class RunDirectory:
    """The folder ``DIR/run``; every file in it appears whole or not at all."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / RUN_DIRECTORY

    def write_pid(self, pid: int) -> None:
        """Record the process id of the node."""
        self._write(PID_FILE, pid)

    def write_port(self, server: str, port: int) -> None:
        """Record the port that ``server`` («server» or «control») listens on."""
        self._write(f"{server}.port", port)

    def write_address(self, server: str, address: str) -> None:
        """Record the ``host:port`` under which ``server`` is reached from this machine."""
        self._write(f"{server}.address", address)

    def pid(self) -> int | None:
        """Return the recorded process id, or None."""
        return self._read(PID_FILE)

    def port(self, server: str) -> int | None:
        """Return the recorded port of ``server``, or None."""
        return self._read(f"{server}.port")

    def address(self, server: str) -> str | None:
        """Return the recorded address of ``server``, or None."""
        try:
            return (self._path / f"{server}.address").read_text(encoding="ascii").strip() or None
        except (OSError, ValueError):
            return None

    def clear(self) -> None:
        """Remove what a run recorded."""
        for path in (*self._path.glob("*.port"), *self._path.glob("*.address"), self._path / PID_FILE):
            path.unlink(missing_ok=True)

    def _write(self, name: str, value: int | str) -> None:
        self._path.mkdir(mode=0o700, exist_ok=True)
        temporary = self._path / f".{name}.{os.getpid()}"
        temporary.write_text(f"{value}\n", encoding="ascii")
        temporary.replace(self._path / name)

    def _read(self, name: str) -> int | None:
        try:
            return int((self._path / name).read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None


def reachable(host: str, port: int) -> str:
    """Return the address under which a server that listens there is reached from this machine."""
    host = _EVERYWHERE.get(host, host)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
