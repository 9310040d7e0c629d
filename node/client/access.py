"""What opens a node's control API: its address, its certificate, an operator's certificate and key."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509

from node.codes import Code, Role
from node.errors import Refusal

PORT_FILE = Path("run", "control.port")
SERVER_CERTIFICATE = Path("keys", "tls.crt")
FORMER_CERTIFICATE = Path("keys", "tls-previous.crt")
OPERATORS = Path("operator")


@dataclass(frozen=True)
class ControlAccess:
    """Address and credentials, all PEM; the operator's key never shows in a representation.

    ``server_certificate`` is what the client accepts from the node (pinned as exact root): the current certificate, and
    behind it the former one, which a node shows that was not started again since its certificate was renewed.
    """

    endpoint: str
    server_certificate: bytes
    operator_certificate: bytes
    operator_key: bytes = field(repr=False)

    @property
    def server_name(self) -> str:
        """The DNS name in the node's certificate, which stands in for its address.

        Raises:
            Refusal: ``CONFIG_INVALID`` where the certificate cannot be read or carries no DNS name.
        """
        try:
            certificate = x509.load_pem_x509_certificate(self.server_certificate)
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            return names.get_values_for_type(x509.DNSName)[0]
        except (ValueError, IndexError, x509.ExtensionNotFound):
            raise Refusal(Code.CONFIG_INVALID, "the node's TLS certificate has no readable DNS name") from None

    @classmethod
    def from_directory(cls, directory: Path, operator: str = "operator") -> ControlAccess:
        """Read address and credentials from a node's directory.

        Args:
            directory: what ``banktax init`` made, or a folder of the same layout on another machine that holds
                ``run/control.port`` (``host:port``), ``keys/tls.crt`` and the operator's two files.
            operator: name of the operator whose files ``operator/NAME.crt`` and ``operator/NAME.key`` are used.

        Raises:
            Refusal: ``CONFIG_INVALID`` or ``KEY_UNAVAILABLE`` for what is missing or readable by others.
        """
        return cls(
            endpoint=control_endpoint(directory),
            server_certificate=_server_certificates(directory),
            operator_certificate=_read(directory / OPERATORS / f"{operator}.crt", Code.KEY_UNAVAILABLE),
            operator_key=_read_key(directory / OPERATORS / f"{operator}.key"),
        )


def control_endpoint(directory: Path) -> str:
    """Return ``host:port`` of the control API.

    A running node wrote it to ``run/control.address``. Else the host stands in the settings, and the port in
    ``run/control.port`` or the settings. Without settings (an operator's folder on another machine) that file holds
    ``host:port`` itself.

    Raises:
        Refusal: ``CONFIG_INVALID``; ``WRONG_ROLE`` for an auditor's directory; ``NODE_NOT_RUNNING`` where neither
            names a port.
    """
    from node.rundir import RunDirectory, reachable

    if address := RunDirectory(directory).address("control"):
        return address
    from node.config import SETTINGS_FILE, load, split_address  # takes longer to load than all that follows

    if not (directory / SETTINGS_FILE).exists() and (directory / PORT_FILE).exists():
        return (directory / PORT_FILE).read_text("ascii", errors="replace").strip()
    settings = load(directory)
    if settings.node.role is Role.AUDITOR:
        raise Refusal(Code.WRONG_ROLE, "an auditor runs no node; this command is for a bureau's or a bank's directory")
    host, port = split_address(settings.control.listen)
    port = RunDirectory(directory).port("control") or port
    if not port:
        raise Refusal(Code.NODE_NOT_RUNNING, "no running node has written the port of its control API")
    return reachable(host, port)


def _server_certificates(directory: Path) -> bytes:
    former = directory / FORMER_CERTIFICATE
    current = _read(directory / SERVER_CERTIFICATE, Code.CONFIG_INVALID)
    return current + (_read(former, Code.CONFIG_INVALID) if former.exists() else b"")


def _read(path: Path, code: Code) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refusal(code, f"{path} cannot be read: {error.strerror}") from None


def _read_key(path: Path) -> bytes:
    content = _read(path, Code.KEY_UNAVAILABLE)
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Refusal(
            Code.KEY_UNAVAILABLE,
            f"{path} may be used by others on this machine",
            remedy=f"Take their access away: chmod 600 {path}",
        )
    return content
