"""A real PostgreSQL server for the tests: one per session, in a temporary folder, gone at the end.

``BANKTAX_TEST_POSTGRESQL`` names a server to use instead (a URL whose user may create databases). Without that and
without server binaries the tests skip and say so; ``BANKTAX_REQUIRE_POSTGRESQL=1`` makes that a failure.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

USER = "banktax"
SECONDS = 60


def binaries() -> Path | None:
    """Return the folder of the newest installed server's programs."""
    versions = Path("/usr/lib/postgresql")
    folders = sorted(versions.glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    candidates = [*folders, *([Path(on_path).parent] if on_path else [])]
    return next((folder for folder in candidates if (folder / "initdb").exists()), None)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """URL of the server's maintenance database, as ``postgresql+psycopg://…``."""
    given = os.environ.get("BANKTAX_TEST_POSTGRESQL")
    if given:
        yield given
        return
    folder = binaries()
    if folder is None:
        reason = "no PostgreSQL server: install one or set BANKTAX_TEST_POSTGRESQL"
        if os.environ.get("BANKTAX_REQUIRE_POSTGRESQL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with running_server(folder) as url:
        yield url


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """URL of an empty database of its own for one test."""
    name = f"test_{secrets.token_hex(8)}"
    _maintain(postgresql_server, "CREATE DATABASE {}", name)
    yield make_url(postgresql_server).set(database=name).render_as_string(hide_password=False)
    _maintain(postgresql_server, "DROP DATABASE {} WITH (FORCE)", name)


@contextmanager
def running_server(folder: Path) -> Iterator[str]:
    """Initialise and run a server whose programs stand in ``folder``; stop and delete it at the end."""
    with tempfile.TemporaryDirectory(prefix="pg") as base:
        data, password = Path(base) / "data", secrets.token_hex(16)
        secret = Path(base) / "password"
        secret.write_text(password, encoding="ascii")
        account = _unprivileged()
        if account:
            for path in (Path(base), secret):
                os.chown(path, account.pw_uid, account.pw_gid)
        _run([folder / "initdb", "-D", data, "-U", USER, "-A", "scram-sha-256", "--pwfile", secret, "-E", "UTF8",
              "--no-locale", "--no-sync"], base, account)  # fmt: skip
        port = _free_port()
        options = f"-p {port} -k {base} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200"
        control: list[str | Path] = [folder / "pg_ctl", "-D", data, "-w", "-t", str(SECONDS)]
        _run([*control, "-o", options, "-l", f"{base}/log", "start"], base, account)
        try:
            yield f"postgresql+psycopg://{USER}:{password}@127.0.0.1:{port}/postgres"
        finally:
            _run([*control, "-m", "immediate", "stop"], base, account)


def _unprivileged() -> pwd.struct_passwd | None:
    """The server refuses to run as root: return an account to become, or none when not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    pytest.fail("root cannot run PostgreSQL, and no account «postgres» or «nobody» exists")


def _run(command: list[str | Path], folder: str, account: pwd.struct_passwd | None) -> None:
    done = subprocess.run(
        [*_becoming(account), *(str(part) for part in command)],
        cwd=folder,
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "HOME": folder},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=2 * SECONDS,
        check=False,
    )
    if done.returncode != 0:
        pytest.fail(f"{Path(command[0]).name} failed: {done.stderr.decode(errors='replace')[-500:]}")


def _becoming(account: pwd.struct_passwd | None) -> list[str]:
    """A program that changes the account and then runs the rest: asking ``subprocess`` for it would fork this process,
    and a fork waits for the threads of gRPC.
    """
    if account is None:
        return []
    return ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _maintain(server: str, statement: str, name: str) -> None:
    url = make_url(server).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
