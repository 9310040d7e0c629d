"""Makes a node's directory: settings, sealed keys, certificate, operator's certificate.

    DIR/banktax.toml                    settings, commented
    DIR/keys/node.key                   32 random bytes, or node.key.wrapped under a passphrase
    DIR/keys/signing.key.sealed         Ed25519 party signing key, sealed
    DIR/keys/tls.key.sealed, tls.crt    ECDSA P-256 key, sealed, and the certificate that peers pin
    DIR/keys/encryption.key.sealed      X25519 key, sealed, that dossiers are encrypted to (at an auditor only)
    DIR/operator/operator.{key,crt}     what the command line shows to the control API (not at an auditor)
    DIR/data/                           database, feature sets, models

The directory appears whole or not at all.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node.clock import Clock
from node.codes import Code, Role
from node.config import DEFAULT_CONTROL_PORT, DEFAULT_PEER_PORT, SETTINGS_FILE, load
from node.errors import Refusal
from node.keys import (
    CERTIFICATE_FILE,
    ENCRYPTION_KEY_FILE,
    ENCRYPTION_LABEL,
    KEY_BYTES,
    KEYS_DIRECTORY,
    NODE_KEY_FILE,
    PREVIOUS_CERTIFICATE_FILE,
    SIGNING_KEY_FILE,
    SIGNING_LABEL,
    TLS_KEY_FILE,
    TLS_LABEL,
    WRAPPED_KEY_FILE,
    Sealer,
    wrap,
)
from node.rpc.certificates import KeyAndCertificate, Usage, make_certificate, server_name
from node.settings_reference import template
from node.storage.durable import rename, write_whole
from protocols.primitives.public_encryption import EncryptionKey
from protocols.primitives.signing import SigningKey
from protocols.randomness import Randomness

OPERATOR_DIRECTORY = "operator"
DEFAULT_OPERATOR = "operator"
_OPERATOR_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True)
class NewNode:
    """What ``banktax init`` is told."""

    role: Role
    party_id: str
    name_zh: str
    name_en: str
    listen: str | None = None
    """Address for peers; None: the role's default (127.0.0.1:7601 at a bureau, none at a bank)."""
    control_listen: str | None = None
    """Address of the control API; None: the role's default."""
    endpoint: str = ""
    """What peers dial, where it is not ``listen``."""
    passphrase: str | None = None
    """Wraps the node key; None: it lies in a key file."""

    def __repr__(self) -> str:
        return f"NewNode({self.role}, {self.party_id})"


def initialise(directory: Path, node: NewNode, *, randomness: Randomness, clock: Clock) -> None:
    """Make the directory of a new node.

    Raises:
        Refusal: ``INVALID_INPUT``: the directory exists and is not empty, or cannot be made; ``CONFIG_INVALID``: an
            id, name or address is malformed; ``KEY_UNAVAILABLE``: the passphrase is too short.
    """
    directory = directory.absolute()
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise Refusal(Code.INVALID_INPUT, f"{directory} exists and is not empty")
    building = directory.with_name(f".{directory.name}.{os.getpid()}.new")
    try:
        _build(building, node, randomness, clock())
        if directory.exists():
            directory.rmdir()
        rename(building, directory)
    except OSError:
        raise Refusal(Code.INVALID_INPUT, f"{directory} cannot be made") from None
    finally:
        shutil.rmtree(building, ignore_errors=True)


def add_operator(directory: Path, name: str, *, randomness: Randomness, now_ms: int) -> Path:
    """Make key and certificate of one more operator in ``DIR/operator``; the running node takes it up at once.

    Returns:
        the certificate's path; the key lies beside it, mode 0600, and goes with the certificate to the operator.

    Raises:
        Refusal: ``INVALID_INPUT``: the name is malformed or taken.
    """
    folder = directory / OPERATOR_DIRECTORY
    if not _OPERATOR_NAME.fullmatch(name):
        raise Refusal(Code.INVALID_INPUT, "an operator's name has lower-case letters, digits and hyphens, at most 63")
    if (folder / f"{name}.crt").exists():
        raise Refusal(Code.INVALID_INPUT, f"operator {name} exists")
    made = make_certificate(name, (Usage.CLIENT,), now_ms=now_ms, randomness=randomness)
    folder.mkdir(mode=0o700, exist_ok=True)
    write_whole(folder / f"{name}.key", made.key_pem)
    (folder / f"{name}.crt").write_bytes(made.certificate_pem)
    return folder / f"{name}.crt"


def renew_tls(directory: Path, party_id: str, sealer: Sealer, *, randomness: Randomness, now_ms: int) -> None:
    """Replace TLS key and certificate; the former certificate stays on the card until the next renewal.

    Peers must trust the new card before the node is started again with the new key.
    """
    keys = directory / KEYS_DIRECTORY
    shutil.copyfile(keys / CERTIFICATE_FILE, keys / PREVIOUS_CERTIFICATE_FILE)
    _write_tls(keys, _node_certificate(party_id, randomness, now_ms), sealer)


def _build(directory: Path, node: NewNode, randomness: Randomness, now_ms: int) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700, parents=True)
    (directory / SETTINGS_FILE).write_text(template(_values(node)), encoding="utf-8")
    load(directory)  # a malformed id, name or address is refused here, by the rules of the settings
    sealer = _write_node_key(directory, node.passphrase, randomness)
    _write_keys(directory / KEYS_DIRECTORY, node.party_id, sealer, randomness, now_ms)
    (directory / "data").mkdir(mode=0o700)
    if node.role is Role.AUDITOR:
        _write_encryption_key(directory / KEYS_DIRECTORY, sealer, randomness)
    else:
        add_operator(directory, DEFAULT_OPERATOR, randomness=randomness, now_ms=now_ms)


def _values(node: NewNode) -> dict[str, dict[str, Any]]:
    values: dict[str, dict[str, Any]] = {
        "node": {"id": node.party_id, "role": node.role.value, "name_zh": node.name_zh, "name_en": node.name_en}
    }
    if node.role is Role.AUDITOR:
        return values
    listen = node.listen
    if listen is None:
        listen = f"127.0.0.1:{DEFAULT_PEER_PORT[node.role]}" if node.role is Role.BUREAU else ""
    control = f"127.0.0.1:{DEFAULT_CONTROL_PORT[node.role]}" if node.control_listen is None else node.control_listen
    values["server"] = {"listen": listen, "endpoint": node.endpoint}
    values["control"] = {"listen": control}
    return values


def _write_node_key(directory: Path, passphrase: str | None, randomness: Randomness) -> Sealer:
    keys = directory / KEYS_DIRECTORY
    keys.mkdir(mode=0o700)
    node_key = randomness.bytes(KEY_BYTES)
    if passphrase is None:
        write_whole(keys / NODE_KEY_FILE, node_key)
    else:
        write_whole(keys / WRAPPED_KEY_FILE, wrap(node_key, passphrase, randomness))
    return Sealer(node_key, randomness)


def _write_keys(keys: Path, party_id: str, sealer: Sealer, randomness: Randomness, now_ms: int) -> None:
    signing = SigningKey.generate(randomness)
    write_whole(keys / SIGNING_KEY_FILE, sealer.seal(signing.export_secret_seed(), SIGNING_LABEL))
    _write_tls(keys, _node_certificate(party_id, randomness, now_ms), sealer)


def _write_encryption_key(keys: Path, sealer: Sealer, randomness: Randomness) -> None:
    key = EncryptionKey.generate(randomness)
    write_whole(keys / ENCRYPTION_KEY_FILE, sealer.seal(key.export_secret(), ENCRYPTION_LABEL))


def _node_certificate(party_id: str, randomness: Randomness, now_ms: int) -> KeyAndCertificate:
    return make_certificate(
        party_id,
        (Usage.SERVER, Usage.CLIENT),
        server_name=server_name(party_id),
        now_ms=now_ms,
        randomness=randomness,
    )


def _write_tls(keys: Path, made: KeyAndCertificate, sealer: Sealer) -> None:
    write_whole(keys / TLS_KEY_FILE, sealer.seal(made.key_pem, TLS_LABEL))
    write_whole(keys / CERTIFICATE_FILE, made.certificate_pem)
