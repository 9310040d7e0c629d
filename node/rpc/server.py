"""The gRPC server of a node: bounded, drained, TLS 1.3 only; and the door that peers come in by."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import grpc

from node.clock import Clock
from node.codes import Code, Role
from node.config import Settings, split_address
from node.errors import Refusal
from node.logs import get_logger
from node.rpc.certificates import KeyAndCertificate, Usage
from node.rpc.dispatch import Activity, Dispatcher, Door, Service
from node.rpc.exchange import PeerDoor
from node.rpc.health import Health
from node.rpc.peers import Parties, PeerDirectory
from node.rpc.tls import check_own, require_tls13_only, server_credentials, server_options
from protocols.primitives.signing import SigningKey
from protocols.randomness import Randomness

CORRELATION_BYTES = 8
_log = get_logger("rpc")


@dataclass(frozen=True)
class Port:
    """Where a server listens and how much it takes on.

    ``waiting`` calls may wait for one of ``threads``; further ones are refused by gRPC itself.
    """

    name: str
    listen: str
    threads: int
    waiting: int
    message_bytes: int


class NodeServer:
    """One listening gRPC server. ``start``, then ``drain``, then ``stop``."""

    def __init__(
        self,
        port: Port,
        credentials: grpc.ServerCredentials,
        handlers: Iterable[grpc.GenericRpcHandler],
        activity: Activity,
        health: Health,
    ) -> None:
        self._port = port
        self._activity = activity
        self._health = health
        self._server = grpc.server(
            ThreadPoolExecutor(port.threads, thread_name_prefix=f"rpc-{port.name}"),
            handlers=[*handlers, health.handler()],
            options=server_options(port.message_bytes),
            maximum_concurrent_rpcs=port.threads + port.waiting,
        )
        self._credentials = credentials

    def start(self) -> int:
        """Listen, check that TLS 1.2 is refused, and return the port.

        Raises:
            Refusal: ``CONFIG_INVALID``: the address cannot be listened on, or TLS 1.2 is not refused.
        """
        host, _ = split_address(self._port.listen)
        try:
            number = self._server.add_secure_port(self._port.listen, self._credentials)
        except RuntimeError:
            raise Refusal(
                Code.CONFIG_INVALID,
                f"{self._port.name}.listen: {self._port.listen} cannot be listened on",
                remedy="Is the node running already, or another program there? Else give another address.",
            ) from None
        self._server.start()
        try:
            require_tls13_only({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), number)  # noqa: S104
        except BaseException:
            self._server.stop(None)
            raise
        self._health.serving()
        _log.info("listening", server=self._port.name, port=number)
        return number

    def drain(self, seconds: float) -> bool:
        """Report NOT_SERVING, refuse new calls with ``DRAINING``, wait; return whether all running calls ended."""
        self._health.not_serving()
        return self._activity.drain(seconds)

    def stop(self) -> None:
        """Close the port and cut off what still runs."""
        self._server.stop(None).wait()


def build_peer_server(
    settings: Settings,
    identity: KeyAndCertificate,
    signing_key: SigningKey,
    parties: Parties,
    services: Iterable[Service],
    *,
    clock: Clock,
    randomness: Randomness,
) -> NodeServer:
    """Return the server that peers dial; a bureau's answers banks only, a bank's the bureaus' health checks.

    Args:
        settings: ``server``, ``limits`` and the own id are used.
        identity: TLS key and certificate, checked here.
        signing_key: signs every response.
        parties: the trusted parties, asked on every call.
        services: what the node answers, made by :func:`node.rpc.dispatch.service`.
        clock: for certificates' dates and messages' times.
        randomness: for correlation ids.

    Raises:
        Refusal: ``CONFIG_INVALID``: the certificate cannot be used (RSA, expired, not yet valid, wrong usage).
    """
    check_own(identity, (Usage.SERVER, Usage.CLIENT), clock())
    answered = frozenset({Role.BANK if settings.node.role is Role.BUREAU else Role.BUREAU})
    directory = PeerDirectory(parties, answered, clock)
    door = PeerDoor(settings.node.id, directory, signing_key, settings.limits, clock)
    port = Port(
        "server",
        settings.server.listen,
        settings.server.threads,
        settings.server.waiting_calls,
        settings.limits.message_bytes,
    )
    return assemble(
        port,
        server_credentials(identity, directory.roots),
        door,
        Health(directory.identify),
        services,
        randomness,
    )


def assemble(
    port: Port,
    credentials: grpc.ServerCredentials,
    door: Door,
    health: Health,
    services: Iterable[Service],
    randomness: Randomness,
) -> NodeServer:
    """Return a server whose services all stand behind one door."""
    activity = Activity()
    dispatcher = Dispatcher(door, activity, lambda: randomness.bytes(CORRELATION_BYTES).hex())
    handlers = [dispatcher.handler(offered) for offered in services]
    return NodeServer(port, credentials, handlers, activity, health)
