"""The control API's server: operators of this node alone, by certificates pinned in ``DIR/operator/*.crt``.

Messages are bare: the caller is this node's own, so there is nothing to countersign. Certificates are read again on
every call: removing a file stops an operator at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message

from node.clock import Clock
from node.codes import Code
from node.config import Settings
from node.errors import Refusal
from node.initialise import OPERATOR_DIRECTORY
from node.logs import get_logger
from node.rpc import certificates
from node.rpc.certificates import CertificateFault, KeyAndCertificate, Usage
from node.rpc.dispatch import Service
from node.rpc.envelope import parse_strict
from node.rpc.exchange import Deadline
from node.rpc.health import Health
from node.rpc.methods import Method, control_methods
from node.rpc.peers import AuthContext, PeerAddress, client_fingerprint, peer_address
from node.rpc.server import NodeServer, Port, assemble
from node.rpc.tls import check_own, server_credentials
from protocols.randomness import Randomness

WAITING_CALLS = 32
STREAM_SECONDS = 86_400.0
"""Following a job lasts as long as the job; the caller's own deadline is what ends it."""

_log = get_logger("control")


@dataclass(frozen=True)
class OperatorContext:
    """What a control function knows of its call."""

    operator: str
    """The operator's name: the file name of the certificate without its ending."""
    peer_address: PeerAddress | None
    correlation_id: str
    deadline: Deadline

    @property
    def deadline_seconds_left(self) -> float:
        """Seconds until the caller gives up."""
        return self.deadline.seconds_left()


class OperatorDirectory:
    """The operators whose certificates lie in the node's folder now."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    def roots(self) -> bytes:
        """Return the certificates, PEM: the roots of a handshake."""
        return b"".join(pem for _, pem in self._read().values())

    def identify(self, context: AuthContext) -> str:
        """Return the operator's name.

        Raises:
            Refusal: ``PEER_UNTRUSTED``.
        """
        found = self._read().get(client_fingerprint(context, self._clock()))
        if found is None:
            raise Refusal(
                Code.PEER_UNTRUSTED,
                "the certificate is not one of this node's operators",
                remedy="Use a certificate of DIR/operator, or make one: banktax operator add.",
            )
        return found[0]

    def _read(self) -> dict[str, tuple[str, bytes]]:
        operators: dict[str, tuple[str, bytes]] = {}
        for path in sorted(self._folder.glob("*.crt")):
            try:
                pem = path.read_bytes()
                certificate = certificates.parse(pem)
            except (OSError, CertificateFault):
                _log.warning("operator certificate unreadable", file=path.name)
                continue
            operators[certificates.fingerprint(certificate)] = (path.stem, pem.strip() + b"\n")
        return operators


class _OperatorExchange:
    """One control call; its messages are bare."""

    def __init__(self, method: Method[Any, Any], context: OperatorContext) -> None:
        self._method = method
        self.context = context

    def request(self, data: bytes) -> Message:
        """Return the request.

        Raises:
            Refusal: ``MALFORMED``: it does not parse or has unknown fields.
        """
        message: Message = parse_strict(self._method.request, data)
        return message

    def response(self, message: Message) -> bytes:
        """Return the response's encoding."""
        return message.SerializeToString()


class OperatorDoor:
    """Lets this node's operators in."""

    def __init__(self, directory: OperatorDirectory) -> None:
        self._directory = directory

    def admit(self, method: Method[Any, Any], call: grpc.ServicerContext, correlation_id: str) -> _OperatorExchange:
        """Return the exchange of an operator.

        Raises:
            Refusal: ``PEER_UNTRUSTED``.
        """
        context = OperatorContext(
            self._directory.identify(call.auth_context()),
            peer_address(call.peer()),
            correlation_id,
            Deadline.of(call, STREAM_SECONDS),
        )
        return _OperatorExchange(method, context)


ControlFunction = Callable[[OperatorContext, Any], Any]


def control_service(functions: Mapping[str, ControlFunction]) -> Service:
    """Return the control service of functions by method name; what is left out is refused with ``WRONG_ROLE``.

    Raises:
        ValueError: a name is no method of the control API.
    """
    methods = control_methods()
    if unknown := functions.keys() - methods.keys():
        raise ValueError(f"no such control methods: {', '.join(sorted(unknown))}")
    handlers = tuple((method, functions.get(name, _other_role)) for name, method in methods.items())
    return Service(next(iter(methods.values())).service, handlers)


def _other_role(_context: OperatorContext, _request: Any) -> Any:
    raise Refusal(
        Code.WRONG_ROLE,
        "this node's role does not do this: tax data is a bureau's, models, jobs and scores are a bank's",
    )


def build_control_server(
    settings: Settings, identity: KeyAndCertificate, service: Service, *, clock: Clock, randomness: Randomness
) -> NodeServer:
    """Return the control API's server; it shows the node's own TLS certificate.

    Raises:
        Refusal: ``CONFIG_INVALID``: that certificate cannot be used.
    """
    check_own(identity, (Usage.SERVER,), clock())
    operators = OperatorDirectory(settings.directory / OPERATOR_DIRECTORY, clock)
    port = Port(
        "control", settings.control.listen, settings.control.threads, WAITING_CALLS, settings.limits.message_bytes
    )
    return assemble(
        port,
        server_credentials(identity, operators.roots),
        OperatorDoor(operators),
        Health(operators.identify),
        [service],
        randomness,
    )
